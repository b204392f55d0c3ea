// npm run bench -- [--only AREA]… [--json FILE|-] [--list] [--quick] [--strict] [--help]
//
// 1. Every area runs in a process of its own, one after the other, and hands in its measurements.
// 2. The table goes to stdout (to stderr when the JSON goes there), JSON to the file asked for.
// 3. Exit status: 0, 1 if an area failed to run (or, with --strict, if a figure misses its must), 2 for wrong usage.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Area, type AreaMessage, benchFor } from './area.ts';
import { areas } from './areas.ts';
import { type Measurement, verdict } from './figure.ts';
import { formatJson, formatTable } from './table.ts';

async function main(): Promise<number> {
  const { values: options } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      // Internal: measure this area in this process and send the results to the parent.
      'area-process': { type: 'string' },
    },
  });
  if (options.help) {
    process.stdout.write(helpText());
    return 0;
  }
  const inThisProcess = options['area-process'];
  if (inThisProcess !== undefined) {
    await measureHere(areaNamed(inThisProcess), options.quick);
    return 0;
  }
  const chosen = options.only.length === 0 ? areas : options.only.flatMap((list) => list.split(',')).map(areaNamed);
  if (options.list) {
    for (const area of chosen) {
      for (const { id, unit, must, goal, what } of area.figures) {
        console.log(`${id.padEnd(28)} must ${String(must)} ${unit}, goal ${String(goal)} ${unit}: ${what}`);
      }
    }
    return 0;
  }
  const measurements: Measurement[] = [];
  const failed: string[] = [];
  for (const area of chosen) {
    console.error(`${area.name} …`);
    if (!(await measureInChild(area, options.quick, measurements))) failed.push(area.name);
  }
  const print = options.json === '-' ? console.error : console.log;
  print(
    `\nNode ${process.versions.node}, V8 ${process.versions.v8}${options.quick ? ', --quick: do not quote' : ''}\n`,
  );
  print(formatTable(measurements));
  if (options.json === '-') process.stdout.write(formatJson(measurements));
  else if (options.json !== undefined) writeFileSync(options.json, formatJson(measurements));
  const missed = measurements.filter((measurement) => verdict(measurement) === 'MISSED');
  if (failed.length > 0) print(`\nFailed to run: ${failed.join(', ')}`);
  if (missed.length > 0) print(`\nMissed: ${missed.map(({ id }) => id).join(', ')}`);
  return failed.length > 0 || (options.strict && missed.length > 0) ? 1 : 0;
}

function helpText(): string {
  const width = Math.max(...areas.map(({ name }) => name.length));
  const lines = areas.map(({ name, figures }) => {
    const judged = figures.filter(({ must }) => must !== null).length;
    const count = figures.length === 0 ? 'for information' : `${figures.length} figures, ${judged} with a bound`;
    return `  ${name.padEnd(width)}  ${count.replace(/^1 figures/, '1 figure')}`;
  });
  return `Usage: npm run bench -- [options]

Measures how fast wvm is: ratios of interleaved medians, as a table and as JSON.

Options:
  --only <area>   measure this area only (repeatable, or separated by commas)
  --json <file>   also write the figures as JSON, - for stdout (the table then goes to stderr)
  --list          print every figure with its bounds, and measure nothing
  --quick         few samples: to see that everything works, not to quote
  --strict        fail if a figure misses what it must reach
  -h, --help      this text

Areas:
${lines.join('\n')}

Examples:
  npm run bench
  npm run bench -- --only first-result,tiny --json figures.json
  npm run bench -- --list --only overhead

Exit codes: 0 measured, 1 an area failed to run (with --strict also a missed figure), 2 wrong usage.
`;
}

function areaNamed(name: string): Area {
  const area = areas.find((candidate) => candidate.name === name);
  if (area === undefined)
    throw new UsageError(`no area ${name}; there are ${areas.map((each) => each.name).join(', ')}`);
  return area;
}

class UsageError extends Error {}

async function measureHere(area: Area, quick: boolean): Promise<void> {
  const send = (message: AreaMessage): void => void process.send!(message);
  await area.measure(benchFor(area, quick, send));
  process.disconnect?.();
}

/** True if the area's process ended well. */
function measureInChild(area: Area, quick: boolean, measurements: Measurement[]): Promise<boolean> {
  const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning', ...(area.nodeFlags ?? [])];
  const args = [...flags, fileURLToPath(import.meta.url), '--area-process', area.name, ...(quick ? ['--quick'] : [])];
  // The area's stdout is our stderr: only the table and the JSON go to stdout.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 2, 2, 'ipc'] });
  child.on('message', (message) => {
    const received = message as AreaMessage;
    if (received.kind === 'progress') console.error(`  ${received.line}`);
    else measurements.push(received.measurement);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status === 0));
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
  console.error(isUsage ? `bench: ${(error as Error).message}` : error);
  process.exitCode = isUsage ? 2 : 1;
}
