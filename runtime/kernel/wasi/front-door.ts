// The WASI front door: binds every function of wasi_snapshot_preview1 (or of its predecessor wasi_unstable) to a process.
// A bound function takes the wasm parameters and returns the errno, or Blocked, Exited. Only SysError becomes an errno; any
// other exception is a bug of ours and passes.

import {
  FILESTAT,
  SUBSCRIPTION,
  UNSTABLE_FILESTAT,
  UNSTABLE_SUBSCRIPTION,
  WHENCE_CUR,
  WHENCE_END,
  WHENCE_SET,
} from '../../../abi/wasi-preview1.ts';
import { SnapshotWanted, type SystemCallResult } from '../blocked.ts';
import type { Kernel } from '../kernel.ts';
import type { Process } from '../process.ts';
import { SysError } from '../sys-error.ts';
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

/** A system call as the engine imports it into the module. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are wasm i32 (number) and i64 (bigint), by signature.
export type SystemCall = (...args: any[]) => SystemCallResult;
export type SystemCallTable = Record<string, SystemCall>;

type ContextCall = (context: WasiContext, ...args: never[]) => SystemCallResult;

const { readStreamOrFile: _read, writeStreamOrFile: _write, ...fdIoCalls } = fdIo;

const COMMON: Readonly<Record<string, ContextCall>> = {
  ...args,
  ...clock,
  ...random,
  ...fd,
  ...fdIoCalls,
  ...readdir,
  ...path,
  ...poll,
  ...process,
  ...sock,
};

/** The 46 functions of module `wasi_snapshot_preview1`. */
export function createWasiPreview1(kernel: Kernel, owner: Process): SystemCallTable {
  return bindAll(COMMON, {
    kernel,
    process: owner,
    iovecs: new IovecList(),
    filestat: FILESTAT,
    subscription: SUBSCRIPTION,
    whence: [WHENCE_SET, WHENCE_CUR, WHENCE_END],
  });
}

/** The 45 functions of module `wasi_unstable` (snapshot 0). */
export function createWasiUnstable(kernel: Kernel, owner: Process): SystemCallTable {
  const { sock_accept: _accept, ...calls } = COMMON;
  return bindAll(calls, {
    kernel,
    process: owner,
    iovecs: new IovecList(),
    filestat: UNSTABLE_FILESTAT,
    subscription: UNSTABLE_SUBSCRIPTION,
    whence: [WHENCE_CUR, WHENCE_END, WHENCE_SET],
  });
}

/** wvm's own namespace, module `wvm`. */
export function createWvm(): SystemCallTable {
  return { snapshot: () => new SnapshotWanted() };
}

function bindAll(calls: Readonly<Record<string, ContextCall>>, context: WasiContext): SystemCallTable {
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, bind(context, call)]));
}

function errnoOf(error: unknown): number {
  if (error instanceof SysError) return error.errno;
  throw error;
}

/** One wrapper per parameter count: rest parameters would allocate an array for every call. */
function bind(context: WasiContext, call: ContextCall): SystemCall {
  // biome-ignore lint/suspicious/noExplicitAny: the wrappers pass on what wasm gives.
  const f = call as (context: WasiContext, ...args: any[]) => SystemCallResult;
  switch (f.length - 1) {
    case 0:
      return () => {
        try {
          return f(context);
        } catch (error) {
          return errnoOf(error);
        }
      };
    case 1:
      return (a) => {
        try {
          return f(context, a);
        } catch (error) {
          return errnoOf(error);
        }
      };
    case 2:
      return (a, b) => {
        try {
          return f(context, a, b);
        } catch (error) {
          return errnoOf(error);
        }
      };
    case 3:
      return (a, b, c) => {
        try {
          return f(context, a, b, c);
        } catch (error) {
          return errnoOf(error);
        }
      };
    case 4:
      return (a, b, c, d) => {
        try {
          return f(context, a, b, c, d);
        } catch (error) {
          return errnoOf(error);
        }
      };
    case 5:
      return (a, b, c, d, e) => {
        try {
          return f(context, a, b, c, d, e);
        } catch (error) {
          return errnoOf(error);
        }
      };
    default:
      return (a, b, c, d, e, g, h, i, j) => {
        try {
          return f(context, a, b, c, d, e, g, h, i, j);
        } catch (error) {
          return errnoOf(error);
        }
      };
  }
}
