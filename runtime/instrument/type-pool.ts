// The type section of a module that is being written: the original's types first, ours behind them. Also block types, as
// the numbers that are written as signed LEBs: a type index, or (negative) "empty" or one value type.

import type { ByteWriter } from '../base/bytes.ts';
import { writeFuncType } from '../wasm/encode.ts';
import { type FuncType, ValType, type WasmModule } from '../wasm/module.ts';
import { typeKey } from './call-graph.ts';

/** Block type of a block that takes and leaves nothing: the byte 0x40. */
const EMPTY_BLOCK = -0x40;

/** Entry of a table of block types that has not been asked for. */
const UNKNOWN = -0x80;

export class TypePool {
  readonly #module: WasmModule;
  readonly #index = new Map<string, number>();
  readonly #added: FuncType[] = [];
  /** By type index: the block type of a direct call's `try`, and of an indirect one's with an i32 operand. */
  readonly #direct: Int32Array;
  readonly #indirect: Int32Array;

  constructor(module: WasmModule) {
    this.#module = module;
    this.#direct = new Int32Array(module.types.length).fill(UNKNOWN);
    this.#indirect = new Int32Array(module.types.length).fill(UNKNOWN);
    module.types.forEach((type, index) => {
      if (type === undefined) return;
      const key = typeKey(type);
      if (!this.#index.has(key)) this.#index.set(key, index);
    });
  }

  /** Index of a function type, which is added if the module has none like it. */
  typeIndex(params: readonly ValType[], results: readonly ValType[]): number {
    const type = { params, results };
    const key = typeKey(type);
    let index = this.#index.get(key);
    if (index === undefined) {
      index = this.#module.types.length + this.#added.length;
      this.#index.set(key, index);
      this.#added.push({ params: [...params], results: [...results] });
    }
    return index;
  }

  blockType(params: readonly ValType[], results: readonly ValType[]): number {
    if (params.length === 0) {
      if (results.length === 0) return EMPTY_BLOCK;
      if (results.length === 1) return results[0]! - 0x80;
    }
    return this.typeIndex(params, results);
  }

  /** Block type of what a call of a function of type `typeIndex` takes and leaves; `operand`: says whom, -1: nothing does. */
  callType(typeIndex: number, operand: ValType | -1): number {
    const known = operand === -1 ? this.#direct : operand === ValType.i32 ? this.#indirect : undefined;
    const before = known?.[typeIndex];
    if (before !== undefined && before !== UNKNOWN) return before;
    const { params, results } = this.#module.types[typeIndex]!;
    const type = this.blockType(operand === -1 ? params : [...params, operand], results);
    if (known !== undefined) known[typeIndex] = type;
    return type;
  }

  /** Contents of the type section. */
  write(w: ByteWriter): void {
    w.u32(this.#module.types.length + this.#added.length);
    for (const type of this.#module.types) writeFuncType(w, type!);
    for (const type of this.#added) writeFuncType(w, type);
  }
}
