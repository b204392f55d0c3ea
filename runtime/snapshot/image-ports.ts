// What the image codec needs from other layers: a strong digest (host), and the two inner loops that run over all
// of the guest's memory and are therefore WebAssembly where it matters (engine/page-scanner.ts, engine/stripes.ts).
// page-scanner.ts and stripes.ts in this folder are the portable equals of those two.

export interface Digest {
  update(bytes: Uint8Array): void;
  /** 32 bytes; ends the digest. */
  digest(): Uint8Array;
}

export interface DigestPort {
  sha256(): Digest;
}

/** One live guest memory. The guest stands still while an image is made of it. */
export interface MemorySource {
  /** Index in MachineState.processes. */
  readonly processIndex: number;
  /** Index in the instance's memories. */
  readonly memoryIndex: number;
  /** Everything, at the present size; a multiple of 4 KiB. */
  readonly bytes: Uint8Array;
  /** The WebAssembly.Memory behind `bytes`, for a scanner that can use it. Opaque here. */
  readonly memory?: object;
}

export interface PageScanner {
  /**
   * The 4 KiB pages of a memory that hold a byte other than zero, as maximal ascending runs:
   * first page, page count, first page, page count, …
   */
  nonZeroRuns(source: MemorySource): Uint32Array;
}

/** The inner loop of the checksum (stripes.ts draws it). */
export interface StripeKernel {
  /** Where the next bytes are put; a multiple of 128 bytes long. */
  readonly scratch: Uint8Array;
  start(): void;
  /** Takes the first `sizeBytes` (a multiple of 128) of `scratch`. */
  absorb(sizeBytes: number): void;
  /** The checksum, as an unsigned 64-bit integer, of everything absorbed; `sizeBytes` is the length without padding. */
  finish(sizeBytes: number): bigint;
}

export interface ImagePorts {
  readonly digest: DigestPort;
  readonly scanner: PageScanner;
  readonly stripes: StripeKernel;
}
