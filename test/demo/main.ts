// npm run demo: wvm's main job on a real program, as a story one can read in half a minute.
//
// 1. `wvm run` the program undisturbed; keep its output.
// 2. `wvm run` it again; once it is in mid-computation, `wvm snapshot --stop` it from outside.
// 3. `wvm resume` the image in a new process, which goes on to the end.
// 4. The output before the stop and after it, put together, must be the undisturbed output; exit status 1 if not.

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program } from './program.ts';
import { type Finished, WvmProcess, wvm } from './wvm-process.ts';

/** Exit status of a `wvm run` that `wvm snapshot --stop` ended. */
const STOPPED_BY_SNAPSHOT = 122;

function say(line: string): void {
  console.log(line);
}

function seconds(startMs: number): string {
  return `${((performance.now() - startMs) / 1000).toFixed(2)} s`;
}

function requireSuccess(what: string, finished: Finished): void {
  if (finished.status !== 0) throw new Error(`${what}: exit status ${finished.status}\n${finished.stderr}`);
}

async function demo(folder: string): Promise<boolean> {
  const image = join(folder, 'stopped.wvm');
  const machineName = `demo-${process.pid}`;

  say(`The program: ${program.description}.`);
  let startMs = performance.now();
  const undisturbed = await wvm('run', ...program.commandLine);
  requireSuccess('wvm run', undisturbed);
  say(`1. wvm run, undisturbed: ${lineCount(undisturbed.stdout)} lines of output in ${seconds(startMs)}.`);

  startMs = performance.now();
  const first = new WvmProcess('run', '--name', machineName, ...program.commandLine);
  await first.stdoutLines(program.stopAfterLines);
  const snapshot = await wvm('snapshot', machineName, '--stop', '-o', image);
  requireSuccess('wvm snapshot', snapshot);
  const stopped = await first.finished;
  if (stopped.status !== STOPPED_BY_SNAPSHOT) throw new Error(`the stopped wvm run: exit status ${stopped.status}`);
  say(`2. wvm run again, process ${first.pid}; wvm snapshot --stop after ${seconds(startMs)}, in mid-computation:`);
  say(`   ${lineCount(stopped.stdout)} lines written, the rest of the work in an image of ${sizeOf(image)}.`);
  say(`   Its last line: ${lastLine(stopped.stdout)}`);

  startMs = performance.now();
  const second = new WvmProcess('resume', image);
  const resumed = await second.finished;
  requireSuccess('wvm resume', resumed);
  say(
    `3. wvm resume in a new process, ${second.pid}: the other ${lineCount(resumed.stdout)} lines in ${seconds(startMs)}.`,
  );
  say(`   Its last line: ${lastLine(resumed.stdout)}`);

  if (lineCount(resumed.stdout) === 0) throw new Error('the program had finished before it was stopped');
  return stopped.stdout + resumed.stdout === undisturbed.stdout;
}

function lineCount(text: string): number {
  return text.split('\n').length - 1;
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}

function sizeOf(path: string): string {
  return `${(statSync(path).size / 1024).toFixed(0)} KiB`;
}

const folder = mkdtempSync(join(tmpdir(), 'wvm-demo-'));
try {
  const equal = await demo(folder);
  say(equal ? '4. Put together: the undisturbed output, byte for byte.' : '4. NOT the undisturbed output.');
  process.exitCode = equal ? 0 : 1;
} catch (error) {
  console.error(`demo: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
