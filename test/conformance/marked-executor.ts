// Runs modules in their instrumented form, their stores marking the pages that they write, and holds the marks of every call
// against what it has changed.
import { PageMarks } from '../../runtime/engine/page-marks.ts';
import * as names from '../../runtime/instrument/names.ts';
import type { WasmModule } from '../../runtime/wasm/module.ts';
import type { Instance } from './executor.ts';
import { InstrumentedExecutor, type InstrumentedInstance } from './instrumented-executor.ts';
import type { Value } from './value.ts';

const PAGE_BYTES = 4096;
/** Larger memories are not copied before each call. */
const MAX_BYTES: number = 1 << 20;

export class MarkedExecutor extends InstrumentedExecutor {
  override readonly name: string = 'instrumented, marking its writes';
  protected override readonly marksWrites: boolean = true;
  readonly #marks: WeakMap<WebAssembly.Memory, PageMarks> = new WeakMap();

  protected override ownMemories(module: WasmModule): Record<string, WebAssembly.ImportValue> {
    const marks = new PageMarks(module);
    this.#marks.set(marks.memory, marks);
    return { [names.MEMORY_MARKS]: marks.memory };
  }

  override async invoke(instance: Instance, name: string, args: readonly Value[]): Promise<Value[]> {
    const memories = this.#checkable(instance);
    if (memories === undefined) return super.invoke(instance, name, args);
    const { own } = instance as InstrumentedInstance;
    const { memories: marks } = this.#marks.get(own[names.MEMORY_MARKS] as WebAssembly.Memory)!;
    const pageCount = (k: number): number => Math.floor(memories[k]!.buffer.byteLength / PAGE_BYTES);
    const before = memories.map(({ buffer }) => new Uint8Array(buffer).slice());
    marks.forEach((each, k) => void each.take(pageCount(k)));
    try {
      return await super.invoke(instance, name, args);
    } finally {
      before.forEach((bytes, k) => {
        checkPages(bytes, new Uint8Array(memories[k]!.buffer), marks[k]!.take(pageCount(k)), name);
      });
      this.count('calls held against their marks');
    }
  }

  /** The memories of an instance that nobody else writes to. */
  #checkable(instance: Instance): WebAssembly.Memory[] | undefined {
    const { map, own } = instance as Partial<InstrumentedInstance>;
    if (map === undefined || own === undefined || map.module.imports.length > 0) return undefined;
    const memories = map.module.allMemories.map((_, k) => own[names.memoryName(k)] as WebAssembly.Memory);
    return memories.every(({ buffer }) => buffer.byteLength <= MAX_BYTES) ? memories : undefined;
  }
}

function checkPages(before: Uint8Array, after: Uint8Array, runs: readonly number[], name: string): void {
  for (let at = 0; at < after.length; at += PAGE_BYTES) {
    const old = at < before.length ? before.subarray(at, at + PAGE_BYTES) : new Uint8Array(PAGE_BYTES);
    if (Buffer.compare(old, after.subarray(at, at + PAGE_BYTES)) === 0) continue;
    const page = at / PAGE_BYTES;
    const isMarked = runs.some((first, k) => k % 2 === 0 && page >= first && page < runs[k + 1]!);
    if (!isMarked) throw new Error(`${name} has written page ${page} without a mark`);
  }
}
