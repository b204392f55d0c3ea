// Runs a WASI command under node:wasi, the host that guests are compared with: input, output and errors are files, so
// that the whole run is plain data.

import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WASI } from 'node:wasi';

export interface NodeWasiOptions {
  programName?: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  stdin?: string | Uint8Array;
  /** Guest path to host path; without it an empty folder is granted as /, and removed afterwards. */
  preopens?: Readonly<Record<string, string>>;
}

export interface NodeWasiResult {
  /** The exit status, or what the guest died of. */
  end: { kind: 'exit'; code: number } | { kind: 'trap'; message: string };
  stdout: Uint8Array;
  stderr: Uint8Array;
  /** From instantiation to the end, without compilation. */
  milliseconds: number;
}

export function runUnderNodeWasi(bytes: Uint8Array<ArrayBuffer>, options: NodeWasiOptions = {}): NodeWasiResult {
  const module = new WebAssembly.Module(bytes);
  const folder = mkdtempSync(join(tmpdir(), 'wvm-node-wasi-'));
  const path = (name: string): string => join(folder, name);
  mkdirSync(path('root'));
  writeFileSync(path('stdin'), options.stdin ?? '');
  const fds = [openSync(path('stdin'), 'r'), openSync(path('stdout'), 'w'), openSync(path('stderr'), 'w')] as const;
  try {
    const wasi = new WASI({
      version: 'preview1',
      args: [options.programName ?? 'guest', ...(options.args ?? [])],
      env: { ...options.env },
      preopens: { ...(options.preopens ?? { '/': path('root') }) },
      stdin: fds[0],
      stdout: fds[1],
      stderr: fds[2],
      returnOnExit: true,
    });
    let snapshotId = 0;
    const imports = {
      ...(wasi.getImportObject() as WebAssembly.Imports),
      wvm: { snapshot: () => ++snapshotId },
    };
    const start = performance.now();
    const end = runToEnd(wasi, module, imports);
    const milliseconds = performance.now() - start;
    return { end, stdout: readFileSync(path('stdout')), stderr: readFileSync(path('stderr')), milliseconds };
  } finally {
    for (const fd of fds) closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}

function runToEnd(wasi: WASI, module: WebAssembly.Module, imports: WebAssembly.Imports): NodeWasiResult['end'] {
  try {
    const code: unknown = wasi.start(new WebAssembly.Instance(module, imports));
    return { kind: 'exit', code: Number(code) };
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return { kind: 'trap', message: error.message };
    throw error;
  }
}
