// The two loops over all of a guest's memory that decide how long a snapshot and a resume take, in WebAssembly SIMD:
// which pages hold anything (page-scan.wat), and the checksum of records and pages (stripes.wat). They fit the ports that
// runtime/snapshot declares; its portable versions define what they compute.
//
// Measured, 64 MiB: scanning zeros 19 GB/s (portable 7.8), checksum 15 GB/s (portable 2.7, zlib's crc32 4).

import { decodeHex } from '../base/hex.ts';
import {
  pageScan32,
  pageScan32Shared,
  pageScan64,
  pageScan64Shared,
  stripes,
  stripesInGuest,
} from './memory-modules.ts';

const PAGE_BYTES = 4096;
/** One bit of an i32 for each. */
const PAGES_PER_CALL = 32;

const SCRATCH_ADDRESS = 65536;
const SCRATCH_BYTES: number = 1 << 20;

interface Scanned {
  readonly bytes: Uint8Array;
  readonly memory?: object;
}

/** `bytes` of each source must be the whole of the WebAssembly.Memory that it gives as `memory`. */
export class WasmPageScanner {
  readonly #modules: Map<string, WebAssembly.Module> = new Map();
  readonly #scans: WeakMap<object, (address: number, pageCount: number) => number> = new WeakMap();

  /** Maximal ascending runs of 4 KiB pages that hold a byte other than zero: first page, page count, … */
  nonZeroRuns(source: Scanned): Uint32Array {
    if (!(source.memory instanceof WebAssembly.Memory))
      throw new TypeError('the memory to scan is not a WebAssembly.Memory');
    const nonZero = this.#scanOf(source.memory);
    const pageCount = Math.floor(source.bytes.length / PAGE_BYTES);
    const runs: number[] = [];
    let runStart = -1;
    for (let page = 0; page < pageCount; page += PAGES_PER_CALL) {
      const count = Math.min(PAGES_PER_CALL, pageCount - page);
      const bits = nonZero(page * PAGE_BYTES, count);
      // Mostly nothing, or everything as before.
      if (bits === 0 ? runStart < 0 : bits === -1 && runStart >= 0) continue;
      for (let i = 0; i < count; i++) {
        const holds = ((bits >>> i) & 1) !== 0;
        if (holds === runStart >= 0) continue;
        if (holds) {
          runStart = page + i;
        } else {
          runs.push(runStart, page + i - runStart);
          runStart = -1;
        }
      }
    }
    if (runStart >= 0) runs.push(runStart, pageCount - runStart);
    return Uint32Array.from(runs);
  }

  #scanOf(memory: WebAssembly.Memory): (address: number, pageCount: number) => number {
    const known = this.#scans.get(memory);
    if (known !== undefined) return known;
    const shared = memory.buffer instanceof SharedArrayBuffer;
    let scan: (address: number, pageCount: number) => number;
    try {
      scan = this.#instantiate(shared ? pageScan32Shared : pageScan32, memory) as typeof scan;
    } catch (error) {
      // Nothing in a Memory tells its address type; linking does.
      if (!(error instanceof WebAssembly.LinkError)) throw error;
      const wide = this.#instantiate(shared ? pageScan64Shared : pageScan64, memory);
      scan = (address, pageCount) => wide(BigInt(address), pageCount) as number;
    }
    this.#scans.set(memory, scan);
    return scan;
  }

  #instantiate(hex: string, memory: WebAssembly.Memory): WebAssembly.ExportedFunction {
    let module = this.#modules.get(hex);
    if (module === undefined) this.#modules.set(hex, (module = new WebAssembly.Module(decodeHex(hex))));
    return new WebAssembly.Instance(module, { guest: { memory } }).exports['nonZero'] as WebAssembly.ExportedFunction;
  }
}

type Absorb = (address: number, sizeBytes: number) => void;

/** The inner loop of the checksum, over a scratch area of 1 MiB in a memory of its own. */
export class WasmStripes {
  readonly scratch: Uint8Array;
  readonly #inGuests: WeakMap<object, Absorb | undefined> = new WeakMap();
  #inGuest: WebAssembly.Module | undefined;
  readonly #start: () => void;
  readonly #memory: WebAssembly.Memory;
  readonly #absorb: Absorb;
  readonly #finish: (lengthLow: number, lengthHigh: number) => bigint;

  constructor() {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(decodeHex(stripes)));
    this.#memory = exports['memory'] as WebAssembly.Memory;
    this.scratch = new Uint8Array(this.#memory.buffer, SCRATCH_ADDRESS, SCRATCH_BYTES);
    this.#start = exports['start'] as () => void;
    this.#absorb = exports['absorb'] as Absorb;
    this.#finish = exports['finish'] as (lengthLow: number, lengthHigh: number) => bigint;
  }

  start(): void {
    this.#start();
  }

  absorb(sizeBytes: number): void {
    this.#absorb(SCRATCH_ADDRESS, sizeBytes);
  }

  /**
   * absorb() for bytes where they lie in a guest's memory: (address, a multiple of 128 as the size). Undefined for a memory
   * that is shared or has 64-bit addresses, or an engine without multiple memories.
   */
  absorbIn(memory: object): Absorb | undefined {
    if (!this.#inGuests.has(memory)) this.#inGuests.set(memory, this.#instantiateIn(memory as WebAssembly.Memory));
    return this.#inGuests.get(memory);
  }

  #instantiateIn(memory: WebAssembly.Memory): Absorb | undefined {
    const imports = { stripes: { memory: this.#memory }, guest: { memory } };
    try {
      this.#inGuest ??= new WebAssembly.Module(decodeHex(stripesInGuest));
      return new WebAssembly.Instance(this.#inGuest, imports).exports['absorb'] as Absorb;
    } catch (error) {
      if (error instanceof WebAssembly.LinkError || error instanceof WebAssembly.CompileError) return undefined;
      throw error;
    }
  }

  finish(sizeBytes: number): bigint {
    return BigInt.asUintN(64, this.#finish(sizeBytes | 0, (sizeBytes / 0x1_0000_0000) | 0));
  }
}
