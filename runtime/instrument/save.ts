// Functions that write one frame record each, one per distinct set of value types. A handler is then only
//   i32.const site  local.get …  call $save_k  rethrow
// and unwinding never leaves WebAssembly.
//
// before                            after (two i32 and one i64)
//                                   (func $save (param $site i32) (param i32 i32 i64) (local $at i32)
//                                     global.get $cursor  local.tee $at  i32.const 24  i32.add  global.set $cursor
//                                     global.get $cursor  global.get $limit  i32.gt_u  if  call $grow  end
//                                     local.get $at  local.get 1  i32.store $frames offset=0
//                                     …              local.get $at  local.get $site  i32.store $frames offset=16)
// A record of more than PART_VALUES values is written by several calls: `part` functions take no site and only
// push values; the last one writes the trailer.

import { ByteWriter } from '../base/bytes.ts';
import { writeLocals } from '../wasm/encode.ts';
import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { RECORD_TRAILER, RECORD_TYPES } from './layout.ts';

/** A call of a save function takes at most this many values (engines allow 1,000 parameters). */
export const PART_VALUES = 200;

/** Index spaces of the module that is being written, as far as save functions need them. */
export interface SaveContext {
  /** Index of the frames memory. */
  readonly framesMemory: number;
  readonly cursorGlobal: number;
  readonly limitGlobal: number;
  readonly funcrefTable: number;
  readonly funcrefCursorGlobal: number;
  readonly externrefTable: number;
  readonly externrefCursorGlobal: number;
  typeIndex(params: readonly ValType[], results: readonly ValType[]): number;
}

interface SaveFunction {
  readonly types: readonly ValType[];
  readonly isPart: boolean;
  readonly typeIndex: number;
}

const STORE: Readonly<Record<number, { readonly opcode: number; readonly align: number }>> = {
  [ValType.i32]: { opcode: Op.i32_store, align: 2 },
  [ValType.i64]: { opcode: Op.i64_store, align: 3 },
  [ValType.f32]: { opcode: Op.f32_store, align: 2 },
  [ValType.f64]: { opcode: Op.f64_store, align: 3 },
  [ValType.v128]: { opcode: Op.v128_store, align: 4 },
};

/** Collects the save functions that handlers ask for, and writes their bodies at the end. */
export class SavePool {
  readonly #context: SaveContext;
  readonly #firstIndex: number;
  readonly #index = new Map<string, number>();
  readonly #functions: SaveFunction[] = [];

  /** `firstIndex`: function index of the grow function; the save functions follow it. */
  constructor(context: SaveContext, firstIndex: number) {
    this.#context = context;
    this.#firstIndex = firstIndex;
  }

  /** Function index that saves values of these types; `isPart`: without site and trailer. */
  get(types: readonly ValType[], isPart: boolean): number {
    const key = `${isPart ? 'p' : 's'}${types.join()}`;
    let index = this.#index.get(key);
    if (index === undefined) {
      index = this.#firstIndex + 1 + this.#functions.length;
      this.#index.set(key, index);
      const params = isPart ? types : [ValType.i32, ...types];
      this.#functions.push({ types, isPart, typeIndex: this.#context.typeIndex(params, []) });
    }
    return index;
  }

  /** Type indexes of all functions of the pool, the grow function first. */
  typeIndexes(): number[] {
    return [this.#context.typeIndex([], []), ...this.#functions.map((f) => f.typeIndex)];
  }

  /** Writes the code entries, in the order of the function indexes. */
  writeBodies(w: ByteWriter): void {
    const body = new ByteWriter(256);
    this.#grow(body);
    w.u32(body.position);
    w.bytes(body.toBytes());
    for (const f of this.#functions) {
      body.reset();
      this.#save(body, f);
      w.u32(body.position);
      w.bytes(body.toBytes());
    }
  }

  /** Makes room behind the cursor: grows the frames memory by what is missing and 1 MiB; traps if it cannot. */
  #grow(w: ByteWriter): void {
    const { cursorGlobal, limitGlobal, framesMemory } = this.#context;
    writeLocals(w, []);
    // pages = (cursor - limit) / 65536 + 16
    w.u8(Op.global_get);
    w.u32(cursorGlobal);
    w.u8(Op.global_get);
    w.u32(limitGlobal);
    w.u8(Op.i32_sub);
    w.u8(Op.i32_const);
    w.s32(16);
    w.u8(Op.i32_shr_u);
    w.u8(Op.i32_const);
    w.s32(16);
    w.u8(Op.i32_add);
    w.u8(Op.memory_grow);
    w.u32(framesMemory);
    w.u8(Op.i32_const);
    w.s32(-1);
    w.u8(Op.i32_eq);
    w.u8(Op.if);
    w.u8(0x40);
    w.u8(Op.unreachable);
    w.u8(Op.end);
    w.u8(Op.memory_size);
    w.u32(framesMemory);
    w.u8(Op.i32_const);
    w.s32(16);
    w.u8(Op.i32_shl);
    w.u8(Op.global_set);
    w.u32(limitGlobal);
    w.u8(Op.end);
  }

  #save(w: ByteWriter, f: SaveFunction): void {
    const c = this.#context;
    const firstValue = f.isPart ? 0 : 1;
    const at = firstValue + f.types.length;
    const size = recordSize(f.types) + (f.isPart ? 0 : RECORD_TRAILER);
    writeLocals(w, [ValType.i32]);
    w.u8(Op.global_get);
    w.u32(c.cursorGlobal);
    w.u8(Op.local_tee);
    w.u32(at);
    w.u8(Op.i32_const);
    w.s32(size);
    w.u8(Op.i32_add);
    w.u8(Op.global_set);
    w.u32(c.cursorGlobal);
    w.u8(Op.global_get);
    w.u32(c.cursorGlobal);
    w.u8(Op.global_get);
    w.u32(c.limitGlobal);
    w.u8(Op.i32_gt_u);
    w.u8(Op.if);
    w.u8(0x40);
    w.u8(Op.call);
    w.u32(this.#firstIndex);
    w.u8(Op.end);
    let offset = 0;
    for (let k = 0; k < f.types.length; k++) {
      const type = f.types[k]!;
      const store = STORE[type];
      if (store === undefined) {
        this.#saveReference(w, type, firstValue + k);
        continue;
      }
      w.u8(Op.local_get);
      w.u32(at);
      w.u8(Op.local_get);
      w.u32(firstValue + k);
      writeMemoryAccess(w, store.opcode, store.align, c.framesMemory, offset);
      offset += sizeOf(type);
    }
    if (!f.isPart) {
      w.u8(Op.local_get);
      w.u32(at);
      w.u8(Op.local_get);
      w.u32(0);
      writeMemoryAccess(w, Op.i32_store, 2, c.framesMemory, offset);
    }
    w.u8(Op.end);
  }

  /** Pushes a reference on its table: `table.grow` by one if it is full. */
  #saveReference(w: ByteWriter, type: ValType, local: number): void {
    const c = this.#context;
    const table = type === ValType.funcref ? c.funcrefTable : c.externrefTable;
    const cursor = type === ValType.funcref ? c.funcrefCursorGlobal : c.externrefCursorGlobal;
    // if (cursor == table.size) grow by one (unreachable if that fails)
    w.u8(Op.global_get);
    w.u32(cursor);
    writePrefixed(w, Op.table_size);
    w.u32(table);
    w.u8(Op.i32_eq);
    w.u8(Op.if);
    w.u8(0x40);
    w.u8(Op.ref_null);
    w.u8(type);
    w.u8(Op.i32_const);
    w.s32(1);
    writePrefixed(w, Op.table_grow);
    w.u32(table);
    w.u8(Op.i32_const);
    w.s32(-1);
    w.u8(Op.i32_eq);
    w.u8(Op.if);
    w.u8(0x40);
    w.u8(Op.unreachable);
    w.u8(Op.end);
    w.u8(Op.end);
    w.u8(Op.global_get);
    w.u32(cursor);
    w.u8(Op.local_get);
    w.u32(local);
    w.u8(Op.table_set);
    w.u32(table);
    w.u8(Op.global_get);
    w.u32(cursor);
    w.u8(Op.i32_const);
    w.s32(1);
    w.u8(Op.i32_add);
    w.u8(Op.global_set);
    w.u32(cursor);
  }
}

/** Size of a value in a record. */
export function sizeOf(type: ValType): number {
  return RECORD_TYPES.find((entry) => entry.type === type)?.size ?? 0;
}

function recordSize(types: readonly ValType[]): number {
  return types.reduce((sum, type) => sum + sizeOf(type), 0);
}

/** Writes an opcode that has a prefix byte. */
export function writePrefixed(w: ByteWriter, opcode: number): void {
  w.u8(opcode >>> 12);
  w.u32(opcode & 0xfff);
}

/** Writes a load or store of memory `memory` with a constant offset. */
export function writeMemoryAccess(w: ByteWriter, opcode: number, align: number, memory: number, offset: number): void {
  if (opcode > 0xff) writePrefixed(w, opcode);
  else w.u8(opcode);
  if (memory === 0) w.u32(align);
  else {
    w.u32(align | 0x40);
    w.u32(memory);
  }
  w.u32(offset);
}
