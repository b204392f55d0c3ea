// The decoded form of a WebAssembly module. Plain data: every entry remembers where its bytes lie in
// `bytes`, so whatever a pass does not touch is copied verbatim and a round trip is byte-exact.
// Function bodies stay undecoded here; instructions.ts decodes one body at a time.

/** Byte codes of the value types, as in the binary format. */
export const ValType = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
  exnref: 0x69,
} as const;
/** One of the codes in `ValType`; any other reference type (typed function references, GC) is `OTHER_REF`. */
export type ValType = number;
/** Stands for a reference type outside `ValType`; only in modules whose `uncapturable` is not empty. */
export const OTHER_REF: ValType = 0x64;

export interface Range {
  /** First byte, as an offset into the module. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

export interface FuncType {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

export interface Limits {
  readonly min: bigint;
  readonly max: bigint | undefined;
  readonly shared: boolean;
  /** True for memory64 / table64: addresses are i64. */
  readonly is64: boolean;
  /** log2 of the page size: 16 but for the custom-page-sizes proposal. */
  readonly pageSizeLog2: number;
}

export interface TableType {
  readonly element: ValType;
  readonly limits: Limits;
}

export interface GlobalType {
  readonly type: ValType;
  readonly mutable: boolean;
}

export type ImportDesc =
  | { readonly kind: 'func'; readonly typeIndex: number }
  | { readonly kind: 'table'; readonly table: TableType }
  | { readonly kind: 'memory'; readonly limits: Limits }
  | { readonly kind: 'global'; readonly global: GlobalType }
  | { readonly kind: 'tag'; readonly typeIndex: number };

export type Import = ImportDesc & { readonly module: string; readonly name: string; readonly range: Range };

export interface Export {
  readonly name: string;
  readonly kind: 'func' | 'table' | 'memory' | 'global' | 'tag';
  readonly index: number;
}

/** A constant expression: its bytes including the final `end`. */
export interface ConstExpr {
  readonly range: Range;
}

export interface Table extends TableType {
  /** Initialiser of the table's entries (function references proposal), if the module gives one. */
  readonly init: ConstExpr | undefined;
  readonly range: Range;
}

export interface Global extends GlobalType {
  readonly init: ConstExpr;
  readonly range: Range;
}

export interface ElementSegment {
  readonly mode: 'active' | 'passive' | 'declared';
  readonly element: ValType;
  readonly tableIndex: number;
  /** Only of active segments. */
  readonly offset: ConstExpr | undefined;
  /** Function indexes, if the segment lists indexes; else `expressions` is set. */
  readonly functions: readonly number[] | undefined;
  readonly expressions: readonly ConstExpr[] | undefined;
  readonly range: Range;
}

export interface DataSegment {
  readonly mode: 'active' | 'passive';
  readonly memoryIndex: number;
  readonly offset: ConstExpr | undefined;
  readonly contents: Range;
  readonly range: Range;
}

export interface CodeEntry {
  /** The whole entry after its size: local declarations and instructions. Code offsets of frames count from `range.start`. */
  readonly range: Range;
  /** Declared locals, expanded: one type per local, parameters not included. */
  readonly locals: readonly ValType[];
  /** Offset in the module of the first instruction. */
  readonly bodyStart: number;
}

export interface Section {
  /** Section id of the binary format; 0 is a custom section. */
  readonly id: number;
  /** Name of a custom section. */
  readonly name: string | undefined;
  /** From the id byte to the last byte of the contents. */
  readonly range: Range;
  /** Contents only, after id and size (and after the name of a custom section). */
  readonly contents: Range;
}

export interface WasmModule {
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
  /** Function types by type index; undefined where the type is not a function type (GC). */
  readonly types: readonly (FuncType | undefined)[];
  readonly imports: readonly Import[];
  /** Type index of each function defined here (function index minus imported functions). */
  readonly functions: readonly number[];
  readonly tables: readonly Table[];
  readonly memories: readonly Limits[];
  /** Type index of each tag defined here. */
  readonly tags: readonly number[];
  readonly globals: readonly Global[];
  readonly exports: readonly Export[];
  readonly start: number | undefined;
  readonly elements: readonly ElementSegment[];
  readonly dataCount: number | undefined;
  readonly code: readonly CodeEntry[];
  readonly data: readonly DataSegment[];
  /** Names of proposals the module uses whose state cannot be captured (e.g. "gc", "typed function references"). */
  readonly uncapturable: readonly string[];

  // Index spaces, imports first.
  readonly importedFunctionCount: number;
  readonly importedTableCount: number;
  readonly importedMemoryCount: number;
  readonly importedGlobalCount: number;
  readonly importedTagCount: number;
  /** Type index of every function, imports first. */
  readonly functionTypes: readonly number[];
  /** Every table, memory, global type and tag type index, imports first. */
  readonly allTables: readonly TableType[];
  readonly allMemories: readonly Limits[];
  readonly allGlobals: readonly GlobalType[];
  readonly allTags: readonly number[];
}
