// Runs one WASI test: gives it a fresh copy of its directory, lets a runner execute it, compares what came out.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verdict } from './verdict.ts';
import type { WasiTest } from './wasi-suite.ts';

export interface WasiOutcome {
  /** Undefined if the program did not exit by itself; `note` then says what happened. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly note: string;
}

export interface WasiRunner {
  readonly name: string;
  /** `rootPath`, if given, is the guest's `/`. */
  run(test: WasiTest, rootPath: string | undefined): Promise<WasiOutcome>;
  /** Facts worth a line in the report, for example how many snapshots were taken. */
  readonly counters: Readonly<Record<string, number>>;
}

/** A test takes milliseconds; the longest one sleeps for less than a second. */
export const WASI_TEST_TIMEOUT_MS = 30_000;

export async function runWasiTest(test: WasiTest, runner: WasiRunner): Promise<Verdict> {
  const scratch = mkdtempSync(join(tmpdir(), 'wvm-wasi-'));
  try {
    const rootPath = test.root === undefined ? undefined : join(scratch, 'root');
    if (test.root !== undefined && rootPath !== undefined) cpSync(test.root, rootPath, { recursive: true });
    const detail = describeDifference(test, await runner.run(test, rootPath));
    return { line: 0, kind: 'test', message: '', status: detail === '' ? 'pass' : 'fail', detail };
  } catch (error) {
    const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { line: 0, kind: 'test', message: '', status: 'fail', detail };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function describeDifference(test: WasiTest, outcome: WasiOutcome): string {
  const differences: string[] = [];
  if (outcome.exitCode !== test.exitCode) {
    const lastWords = outcome.stderr.trim().split('\n').slice(0, 3).join(' / ');
    differences.push(`exit ${outcome.exitCode ?? outcome.note} instead of ${test.exitCode}: ${lastWords}`);
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const expected = test[stream];
    if (expected !== undefined && outcome[stream] !== expected) {
      differences.push(`${stream} ${JSON.stringify(outcome[stream])} instead of ${JSON.stringify(expected)}`);
    }
  }
  return differences.join('; ');
}
