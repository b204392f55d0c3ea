// `npm run conformance`: the WebAssembly specification's own test suite and the WASI test suite against wvm.
// README.md in this folder says how to get the suites.
import { Command, InvalidArgumentError, Option } from 'commander';
import { makeExecutor, makeWasiRunner } from './executors.ts';
import { MODES, type Mode } from './mode.ts';
import { Report } from './report.ts';
import { runScript } from './run-script.ts';
import { findScripts } from './script-suite.ts';
import type { Verdict } from './verdict.ts';
import { runWasiTest } from './wasi-runner.ts';
import { findWasiTests } from './wasi-suite.ts';

interface Options {
  readonly wasmSpec?: string;
  readonly wasiTestsuite?: string;
  readonly only?: RegExp;
  readonly json?: string;
  readonly mode: readonly Mode[];
}

const program = new Command('conformance')
  .description('Runs the WebAssembly specification test suite and the WASI test suite against wvm.')
  .option('--wasm-spec <dir>', 'folder of .wast scripts, or of what wast2json made of them')
  .option('--wasi-testsuite <dir>', 'folder of built WASI tests')
  .option('--only <pattern>', 'only files whose name matches this regular expression', parsePattern)
  .option('--json <file>', 'write all results as JSON; - is standard output')
  .addOption(
    new Option('--mode <mode...>', `how to run them: ${MODES.join(', ')}`)
      .choices([...MODES])
      .default(MODES.slice(1), 'all but plain'),
  );

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new InvalidArgumentError('not a regular expression');
  }
}

program.parse();
const options = program.opts<Options>();
if (options.wasmSpec === undefined && options.wasiTestsuite === undefined) {
  program.error('error: give --wasm-spec, --wasi-testsuite or both');
}
const report = new Report(options.json === '-' ? process.stderr : process.stdout);
const selected = (file: { readonly name: string }): boolean => options.only?.test(file.name) ?? true;
for (const mode of options.mode) {
  if (options.wasmSpec !== undefined) await runSpecification(options.wasmSpec, mode);
  if (options.wasiTestsuite !== undefined) await runWasi(options.wasiTestsuite, mode);
}
report.printTable();
if (options.json !== undefined) report.writeJson(options.json);
process.exitCode = report.failureCount === 0 ? 0 : 1;

async function runSpecification(folder: string, mode: Mode): Promise<void> {
  const scripts = findScripts(folder).filter(selected);
  if (scripts.length === 0) program.error(`error: no scripts in ${folder}`);
  const executor = makeExecutor(mode);
  for (const script of scripts) {
    const verdicts = await orFailure(async () => runScript(script.read(), executor));
    report.add('wasm-spec', mode, script.group, script.name, verdicts);
  }
  report.addCounters(`wasm-spec ${mode} (${executor.name})`, executor.counters);
}

async function runWasi(folder: string, mode: Mode): Promise<void> {
  const tests = findWasiTests(folder).filter(selected);
  if (tests.length === 0) program.error(`error: no preview1 tests in ${folder}`);
  const runner = makeWasiRunner(mode);
  for (const test of tests) {
    const verdicts = [await runWasiTest(test, runner)];
    report.add('wasi-testsuite', mode, test.name.replace(/\/.*/, ''), test.name, verdicts);
  }
  report.addCounters(`wasi-testsuite ${mode} (${runner.name})`, runner.counters);
}

/** A script that cannot be read is one failure, and the others still run. */
async function orFailure(run: () => Promise<Verdict[]>): Promise<Verdict[]> {
  try {
    return await run();
  } catch (error) {
    return [{ line: 0, kind: 'script', status: 'fail', message: '', detail: String(error) }];
  }
}
