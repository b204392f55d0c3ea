// What the instances of a machine share because one thread runs at a time: the memory into which a stack unwinds and from
// which it is resumed, and the functions that depend on nothing else. A fork makes an instance; making these again would
// take as long as the rest of it.
//
// Invariant: between two runs memory and tables hold nothing: a stack that was unwound has been copied out of them.

import { POLL_PARAMS } from '../instrument/names.ts';
import type { ValType } from '../wasm/module.ts';
import { resultFunction, wrapHostFunction } from './glue.ts';

const WASM_PAGE_BYTES = 65536;

/** Called with its site when the fuel is used up: false with new fuel in place, true to unwind. */
export type PollAnswer = (site: number) => boolean;

export class StackArea {
  readonly frames: WebAssembly.Memory = new WebAssembly.Memory({ initial: 1 });
  /** The references of the frames. */
  readonly funcrefs: WebAssembly.Table = new WebAssembly.Table({ element: 'anyfunc', initial: 0 });
  readonly externrefs: WebAssembly.Table = new WebAssembly.Table({ element: 'externref', initial: 0 });
  readonly unwindTag: WebAssembly.Tag = new WebAssembly.Tag({ parameters: [] });
  /** Thrown by a host function it unwinds the stack. Made once: nobody looks at where it came from. */
  readonly unwind: WebAssembly.Exception = new WebAssembly.Exception(this.unwindTag, []);
  /** Answers the polls of the instance that runs; true unwinds. */
  answerPoll: PollAnswer = () => false;
  /** A continuation unwound because it ends there: the guest goes on at once. */
  isCut = false;
  /** What every instance imports as its poll. */
  readonly poll: WebAssembly.ExportedFunction;
  #bytes: Uint8Array;
  #view: DataView;
  readonly #resultFunctions = new Map<string, WebAssembly.ExportedFunction | undefined>();

  constructor() {
    this.#bytes = new Uint8Array(this.frames.buffer);
    this.#view = new DataView(this.frames.buffer);
    this.poll = wrapHostFunction({ params: POLL_PARAMS, results: [] }, (site: number) => {
      if (site < 0) this.isCut = true;
      if (site < 0 || this.answerPoll(site)) throw this.unwind;
    });
  }

  /** All of the frames memory, at its present size. */
  get bytes(): Uint8Array {
    // Guests grow it while they unwind, which ends the views of before.
    if (this.#bytes.length === 0) this.#refresh();
    return this.#bytes;
  }

  get view(): DataView {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#view;
  }

  /** Makes room for `sizeBytes` from the beginning on. */
  reserve(sizeBytes: number): void {
    const missing = sizeBytes - this.bytes.length;
    if (missing > 0) this.frames.grow(Math.ceil(missing / WASM_PAGE_BYTES));
  }

  /** A function [] -> results that loads its results from the beginning of the frames memory. */
  resultFunction(results: readonly ValType[]): WebAssembly.ExportedFunction | undefined {
    const key = results.join();
    let func = this.#resultFunctions.get(key);
    if (func === undefined) this.#resultFunctions.set(key, (func = resultFunction(results, this.frames)));
    return func;
  }

  #refresh(): void {
    this.#bytes = new Uint8Array(this.frames.buffer);
    this.#view = new DataView(this.frames.buffer);
  }
}
