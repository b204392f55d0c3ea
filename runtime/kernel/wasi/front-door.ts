// The WASI front door: binds every function of wasi_snapshot_preview1 (or of its predecessor wasi_unstable) to a process.
// A bound function takes the wasm parameters and returns the errno, or one of the classes of blocked.ts. The engine binds what a
// module imports through wasix/front-door.ts.

import {
  FILESTAT,
  SUBSCRIPTION,
  UNSTABLE_FILESTAT,
  UNSTABLE_SUBSCRIPTION,
  WASI_PREVIEW1_FUNCTIONS,
  WASI_UNSTABLE_FUNCTIONS,
  WHENCE_CUR,
  WHENCE_END,
  WHENCE_SET,
} from '../../../abi/wasi-preview1.ts';
import { bindCall, type ContextCall, type SystemCallTable } from '../bind-call.ts';
import type { Kernel } from '../kernel.ts';
import type { Process } from '../process.ts';
import * as args from './args.ts';
import * as clock from './clock.ts';
import type { WasiContext } from './context.ts';
import * as fd from './fd.ts';
import * as fdIo from './fd-io.ts';
import { IovecList } from './iovec.ts';
import * as path from './path.ts';
import * as poll from './poll.ts';
import * as process from './process.ts';
import * as random from './random.ts';
import * as readdir from './readdir.ts';
import * as sock from './sock.ts';

/** What the families export; only names of the tables can be imported. */
export const WASI_CALLS: Readonly<Record<string, unknown>> = {
  ...args,
  ...clock,
  ...random,
  ...fd,
  ...fdIo,
  ...readdir,
  ...path,
  ...poll,
  ...process,
  ...sock,
};

/** What calls of every namespace but wasi_unstable get. */
export function preview1Context(kernel: Kernel, owner: Process): WasiContext {
  return {
    kernel,
    process: owner,
    iovecs: new IovecList(),
    filestat: FILESTAT,
    subscription: SUBSCRIPTION,
    whence: [WHENCE_SET, WHENCE_CUR, WHENCE_END],
    isWasix: false,
  };
}

/** Snapshot 0 differs in layouts and in the order of WHENCE_*. */
export function unstableContext(kernel: Kernel, owner: Process): WasiContext {
  return {
    kernel,
    process: owner,
    iovecs: new IovecList(),
    filestat: UNSTABLE_FILESTAT,
    subscription: UNSTABLE_SUBSCRIPTION,
    whence: [WHENCE_CUR, WHENCE_END, WHENCE_SET],
    isWasix: false,
  };
}

/** The 46 functions of module `wasi_snapshot_preview1`. */
export function createWasiPreview1(kernel: Kernel, owner: Process): SystemCallTable {
  return bindAll(Object.keys(WASI_PREVIEW1_FUNCTIONS), preview1Context(kernel, owner));
}

/** The 45 functions of module `wasi_unstable` (snapshot 0). */
export function createWasiUnstable(kernel: Kernel, owner: Process): SystemCallTable {
  return bindAll(Object.keys(WASI_UNSTABLE_FUNCTIONS), unstableContext(kernel, owner));
}

function bindAll(names: readonly string[], context: WasiContext): SystemCallTable {
  return Object.fromEntries(names.map((name) => [name, bindCall(context, WASI_CALLS[name] as ContextCall)]));
}
