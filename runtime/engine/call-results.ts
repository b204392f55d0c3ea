// How the result of a host call gets into the innermost frame of a resumed stack: it is written to the beginning of the frames
// memory, and the frame calls a function, by its slot, that loads it from there.

import { assert } from '../base/assert.ts';
import { WvmError } from '../base/wvm-error.ts';
import { ValType } from '../wasm/module.ts';
import type { FunctionSlots } from './function-slots.ts';
import { RESULT_STRIDE } from './glue.ts';
import type { StackArea } from './stack-area.ts';

/** Result of a host call, delivered to the innermost frame of a resumed stack. */
export type CallResult = readonly (number | bigint)[];

export class CallResults {
  readonly #area: StackArea;
  readonly #functionSlots: FunctionSlots;
  /** By the types of the results. */
  readonly #slots = new Map<string, number>();

  constructor(area: StackArea, functionSlots: FunctionSlots) {
    this.#area = area;
    this.#functionSlots = functionSlots;
  }

  /** One number is for a call that may have no result at all. */
  write(types: readonly ValType[], result: CallResult | number | undefined): void {
    const { view } = this.#area;
    if (typeof result === 'number') {
      if (types.length > 0) storeResult(view, 0, types[0]!, result);
      return;
    }
    assert(result !== undefined && result.length === types.length, 'a host call has a result of its type');
    types.forEach((type, k) => {
      storeResult(view, k * RESULT_STRIDE, type, result[k]!);
    });
  }

  /** Of the function that loads results of these types. */
  slotFor(types: readonly ValType[]): number {
    const key = types.join();
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      const func = this.#area.resultFunction(types);
      if (func === undefined) throw new WvmError('WVM_SNAPSHOT_UNSUPPORTED', 'a host function that returns references');
      this.#slots.set(key, (slot = this.#functionSlots.add(func)));
    }
    return slot;
  }
}

function storeResult(view: DataView, at: number, type: ValType, value: number | bigint): void {
  if (type === ValType.i64) view.setBigInt64(at, BigInt(value), true);
  else if (type === ValType.f64) view.setFloat64(at, Number(value), true);
  else if (type === ValType.f32) view.setFloat32(at, Number(value), true);
  else view.setInt32(at, Number(value), true);
}
