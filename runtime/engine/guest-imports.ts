// What a module imports, found and checked: every function has an implementation in the kernel, and the type that the
// tables of abi/ say. One error names all that are missing.

import { signatureOf } from '../../abi/imports.ts';
import { WvmError } from '../base/wvm-error.ts';
import { atomicSlotType } from '../instrument/atomic-calls.ts';
import { type AtomicDoor, type AtomicMemories, createAtomicDoor } from '../kernel/atomic-wait.ts';
import type { SystemCallResult } from '../kernel/blocked.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { GuestNumber } from '../kernel/thread.ts';
import type { Doors } from '../kernel/wasix/front-door.ts';
import type { FuncType, WasmModule } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';

export interface ImportedCall {
  readonly module: string;
  readonly name: string;
  readonly type: FuncType;
  readonly run: (...args: GuestNumber[]) => SystemCallResult;
}

/** The exported function with which threads begin: (tid, argument) -> (). */
const THREAD_ENTRY = 'wasi_thread_start';

const TYPE_NAME: Readonly<Record<number, string>> = { 127: 'i32', 126: 'i64', 125: 'f32', 124: 'f64' };
const SPAWNS: ReadonlySet<string> = new Set(['thread-spawn', 'thread_spawn', 'thread_spawn_v2']);

/** Modules whose imports have been checked: a fork need not. */
const checked = new WeakSet<WasmModule>();

/** The functions that `module` imports, in its order; `doors`: those of its process. Throws WVM_IMPORT_UNKNOWN. */
export function findImports(doors: Doors, module: WasmModule): ImportedCall[] {
  const isChecked = checked.has(module);
  const missing: string[] = [];
  const imports: ImportedCall[] = [];
  for (const entry of module.imports) {
    if (entry.kind !== 'func') continue;
    const type = module.types[entry.typeIndex]!;
    const run = doors.find(entry.module, entry.name);
    if (run === undefined) {
      missing.push(`${entry.module}.${entry.name}`);
      continue;
    }
    if (!isChecked) checkSignature(entry.module, entry.name, type);
    imports.push({ module: entry.module, name: entry.name, type, run });
  }
  if (missing.length > 0) {
    throw new WvmError('WVM_IMPORT_UNKNOWN', `the module imports what wvm does not provide: ${missing.join(', ')}`, {
      hint: 'wvm provides WASI preview1, WASIX and wasi-threads; modules made for a browser need their own glue',
    });
  }
  if (isChecked) return imports;
  if (spawnsThreads(module) && !module.exports.some((e) => e.kind === 'func' && e.name === THREAD_ENTRY)) {
    throw new WvmError('WVM_IMPORT_UNKNOWN', `the module spawns threads, but exports no ${THREAD_ENTRY}`, {
      hint: 'build it for wasm32-wasi-threads',
    });
  }
  checked.add(module);
  return imports;
}

export function spawnsThreads(module: WasmModule): boolean {
  return module.imports.some(({ kind, name }) => kind === 'func' && SPAWNS.has(name));
}

/** The calls that the instrumenter has made of wait and notify instructions. */
export function atomicCalls(kernel: Kernel, memories: AtomicMemories): ImportedCall[] {
  const door = createAtomicDoor(kernel, memories);
  const call = (name: keyof AtomicDoor, opcode: number): ImportedCall => ({
    module: 'wvm',
    name,
    type: atomicSlotType(opcode),
    run: door[name] as ImportedCall['run'],
  });
  return [
    call('atomic.wait32', Op.memory_atomic_wait32),
    call('atomic.wait64', Op.memory_atomic_wait64),
    call('atomic.notify', Op.memory_atomic_notify),
  ];
}

function checkSignature(module: string, name: string, type: FuncType): void {
  const { params, results } = signatureOf(module, name)!;
  const actual = { params: type.params.map((t) => TYPE_NAME[t]), results: type.results.map((t) => TYPE_NAME[t]) };
  if (actual.params.join() !== params.join() || actual.results.join() !== results.join()) {
    throw new WvmError(
      'WVM_IMPORT_UNKNOWN',
      `the module imports ${module}.${name} as (${actual.params}) -> (${actual.results}), ` +
        `but it is (${params}) -> (${results})`,
    );
  }
}
