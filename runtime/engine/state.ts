// What a snapshot holds of a running instance: the abstract machine state of the WebAssembly specification,
// in terms of the original module (DESIGN: the image speaks the language of the specification). Plain data;
// runtime/snapshot encodes it, engine code produces and validates it.

/** A value with its exact bits; floats travel as bit patterns. All bits are given as signed integers. */
export type ValueState =
  | { readonly type: 'i32'; readonly bits: number }
  | { readonly type: 'i64'; readonly bits: bigint }
  | { readonly type: 'f32'; readonly bits: number }
  | { readonly type: 'f64'; readonly bits: bigint }
  | { readonly type: 'v128'; readonly bytes: Uint8Array }
  /** Function index in the original module, or null. */
  | { readonly type: 'funcref'; readonly index: number | null }
  | { readonly type: 'externref'; readonly index: null }
  | { readonly type: 'exnref'; readonly exception: ExceptionState | null };

/** A thrown exception: its tag in the original module, and the values it carries (never another exnref). */
export interface ExceptionState {
  readonly tag: number;
  readonly payload: readonly ValueState[];
}

export interface FrameState {
  /** Index in the original module's function index space. */
  readonly functionIndex: number;
  /** Byte offset from the start of the function's code entry (its local declarations). */
  readonly codeOffset: number;
  /**
   * 'call': the instruction at `codeOffset` is a call in progress, its arguments popped and its results not yet pushed.
   * 'poll': the instruction at `codeOffset` is about to run.
   */
  readonly kind: 'call' | 'poll';
  /** One entry per local, parameters first; null for a local that no later instruction reads (it resumes as zero). */
  readonly locals: readonly (ValueState | null)[];
  /** Operand stack of the whole function, bottom first. */
  readonly stack: readonly ValueState[];
  /**
   * The exception of every legacy catch clause (`catch`, `catch_all`) around the instruction, outermost first; null for
   * one that no `rethrow` names. Missing if there is none around it.
   */
  readonly caught?: readonly (ExceptionState | null)[];
}

/** A stretch of wasm frames between two host frames, outermost frame first. */
export interface ActivationState {
  readonly frames: readonly FrameState[];
}

export interface MemoryState {
  readonly pageCount: number;
  readonly maxPageCount: number | null;
  readonly shared: boolean;
  readonly is64: boolean;
}

export interface TableState {
  /** Original function index of each entry, or null; externref tables hold only null. */
  readonly entries: readonly (number | null)[];
}

export interface InstanceState {
  /** SHA-256 of the original module, hex. */
  readonly moduleHash: string;
  readonly memories: readonly MemoryState[];
  /** Every mutable global of the original module by global index; null where immutable. */
  readonly globals: readonly (ValueState | null)[];
  /** Every table by index; null where the module has never changed it (its initial contents hold). */
  readonly tables: readonly (TableState | null)[];
  readonly droppedElements: readonly number[];
  readonly droppedData: readonly number[];
}
