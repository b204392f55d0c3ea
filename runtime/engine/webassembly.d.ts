// The WebAssembly JavaScript interface, as far as wvm uses it. Declared here and not taken from a library of types, so
// that no other layer sees the name.

declare namespace WebAssembly {
  type AddressType = 'i32' | 'i64';
  type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'anyfunc' | 'externref' | 'exnref';
  type ExternalKind = 'function' | 'table' | 'memory' | 'global' | 'tag';
  type ExportValue = ExportedFunction | Memory | Table | Global | Tag;
  type ImportValue = ExportValue | number | bigint | ((...args: never[]) => unknown);
  type Exports = Record<string, ExportValue>;
  type Imports = Record<string, Record<string, ImportValue>>;

  type ExportedFunction = (...args: (number | bigint | object | null | undefined)[]) => unknown;

  interface ModuleImportDescriptor {
    module: string;
    name: string;
    kind: ExternalKind;
  }
  interface ModuleExportDescriptor {
    name: string;
    kind: ExternalKind;
  }

  class Module {
    constructor(bytes: Uint8Array | ArrayBuffer);
    static imports(module: Module): ModuleImportDescriptor[];
    static exports(module: Module): ModuleExportDescriptor[];
    static customSections(module: Module, name: string): ArrayBuffer[];
  }

  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }

  interface MemoryDescriptor {
    initial: number | bigint;
    maximum?: number | bigint;
    shared?: boolean;
    address?: AddressType;
  }
  class Memory {
    constructor(descriptor: MemoryDescriptor);
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
    grow(delta: number | bigint): number | bigint;
  }

  interface TableDescriptor {
    element: 'anyfunc' | 'externref' | 'exnref';
    initial: number | bigint;
    maximum?: number | bigint;
    address?: AddressType;
  }
  class Table {
    constructor(descriptor: TableDescriptor, value?: unknown);
    readonly length: number | bigint;
    get(index: number | bigint): unknown;
    set(index: number | bigint, value?: unknown): void;
    grow(delta: number | bigint, value?: unknown): number | bigint;
  }

  interface GlobalDescriptor {
    value: ValueType;
    mutable?: boolean;
  }
  class Global {
    constructor(descriptor: GlobalDescriptor, value?: unknown);
    value: unknown;
    valueOf(): unknown;
  }

  interface TagDescriptor {
    parameters: ValueType[];
  }
  class Tag {
    constructor(descriptor: TagDescriptor);
  }

  class Exception {
    constructor(tag: Tag, payload: unknown[], options?: { traceStack?: boolean });
    is(tag: Tag): boolean;
    getArg(tag: Tag, index: number): unknown;
    readonly stack: string | undefined;
  }

  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  function validate(bytes: Uint8Array | ArrayBuffer): boolean;
  function compile(bytes: Uint8Array | ArrayBuffer): Promise<Module>;
}
