// The doors of one process: every function of every namespace that a module may import (abi/imports.ts), bound to the process
// when the module asks for it. A fork makes a process, so nothing is bound that is not imported.
//
// A function of the tables that no family exports can be imported, too: it answers ENOSYS, which a trace shows by its name. So a
// program that only mentions sockets or dynamic linking runs.

import { Errno } from '../../../abi/errno.ts';
import { IMPORTS, signatureOf } from '../../../abi/imports.ts';
import { WASI_PREVIEW1_FUNCTIONS } from '../../../abi/wasi-preview1.ts';
import { WASIX_ALIASES, WASIX_FUNCTIONS } from '../../../abi/wasix.ts';
import { bindCall, type ContextCall, type SystemCall } from '../bind-call.ts';
import { SnapshotWanted } from '../blocked.ts';
import type { Kernel } from '../kernel.ts';
import type { Process } from '../process.ts';
import type { WasiContext } from '../wasi/context.ts';
import { preview1Context, unstableContext, WASI_CALLS } from '../wasi/front-door.ts';
import * as contexts from './context.ts';
import * as epoll from './epoll.ts';
import * as fd from './fd.ts';
import * as fileLocks from './file-lock.ts';
import * as futex from './futex.ts';
import * as processes from './process.ts';
import * as programs from './program.ts';
import * as scheduling from './scheduling.ts';
import * as signals from './signal.ts';
import * as sockets from './sock.ts';
import * as stack from './stack.ts';
import * as threads from './thread.ts';
import * as timers from './timer.ts';
import * as tty from './tty.ts';
import * as workingDirectory from './working-directory.ts';

export interface Doors {
  /** The call of that name; undefined if wvm has none in that namespace. */
  find(module: string, name: string): SystemCall | undefined;
  /** Every call that was found is the process's from now on; the program is the same. */
  changeOwner(process: Process): void;
}

/** What the families beside WASI export under the names of the tables, and helpers of theirs that no table names. */
const loadFamilies = (): Readonly<Record<string, unknown>> => ({
  ...fd,
  ...fileLocks,
  ...sockets,
  ...epoll,
  ...tty,
  ...workingDirectory,
  ...processes,
  ...programs,
  ...scheduling,
  ...signals,
  ...timers,
  ...threads,
  ...futex,
  ...stack,
  ...contexts,
  snapshot: () => new SnapshotWanted(),
});
/** Put together when a program imports one of them: most programs know only WASI, and a start does not load the rest. */
let families: Readonly<Record<string, unknown>> | undefined;

export function createDoors(kernel: Kernel, firstOwner: Process): Doors {
  let owner = firstOwner;
  const contexts = new Map<string, WasiContext>();
  let isWasix = false;
  const contextOf = (kind: 'preview1' | 'unstable'): WasiContext => {
    let context = contexts.get(kind);
    if (context === undefined) {
      context = (kind === 'unstable' ? unstableContext : preview1Context)(kernel, owner);
      context.isWasix = isWasix;
      contexts.set(kind, context);
    }
    return context;
  };
  return {
    find(module, name) {
      if (signatureOf(module, name) === undefined) return undefined;
      if (!isWasix && (module === 'wasix_32v1' || Object.hasOwn(WASIX_FUNCTIONS, name))) {
        isWasix = true;
        for (const context of contexts.values()) context.isWasix = true;
      }
      const call = implementationOf(module, name);
      if (call === undefined) return notSupported;
      return bindCall(contextOf(module === 'wasi_unstable' ? 'unstable' : 'preview1'), call);
    },
    changeOwner(process) {
      owner = process;
      for (const context of contexts.values()) context.process = process;
    },
  };
}

/** Names of the tables that answer ENOSYS in that namespace. */
export function unsupportedCalls(module: string): string[] {
  return Object.keys(IMPORTS.get(module) ?? {}).filter((name) => implementationOf(module, name) === undefined);
}

function implementationOf(module: string, name: string): ContextCall | undefined {
  const isAlias = module === 'wasix_32v1' || !Object.hasOwn(WASI_PREVIEW1_FUNCTIONS, name);
  const exported = (isAlias ? WASIX_ALIASES[name] : undefined) ?? name;
  if (Object.hasOwn(WASI_CALLS, exported)) return WASI_CALLS[exported] as ContextCall;
  families ??= loadFamilies();
  return Object.hasOwn(families, exported) ? (families[exported] as ContextCall) : undefined;
}

function notSupported(): number {
  return Errno.ENOSYS;
}
