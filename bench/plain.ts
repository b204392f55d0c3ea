// The same program without wvm's instrumentation: the original module on plain V8, with the system calls of wvm's own
// kernel, so that a comparison sees the cost of being stoppable and nothing else. It cannot stop, so a call that
// blocks is an error here.

import { HostClock } from '../runtime/host/clock.ts';
import { HostEntropy } from '../runtime/host/entropy.ts';
import { NodeFiles } from '../runtime/host/files/files.ts';
import { openInput, openOutput } from '../runtime/host/streams/open-stream.ts';
import type { SystemCall } from '../runtime/kernel/bind-call.ts';
import { Blocked, Exited } from '../runtime/kernel/blocked.ts';
import type { GuestMemory } from '../runtime/kernel/guest-memory.ts';
import { Kernel } from '../runtime/kernel/kernel.ts';
import type { Ports } from '../runtime/kernel/ports.ts';
import { createWasiPreview1 } from '../runtime/kernel/wasi/front-door.ts';
import { POLL_IMPORT } from './asyncified.ts';
import type { RunOptions } from './timed-run.ts';

/** Calls whose result may be more than a number; the others are imported as they are. */
const WRAPPED_CALLS = ['proc_exit', 'fd_read', 'poll_oneoff', 'sched_yield'];

/** A program on plain V8; `module` may be the original or an asyncified one, whose polls then never suspend. */
export class PlainProgram {
  readonly #module: WebAssembly.Module;

  constructor(module: Uint8Array) {
    this.#module = new WebAssembly.Module(module as Uint8Array<ArrayBuffer>);
  }

  runMs({ args, stdout, folder }: RunOptions): number {
    const files = new NodeFiles();
    const grants = [{ guestPath: '/', handle: files.grant(folder, false), readOnly: false }];
    const kernel = new Kernel({ ports: portsFor(stdout, files), grants, args: ['guest', ...args], env: {} });
    const calls = createWasiPreview1(kernel, kernel.init);
    for (const name of WRAPPED_CALLS) calls[name] = withPlainResult(name, calls[name]!);
    const instance = new WebAssembly.Instance(this.#module, {
      wasi_snapshot_preview1: calls,
      [POLL_IMPORT.module]: { [POLL_IMPORT.name]: refuseToSuspend },
    });
    const { memory, _start: start } = instance.exports as { memory: WebAssembly.Memory; _start: () => void };
    kernel.init.memory = new ExportedMemory(memory);
    const startMs = performance.now();
    const status = runToEnd(start);
    const elapsedMs = performance.now() - startMs;
    kernel.close();
    if (status !== 0) throw new Error(`the guest on plain V8 exited with ${status}`);
    return elapsedMs;
  }
}

class Exit extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

function runToEnd(start: () => void): number {
  try {
    start();
    return 0;
  } catch (error) {
    if (error instanceof Exit) return error.status;
    throw error;
  }
}

function withPlainResult(name: string, call: SystemCall): SystemCall {
  return (...args) => {
    const result = call(...args);
    if (result instanceof Exited) throw new Exit(result.status);
    if (result instanceof Blocked) throw new Error(`${name} blocks, which plain V8 cannot do`);
    return result;
  };
}

function refuseToSuspend(): never {
  throw new Error('a poll was taken although nobody asked for it');
}

function portsFor(stdout: RunOptions['stdout'], files: NodeFiles): Ports {
  const streams = [openInput('null'), openOutput(stdout, 1), openOutput('inherit', 2)];
  return { clock: new HostClock(), entropy: new HostEntropy(), files, streams };
}

/** The memory that the instance owns; growing it detaches the views. */
class ExportedMemory implements GuestMemory {
  readonly #memory: WebAssembly.Memory;
  #bytes: Uint8Array;
  #view: DataView;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#bytes;
  }

  get view(): DataView {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#view;
  }

  #refresh(): void {
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }
}
