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

/** How frames go on when nothing runs above them. */
export type PendingState =
  /** They stand at a safe point. */
  | { readonly kind: 'poll' }
  /** In a call of an import, which is made again; the kernel's thread record says which call, and how far it was. */
  | { readonly kind: 'call' }
  /** In a call of an import, which has this result. */
  | { readonly kind: 'result'; readonly value: number };

/** An activation of a thread that does not run. */
export interface SuspendedState extends ActivationState {
  /** Index of the function that was called to begin it. */
  readonly entry: number;
  readonly pending: PendingState;
  /** It runs a signal handler: when it returns, the kernel is told, and what lies below goes on. */
  readonly isHandler: boolean;
  /** Of a handler: what the stack pointer of C was before it. */
  readonly stackPointer: number | null;
}

/** A function to be called. All parameters are i32. */
export interface EntryState {
  readonly functionIndex: number;
  readonly args: readonly number[];
}

/** A stack that setjmp has kept. */
export interface CheckpointState {
  readonly id: bigint;
  /** Where the value that longjmp brings goes, an u64. */
  readonly valueAddr: number;
  /** How many activations lie below the one that is kept. */
  readonly depth: number;
  readonly activation: ActivationState;
  readonly entry: number;
  readonly stackPointer: number | null;
}

/** A stack of a thread. */
export interface StackState {
  /** Outermost first; none if it has not begun or an entry has returned. */
  readonly activations: readonly SuspendedState[];
  /** Functions still to be called, one after the other, when the activations have returned. */
  readonly entries: readonly EntryState[];
  readonly checkpoints: readonly CheckpointState[];
}

/** A stack that does not run, of a thread that switches between several. */
export interface ContextState extends StackState {
  readonly id: bigint;
}

/** A thread, and the stack that it runs on. */
export interface ThreadState extends StackState {
  readonly tid: number;
  /** What is left of its turn, in fuel. */
  readonly fuelLeft: number;
  /** Its own mutable globals, as in InstanceState; null for the first thread of a process, whose are those of the instance. */
  readonly globals: readonly (ValueState | null)[] | null;
  /** By id. */
  readonly contexts: readonly ContextState[];
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
