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
// push values; the last one writes the trailer. Exceptions are taken apart and put together by two more functions,
// made where a record has one:
//
//   (func $save_exception (param $x exnref) (param $at i32) …)         ;; throws $x, catches it by its tag, stores its payload
//   (func $load_exception (param $at i32) (param $funcref i32) (param $externref i32) (result exnref) …)

import { ByteWriter } from '../base/bytes.ts';
import { writeLocals } from '../wasm/encode.ts';
import { ValType, type WasmModule } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { type ExceptionArea, exceptionArea } from './exception-area.ts';
import { RECORD_TRAILER, sizeOf } from './layout.ts';
import { NUMERIC_TYPES, RecordValues } from './record-values.ts';

/** A call of a save function takes at most this many values (engines allow 1,000 parameters). */
export const PART_VALUES = 200;

/** Index spaces of the module that is being written, as far as save functions need them. */
export interface SaveContext {
  readonly module: WasmModule;
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

interface OwnFunction {
  readonly typeIndex: number;
  readonly write: (w: ByteWriter) => void;
}

interface SaveFunction {
  readonly types: readonly ValType[];
  readonly isPart: boolean;
}

const VOID = 0x40;
const STORE: Readonly<Record<number, { readonly opcode: number; readonly align: number }>> = {
  [ValType.i32]: { opcode: Op.i32_store, align: 2 },
  [ValType.i64]: { opcode: Op.i64_store, align: 3 },
  [ValType.f32]: { opcode: Op.f32_store, align: 2 },
  [ValType.f64]: { opcode: Op.f64_store, align: 3 },
  [ValType.v128]: { opcode: Op.v128_store, align: 4 },
};

const LOAD: Readonly<Record<number, { readonly opcode: number; readonly align: number }>> = {
  [ValType.i32]: { opcode: Op.i32_load, align: 2 },
  [ValType.i64]: { opcode: Op.i64_load, align: 3 },
  [ValType.f32]: { opcode: Op.f32_load, align: 2 },
  [ValType.f64]: { opcode: Op.f64_load, align: 3 },
  [ValType.v128]: { opcode: Op.v128_load, align: 4 },
};

/** Collects the save functions that handlers ask for, and writes their bodies at the end. */
export class SavePool {
  readonly #context: SaveContext;
  readonly #firstIndex: number;
  readonly #index = new Map<string, number>();
  readonly #functions: OwnFunction[] = [];
  /** Of the function whose sites are being written. */
  readonly values: RecordValues = new RecordValues();
  /** Save functions of values that lie in memory: by number of i32 values where there are no others, else by all counts. */
  readonly #byI32Count: (number | undefined)[] = [];
  readonly #byCounts = new Map<number, number>();

  /** `firstIndex`: function index of the grow function; the save functions follow it. */
  constructor(context: SaveContext, firstIndex: number) {
    this.#context = context;
    this.#firstIndex = firstIndex;
  }

  /** Function index that saves values of these types; `isPart`: without site and trailer. */
  get(types: readonly ValType[], isPart: boolean): number {
    // Before the function that calls it, because bodies are written when all indexes are known.
    if (types.includes(ValType.exnref)) this.exceptionSaver();
    const params = isPart ? types : [ValType.i32, ...types];
    return this.function(`${isPart ? 'p' : 's'}${types.join()}`, params, [], (w) => this.#save(w, { types, isPart }));
  }

  /** Function index that saves so many values (at most PART_VALUES) of each of NUMERIC_TYPES. */
  getByCounts(counts: Int32Array): number {
    let key = 0;
    for (let t = counts.length - 1; t > 0; t--) key = key * 256 + counts[t]!;
    const i32Count = counts[0]!;
    if (key === 0) return (this.#byI32Count[i32Count] ??= this.#getByCounts(counts));
    key = key * 256 + i32Count;
    let index = this.#byCounts.get(key);
    if (index === undefined) this.#byCounts.set(key, (index = this.#getByCounts(counts)));
    return index;
  }

  #getByCounts(counts: Int32Array): number {
    const types: ValType[] = [];
    NUMERIC_TYPES.forEach((type, t) => {
      for (let k = 0; k < counts[t]!; k++) types.push(type);
    });
    return this.get(types, false);
  }

  /** Function index of [exnref, address of the area] -> []. */
  exceptionSaver(): number {
    // Its block types must exist before the type section is written, and that comes before its body.
    for (const slots of exceptionArea(this.#context.module).payloads) this.#payloadType(slots);
    return this.function('exception saver', [ValType.exnref, ValType.i32], [], (w) => this.#saveException(w));
  }

  /** Function index of [address of the area, index of its first funcref, of its first externref] -> [exnref]. */
  exceptionLoader(): number {
    const params = [ValType.i32, ValType.i32, ValType.i32];
    return this.function('exception loader', params, [ValType.exnref], (w) => this.#loadException(w));
  }

  /** Function index of a function of our own, written once however often it is asked for. */
  function(
    key: string,
    params: readonly ValType[],
    results: readonly ValType[],
    write: (w: ByteWriter) => void,
  ): number {
    let index = this.#index.get(key);
    if (index === undefined) {
      index = this.#firstIndex + 1 + this.#functions.length;
      this.#index.set(key, index);
      this.#functions.push({ typeIndex: this.#context.typeIndex(params, results), write });
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
      f.write(body);
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
    const size = f.types.reduce((sum, type) => sum + sizeOf(c.module, type), 0) + (f.isPart ? 0 : RECORD_TRAILER);
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
      if (type === ValType.exnref) {
        w.u8(Op.local_get);
        w.u32(firstValue + k);
        w.u8(Op.local_get);
        w.u32(at);
        w.u8(Op.i32_const);
        w.s32(offset);
        w.u8(Op.i32_add);
        w.u8(Op.call);
        w.u32(this.exceptionSaver());
        offset += sizeOf(c.module, type);
        continue;
      }
      if (store === undefined) {
        this.#saveReference(w, type, firstValue + k);
        continue;
      }
      w.u8(Op.local_get);
      w.u32(at);
      w.u8(Op.local_get);
      w.u32(firstValue + k);
      writeMemoryAccess(w, store.opcode, store.align, c.framesMemory, offset);
      offset += sizeOf(c.module, type);
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

  #saveException(w: ByteWriter): void {
    const { module, framesMemory } = this.#context;
    const area = exceptionArea(module);
    const { payloads } = area;
    const types: ValType[] = [];
    const localOf = new Map<string, number>();
    const locals = payloads.map((slots) =>
      slots.map(({ type }, k) => {
        const key = `${k} ${type}`;
        if (!localOf.has(key)) localOf.set(key, 1 + types.push(type));
        return localOf.get(key)!;
      }),
    );
    writeLocals(w, types);
    w.u8(Op.local_get);
    w.u32(0);
    w.u8(Op.ref_is_null);
    w.u8(Op.if);
    w.u8(VOID);
    this.#storeTag(w, 0);
    this.#padReferences(w, area, []);
    w.u8(Op.return);
    w.u8(Op.end);
    // block $done  block $last … block $first  try_table (catch 0 $first) … end  end  …store…  br $done  end …
    w.u8(Op.block);
    w.u8(VOID);
    for (let tag = payloads.length - 1; tag >= 0; tag--) {
      w.u8(Op.block);
      w.s32(this.#payloadType(payloads[tag]!));
    }
    w.u8(Op.try_table);
    w.u8(VOID);
    w.u32(payloads.length);
    payloads.forEach((_, tag) => {
      w.u8(0);
      w.u32(tag);
      w.u32(tag);
    });
    w.u8(Op.local_get);
    w.u32(0);
    w.u8(Op.throw_ref);
    w.u8(Op.end);
    w.u8(Op.unreachable);
    payloads.forEach((slots, tag) => {
      w.u8(Op.end);
      for (const local of locals[tag]!.toReversed()) {
        w.u8(Op.local_set);
        w.u32(local);
      }
      this.#storeTag(w, tag + 1);
      slots.forEach(({ type, offset }, k) => {
        const store = STORE[type];
        if (store === undefined) {
          this.#saveReference(w, type, locals[tag]![k]!);
          return;
        }
        w.u8(Op.local_get);
        w.u32(1);
        w.u8(Op.local_get);
        w.u32(locals[tag]![k]!);
        writeMemoryAccess(w, store.opcode, store.align, framesMemory, offset);
      });
      this.#padReferences(w, area, slots);
      w.u8(Op.br);
      w.u32(payloads.length - 1 - tag);
    });
    w.u8(Op.end);
    w.u8(Op.end);
  }

  #payloadType(slots: readonly { readonly type: ValType }[]): number {
    return this.#context.typeIndex(
      [],
      slots.map(({ type }) => type),
    );
  }

  #storeTag(w: ByteWriter, value: number): void {
    w.u8(Op.local_get);
    w.u32(1);
    w.u8(Op.i32_const);
    w.s32(value);
    writeMemoryAccess(w, Op.i32_store, 2, this.#context.framesMemory, 0);
  }

  /** Null references, so that every area has the same number. */
  #padReferences(w: ByteWriter, area: ExceptionArea, slots: readonly { readonly type: ValType }[]): void {
    const counts: [ValType, number][] = [
      [ValType.funcref, area.funcrefCount],
      [ValType.externref, area.externrefCount],
    ];
    for (const [type, count] of counts) {
      for (let k = slots.filter((slot) => slot.type === type).length; k < count; k++) this.#saveReference(w, type, -1);
    }
  }

  #loadException(w: ByteWriter): void {
    const { module, framesMemory, funcrefTable, externrefTable } = this.#context;
    writeLocals(w, []);
    w.u8(Op.block);
    w.u8(ValType.exnref);
    w.u8(Op.try_table);
    w.u8(VOID);
    w.u32(1);
    w.u8(3);
    w.u32(0);
    exceptionArea(module).payloads.forEach((slots, tag) => {
      w.u8(Op.local_get);
      w.u32(0);
      writeMemoryAccess(w, Op.i32_load, 2, framesMemory, 0);
      w.u8(Op.i32_const);
      w.s32(tag + 1);
      w.u8(Op.i32_eq);
      w.u8(Op.if);
      w.u8(VOID);
      for (const { type, offset } of slots) {
        const load = LOAD[type];
        if (load === undefined) {
          w.u8(Op.local_get);
          w.u32(type === ValType.funcref ? 1 : 2);
          w.u8(Op.i32_const);
          w.s32(offset);
          w.u8(Op.i32_add);
          w.u8(Op.table_get);
          w.u32(type === ValType.funcref ? funcrefTable : externrefTable);
        } else {
          w.u8(Op.local_get);
          w.u32(0);
          writeMemoryAccess(w, load.opcode, load.align, framesMemory, offset);
        }
      }
      w.u8(Op.throw);
      w.u32(tag);
      w.u8(Op.end);
    });
    w.u8(Op.end);
    w.u8(Op.ref_null);
    w.u8(ValType.exnref);
    w.u8(Op.end);
    w.u8(Op.end);
  }

  /** Pushes a reference on its table (local -1: null): `table.grow` by one if it is full. */
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
    if (local < 0) {
      w.u8(Op.ref_null);
      w.u8(type);
    } else {
      w.u8(Op.local_get);
      w.u32(local);
    }
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

/** Writes an opcode that has a prefix byte. */
export function writePrefixed(w: ByteWriter, opcode: number): void {
  w.u8(opcode >>> 12);
  w.u32(opcode & 0xfff);
}

/** Writes a load or store of memory `memory` with a constant offset. */
export function writeMemoryAccess(
  w: ByteWriter,
  opcode: number,
  align: number,
  memory: number,
  offset: number | bigint,
): void {
  if (opcode > 0xff) writePrefixed(w, opcode);
  else w.u8(opcode);
  if (memory === 0) w.u32(align);
  else {
    w.u32(align | 0x40);
    w.u32(memory);
  }
  if (typeof offset === 'number') w.u32(offset);
  else w.u64(offset);
}
