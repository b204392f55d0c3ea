// The type section of a module that is being written: the original's types first, ours behind them.

import type { ByteWriter } from '../base/bytes.ts';
import { writeFuncType } from '../wasm/encode.ts';
import type { FuncType, ValType, WasmModule } from '../wasm/module.ts';
import { typeKey } from './call-graph.ts';

export class TypePool {
  readonly #module: WasmModule;
  readonly #index = new Map<string, number>();
  readonly #added: FuncType[] = [];

  constructor(module: WasmModule) {
    this.#module = module;
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

  /** Contents of the type section. */
  write(w: ByteWriter): void {
    w.u32(this.#module.types.length + this.#added.length);
    for (const type of this.#module.types) writeFuncType(w, type!);
    for (const type of this.#added) writeFuncType(w, type);
  }
}
