// What an instance owns and its module imports: memories, tables and tags. They are made here, whether the original module defines
// or imports them, so that the host can read and limit them, and continuations can import them, too.

import { WvmError } from '../base/wvm-error.ts';
import * as names from '../instrument/names.ts';
import { type Limits, type TableType, ValType, type WasmModule } from '../wasm/module.ts';
import type { CompiledModule } from './compile.ts';
import type { MemoryPool } from './memory-pool.ts';
import { PageMarks } from './page-marks.ts';
import type { StackArea } from './stack-area.ts';

export interface MemoryOptions {
  /** Memories may not grow beyond this many bytes. */
  readonly maxMemoryBytes: number;
  /** Sizes of the memories in pages, if not the module's initial ones. */
  readonly memoryPages?: readonly number[];
  /** Where memories come from, if not fresh. */
  readonly memoryPool?: MemoryPool;
}

const VALUE_NAMES: Readonly<Record<number, WebAssembly.ValueType>> = {
  [ValType.i32]: 'i32',
  [ValType.i64]: 'i64',
  [ValType.f32]: 'f32',
  [ValType.f64]: 'f64',
  [ValType.v128]: 'v128',
  [ValType.funcref]: 'anyfunc',
  [ValType.externref]: 'externref',
  [ValType.exnref]: 'exnref',
};

export class InstanceParts {
  /** By index; of a module that is not instrumented only those that it imports, as tables and tags: it keeps what it defines. */
  readonly memories: readonly WebAssembly.Memory[];
  readonly tables: readonly WebAssembly.Table[];
  readonly #tags: readonly WebAssembly.Tag[];
  /** Undefined: its stores do not mark what they write. */
  readonly marks: PageMarks | undefined;
  /** What both the instrumented module and every continuation module import, by name. */
  readonly shared: Readonly<Record<string, WebAssembly.ImportValue>>;
  readonly #module: WasmModule;

  constructor(
    { original: module, map }: CompiledModule,
    options: MemoryOptions,
    area: StackArea,
    slots: WebAssembly.Table,
  ) {
    this.#module = module;
    const ours = <T>(all: readonly T[], importedCount: number): readonly T[] =>
      map === undefined ? all.slice(0, importedCount) : all;
    this.memories = ours(module.allMemories, module.importedMemoryCount).map((limits, k) =>
      createMemory(limits, k, options),
    );
    this.tables = ours(module.allTables, module.importedTableCount).map(createTable);
    this.#tags = ours(module.allTags, module.importedTagCount).map((typeIndex) => {
      const parameters = module.types[typeIndex]!.params.map((type) => VALUE_NAMES[type]!);
      return new WebAssembly.Tag({ parameters });
    });
    this.marks = map?.marksWrites === true ? new PageMarks(module) : undefined;
    this.shared = this.#sharedImports(area, slots);
  }

  #sharedImports(area: StackArea, slots: WebAssembly.Table): Record<string, WebAssembly.ImportValue> {
    const imports: Record<string, WebAssembly.ImportValue> = {
      [names.MEMORY_FRAMES]: area.frames,
      [names.TABLE_SLOTS]: slots,
      [names.TABLE_FUNCREFS]: area.funcrefs,
      [names.TABLE_EXTERNREFS]: area.externrefs,
      [names.TAG_UNWIND]: area.unwindTag,
      ...(this.marks === undefined ? {} : { [names.MEMORY_MARKS]: this.marks.memory }),
    };
    this.memories.forEach((memory, k) => {
      imports[names.memoryName(k)] = memory;
    });
    this.tables.forEach((table, k) => {
      imports[names.tableName(k)] = table;
    });
    this.#tags.forEach((tag, k) => {
      imports[names.tagName(k)] = tag;
    });
    return imports;
  }

  /** All that the module imports. Throws WVM_IMPORT_UNKNOWN. */
  imports(importFunction: (importIndex: number) => WebAssembly.ImportValue): WebAssembly.Imports {
    const imports: WebAssembly.Imports = {};
    const counts = { func: 0, table: 0, memory: 0, global: 0, tag: 0 };
    for (const entry of this.#module.imports) {
      const index = counts[entry.kind]++;
      const space = (imports[entry.module] ??= {});
      switch (entry.kind) {
        case 'func':
          space[entry.name] = importFunction(index);
          break;
        case 'memory':
          space[entry.name] = this.memories[index]!;
          break;
        case 'table':
          space[entry.name] = this.tables[index]!;
          break;
        case 'tag':
          space[entry.name] = this.#tags[index]!;
          break;
        case 'global':
          throw new WvmError(
            'WVM_IMPORT_UNKNOWN',
            `the module imports the global ${entry.module}.${entry.name}, which wvm does not provide`,
          );
      }
    }
    // The own names last: a guest import of the same name cannot take their place.
    imports[names.WVM] = { ...imports[names.WVM], ...this.shared };
    return imports;
  }
}

function createMemory(limits: Limits, index: number, options: MemoryOptions): WebAssembly.Memory {
  const { maxMemoryBytes } = options;
  const pageBytes = 2 ** limits.pageSizeLog2;
  const initial = options.memoryPages?.[index] ?? Number(limits.min);
  const initialBytes = initial * pageBytes;
  if (initialBytes > maxMemoryBytes) {
    throw new WvmError(
      'WVM_LIMIT',
      `memory ${index} of the module needs ${initialBytes} bytes, the limit is ${maxMemoryBytes}`,
      { hint: 'raise --max-memory' },
    );
  }
  const declared = limits.max === undefined ? undefined : Number(limits.max);
  // A memory that is imported with a maximum must have one that is not larger; without one, any may be given.
  const allowed = Math.floor(maxMemoryBytes / pageBytes);
  const engineMaximum = limits.is64 ? 262144 : 65536;
  const maximum = Math.min(declared ?? engineMaximum, allowed, engineMaximum);
  const wrap = (pages: number): number | bigint => (limits.is64 ? BigInt(pages) : pages);
  try {
    if (options.memoryPool !== undefined && !limits.shared && !limits.is64 && limits.pageSizeLog2 === 16) {
      return options.memoryPool.make(initial, maximum);
    }
    return new WebAssembly.Memory({
      initial: wrap(initial),
      maximum: wrap(maximum),
      ...(limits.shared ? { shared: true } : {}),
      ...(limits.is64 ? { address: 'i64' as const } : {}),
    });
  } catch (error) {
    throw new WvmError('WVM_LIMIT', `memory ${index} of ${initialBytes} bytes cannot be made`, { cause: error });
  }
}

function createTable(type: TableType): WebAssembly.Table {
  const { min, max, is64 } = type.limits;
  const wrap = (entries: bigint): number | bigint => (is64 ? entries : Number(entries));
  const descriptor = {
    element: type.element === ValType.externref ? ('externref' as const) : ('anyfunc' as const),
    initial: wrap(min),
    ...(max === undefined ? {} : { maximum: wrap(max) }),
    ...(is64 ? { address: 'i64' as const } : {}),
  };
  // Without a value, entries of an externref table are `undefined`, which is no null reference.
  return new WebAssembly.Table(descriptor, null);
}
