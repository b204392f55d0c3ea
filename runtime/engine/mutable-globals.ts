// The mutable globals of an instance, as each thread has values of its own for them: read when another thread is to run, and
// written when it is this one's turn again. The bits of floats and vectors go through the frames memory (glue.ts).

import { sizeOf } from '../instrument/layout.ts';
import * as names from '../instrument/names.ts';
import { ValType, type WasmModule } from '../wasm/module.ts';
import { globalCopier } from './glue.ts';
import type { StackArea } from './stack-area.ts';

interface MutableGlobal {
  readonly index: number;
  readonly isBits: boolean;
  /** Once it was asked for. */
  global: WebAssembly.Global | undefined;
}

/** JavaScript cannot hold a v128, and may change the bits of a NaN. */
const BITS_TYPES: ReadonlySet<number> = new Set([ValType.f32, ValType.f64, ValType.v128]);
const NO_VALUES: readonly unknown[] = [];

export class MutableGlobals {
  readonly #module: WasmModule;
  readonly #exports: WebAssembly.Exports;
  readonly #area: StackArea;
  readonly #entries: readonly MutableGlobal[];

  constructor(module: WasmModule, exports: WebAssembly.Exports, area: StackArea) {
    this.#module = module;
    this.#exports = exports;
    this.#area = area;
    this.#entries = module.allGlobals.flatMap(({ type, mutable }, index) =>
      mutable ? [{ index, isBits: BITS_TYPES.has(type), global: undefined }] : [],
    );
  }

  /** Values of all, in their order; floats and vectors as bits. Only for setValues. */
  values(): readonly unknown[] {
    if (this.#entries.length === 0) return NO_VALUES;
    const values: unknown[] = [];
    for (const entry of this.#entries) {
      if (entry.isBits) values.push(this.#bits(entry.index));
      else values.push((entry.global ??= this.#global(entry.index)).value);
    }
    return values;
  }

  setValues(values: readonly unknown[]): void {
    for (let k = 0; k < values.length; k++) {
      const entry = this.#entries[k]!;
      if (entry.isBits) this.setBits(entry.index, values[k] as Uint8Array);
      else (entry.global ??= this.#global(entry.index)).value = values[k];
    }
  }

  /** The bits of a float or vector global, little-endian. */
  #bits(index: number): Uint8Array {
    const type = this.#module.allGlobals[index]!.type;
    globalCopier(type, this.#global(index), this.#area.frames).store();
    return this.#area.bytes.slice(0, sizeOf(this.#module, type));
  }

  /** `index`: in the original module. */
  setBits(index: number, bytes: Uint8Array): void {
    this.#area.bytes.set(bytes, 0);
    globalCopier(this.#module.allGlobals[index]!.type, this.#global(index), this.#area.frames).load();
  }

  #global(index: number): WebAssembly.Global {
    return this.#exports[names.globalName(index)] as WebAssembly.Global;
  }
}
