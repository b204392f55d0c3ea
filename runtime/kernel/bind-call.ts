// Makes a system call that a module can import of a plain function (context, ...wasm parameters): the context is bound, and a
// SysError becomes its errno. Any other exception is a bug of ours and passes.

import type { SystemCallResult } from './blocked.ts';
import { SysError } from './sys-error.ts';
import type { WasiContext } from './wasi/context.ts';

/** A system call as the engine imports it into the module. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are wasm i32 (number) and i64 (bigint), by signature.
export type SystemCall = (...args: any[]) => SystemCallResult;
export type SystemCallTable = Record<string, SystemCall>;

export type ContextCall = (context: WasiContext, ...args: never[]) => SystemCallResult;

function errnoOf(error: unknown): number {
  if (error instanceof SysError) return error.errno;
  throw error;
}

/** One wrapper per parameter count, but for the rare long ones: rest parameters would allocate an array for every call. */
export function bindCall(context: WasiContext, call: ContextCall): SystemCall {
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
    case 6:
    case 7:
    case 8:
    case 9:
      return (a, b, c, d, e, g, h, i, j) => {
        try {
          return f(context, a, b, c, d, e, g, h, i, j);
        } catch (error) {
          return errnoOf(error);
        }
      };
    default:
      return (...args) => {
        try {
          return f(context, ...args);
        } catch (error) {
          return errnoOf(error);
        }
      };
  }
}
