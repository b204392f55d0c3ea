// Runs a WASI test on Node's own `node:wasi`, one process each: the baseline that checks this harness.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { WASI_TEST_TIMEOUT_MS, type WasiOutcome, type WasiRunner } from './wasi-runner.ts';
import type { WasiTest } from './wasi-suite.ts';

const CHILD = `
  import { readFileSync } from 'node:fs';
  import { WASI } from 'node:wasi';
  const { modulePath, ...options } = JSON.parse(process.argv[1]);
  const wasi = new WASI({ version: 'preview1', returnOnExit: true, ...options });
  const { instance } = await WebAssembly.instantiate(readFileSync(modulePath), wasi.getImportObject());
  process.exitCode = wasi.start(instance);
`;

export class NodeWasiRunner implements WasiRunner {
  readonly name: string = 'node:wasi';
  readonly counters: Readonly<Record<string, number>> = {};

  async run(test: WasiTest, rootPath: string | undefined): Promise<WasiOutcome> {
    const { modulePath, env } = test;
    const preopens = rootPath === undefined ? {} : { '/': rootPath };
    const options = JSON.stringify({ modulePath, args: [modulePath, ...test.args], env, preopens });
    const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', CHILD, options], {
      stdio: 'pipe',
      timeout: WASI_TEST_TIMEOUT_MS,
    });
    const exited = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal }));
    });
    // Standard input stays an open pipe without data, as the suite's own runner has it.
    const [stdout, stderr, { code, signal }] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
    return { exitCode: code ?? undefined, stdout, stderr, note: `killed by ${signal}` };
  }
}
