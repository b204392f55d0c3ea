// Bytes -> WasmModule. The sections' contents are read by the file of each (types.ts, imports.ts, segments.ts, code.ts);
// here are the order of the sections, the small ones, and the index spaces.
//
// Bytes may be hostile: every read is bounded, nothing is allocated by a count that was not checked against the bytes
// that must follow, and every error is WVM_MODULE_INVALID with section and offset. Types are not checked: V8 does that.

import { MalformedBytes } from '../base/leb128.ts';
import { WvmError } from '../base/wvm-error.ts';
import { readCode } from './code.ts';
import { readConstExpr } from './const-expr.ts';
import { readImports, readTag } from './imports.ts';
import { readGlobalType, readLimits, readTableType } from './limits.ts';
import type {
  CodeEntry,
  DataSegment,
  ElementSegment,
  Export,
  FuncType,
  Global,
  GlobalType,
  Import,
  Limits,
  Section,
  Table,
  TableType,
  WasmModule,
} from './module.ts';
import { Reader } from './reader.ts';
import { SECTION_NAMES, SECTION_ORDER, TABLE_WITH_INIT } from './sections.ts';
import { readData, readElements } from './segments.ts';
import { readFuncTypeIndex, readTypes } from './types.ts';

// V8's limits (kV8MaxWasmFunctions, …Exports, …Globals, …Tags, …Tables, …Memories).
const MAX_ENTRIES = 1_000_000;
const MAX_TABLES = 100_000;
const MAX_MEMORIES = 100_000;
/** V8's kV8MaxWasmModuleSize. */
const MAX_MODULE_BYTES = 1024 * 1024 * 1024;

const EXPORT_KINDS: readonly Export['kind'][] = ['func', 'table', 'memory', 'global', 'tag'];

/** Parses a module; throws WvmError WVM_MODULE_INVALID, or WVM_MODULE_UNSUPPORTED for a component. */
export function parseModule(bytes: Uint8Array): WasmModule {
  checkPreamble(bytes);
  return new ModuleParser(bytes).parse();
}

function checkPreamble(bytes: Uint8Array): void {
  if (bytes.length < 8 || bytes[0] !== 0x00 || bytes[1] !== 0x61 || bytes[2] !== 0x73 || bytes[3] !== 0x6d) {
    throw new WvmError('WVM_MODULE_INVALID', 'offset 0x0: not a WebAssembly module (no "\\0asm" and version)');
  }
  const version = bytes[4]! | (bytes[5]! << 8);
  const layer = bytes[6]! | (bytes[7]! << 8);
  if (layer === 1) {
    throw new WvmError(
      'WVM_MODULE_UNSUPPORTED',
      'offset 0x4: a component, not a core module; components are not supported',
      {
        hint:
          'build a core module for WASI preview 1 (for example Rust target wasm32-wasip1, or wasm32-wasi of clang), ' +
          'or take the core module out of the component with `wasm-tools component unbundle`',
      },
    );
  }
  if (version !== 1 || layer !== 0) {
    throw new WvmError(
      'WVM_MODULE_INVALID',
      `offset 0x4: version ${version} of layer ${layer}; only version 1 is known`,
    );
  }
  if (bytes.length > MAX_MODULE_BYTES) {
    throw new WvmError('WVM_MODULE_INVALID', `${bytes.length} bytes, more than the limit of ${MAX_MODULE_BYTES}`);
  }
}

class ModuleParser {
  private readonly bytes: Uint8Array;
  private readonly sections: Section[] = [];
  private readonly uncapturable = new Set<string>();
  private types: (FuncType | undefined)[] = [];
  private imports: Import[] = [];
  private functions: number[] = [];
  private tables: Table[] = [];
  private memories: Limits[] = [];
  private tags: number[] = [];
  private globals: Global[] = [];
  private exports: Export[] = [];
  private start: number | undefined;
  private elements: ElementSegment[] = [];
  private dataCount: number | undefined;
  private code: CodeEntry[] = [];
  private data: DataSegment[] = [];
  private readonly functionTypes: number[] = [];
  private readonly allTables: TableType[] = [];
  private readonly allMemories: Limits[] = [];
  private readonly allGlobals: GlobalType[] = [];
  private readonly allTags: number[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  parse(): WasmModule {
    const reader = new Reader(this.bytes, 8);
    let place = 'section header';
    try {
      let last = -1;
      while (!reader.done) {
        place = 'section header';
        const start = reader.position;
        const id = reader.u8();
        const size = reader.u32();
        const order = SECTION_ORDER.indexOf(id);
        if (id !== 0 && order < 0) reader.fail(`there is no section ${id}`, start);
        place = `section ${id} (${SECTION_NAMES[id]})`;
        if (id !== 0 && order <= last) reader.fail('section twice, or out of order', start);
        if (id !== 0) last = order;
        const range = reader.skip(size);
        const contents = new Reader(this.bytes, range.start, range.end);
        const name = id === 0 ? contents.name() : undefined;
        this.sections.push({
          id,
          name,
          range: { start, end: range.end },
          contents: { start: contents.position, end: range.end },
        });
        if (id === 0) continue;
        this.readSection(id, contents);
        if (!contents.done) contents.fail(`${contents.end - contents.position} bytes left over`);
      }
      place = 'end of module';
      if (this.code.length !== this.functions.length) {
        reader.fail(`no bodies for ${this.functions.length} functions`);
      }
      if (this.dataCount !== undefined && this.dataCount !== this.data.length) {
        reader.fail(`data count ${this.dataCount}, but ${this.data.length} data segments`);
      }
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      const message = `${place}, offset 0x${error.offset.toString(16)}: ${error.message}`;
      throw new WvmError('WVM_MODULE_INVALID', message, { cause: error });
    }
    return this.finish();
  }

  private readSection(id: number, reader: Reader): void {
    const { uncapturable } = this;
    switch (id) {
      case 1:
        this.types = readTypes(reader, uncapturable);
        break;
      case 2:
        this.imports = readImports(reader, this.types, uncapturable);
        for (const entry of this.imports) this.addImport(entry);
        break;
      case 3: {
        const count = reader.count('functions', MAX_ENTRIES);
        for (let i = 0; i < count; i++) this.functions.push(readFuncTypeIndex(reader, this.types));
        for (const type of this.functions) this.functionTypes.push(type);
        break;
      }
      case 4: {
        const count = reader.count('tables', MAX_TABLES);
        for (let i = 0; i < count; i++) this.tables.push(this.readTable(reader));
        for (const table of this.tables) this.allTables.push(table);
        break;
      }
      case 5: {
        const count = reader.count('memories', MAX_MEMORIES);
        for (let i = 0; i < count; i++) this.memories.push(readLimits(reader, 'memory'));
        for (const memory of this.memories) this.allMemories.push(memory);
        break;
      }
      case 6: {
        const count = reader.count('globals', MAX_ENTRIES);
        for (let i = 0; i < count; i++) this.globals.push(this.readGlobal(reader));
        for (const global of this.globals) this.allGlobals.push(global);
        break;
      }
      case 7: {
        const count = reader.count('exports', MAX_ENTRIES);
        for (let i = 0; i < count; i++) this.exports.push(this.readExport(reader));
        break;
      }
      case 8:
        this.start = reader.index('function', this.functionTypes.length);
        break;
      case 9:
        this.elements = readElements(reader, this.segmentBounds(), uncapturable);
        break;
      case 10:
        this.code = readCode(reader, this.functions.length, uncapturable);
        break;
      case 11:
        this.data = readData(reader, this.segmentBounds(), uncapturable);
        break;
      case 12:
        this.dataCount = reader.u32();
        break;
      case 13: {
        const count = reader.count('tags', MAX_ENTRIES);
        for (let i = 0; i < count; i++) this.tags.push(readTag(reader, this.types));
        for (const tag of this.tags) this.allTags.push(tag);
        break;
      }
    }
  }

  private addImport(entry: Import): void {
    switch (entry.kind) {
      case 'func':
        this.functionTypes.push(entry.typeIndex);
        break;
      case 'table':
        this.allTables.push(entry.table);
        break;
      case 'memory':
        this.allMemories.push(entry.limits);
        break;
      case 'global':
        this.allGlobals.push(entry.global);
        break;
      case 'tag':
        this.allTags.push(entry.typeIndex);
        break;
    }
  }

  private readTable(reader: Reader): Table {
    const start = reader.position;
    const hasInit = reader.peek() === TABLE_WITH_INIT;
    if (hasInit) {
      reader.u8();
      if (reader.u8() !== 0) reader.fail('reserved byte of a table is not 0', reader.position - 1);
      this.uncapturable.add('typed function references');
    }
    const type = readTableType(reader, this.uncapturable);
    const init = hasInit ? readConstExpr(reader, this.uncapturable) : undefined;
    return { ...type, init, range: { start, end: reader.position } };
  }

  private readGlobal(reader: Reader): Global {
    const start = reader.position;
    const type = readGlobalType(reader, this.uncapturable);
    const init = readConstExpr(reader, this.uncapturable);
    return { ...type, init, range: { start, end: reader.position } };
  }

  private readExport(reader: Reader): Export {
    const name = reader.name();
    const byte = reader.u8();
    const kind = EXPORT_KINDS[byte];
    if (kind === undefined) return reader.fail(`0x${byte.toString(16)} is not a kind of export`, reader.position - 1);
    const spaces = {
      func: this.functionTypes,
      table: this.allTables,
      memory: this.allMemories,
      global: this.allGlobals,
      tag: this.allTags,
    };
    return { name, kind, index: reader.index(kind, spaces[kind].length) };
  }

  private segmentBounds(): { functionCount: number; tableCount: number; memoryCount: number } {
    return {
      functionCount: this.functionTypes.length,
      tableCount: this.allTables.length,
      memoryCount: this.allMemories.length,
    };
  }

  private finish(): WasmModule {
    const { bytes, sections, types, imports, functions, tables, memories, tags, globals, exports, start } = this;
    const { elements, dataCount, code, data, functionTypes, allTables, allMemories, allGlobals, allTags } = this;
    return {
      bytes,
      sections,
      types,
      imports,
      functions,
      tables,
      memories,
      tags,
      globals,
      exports,
      start,
      elements,
      dataCount,
      code,
      data,
      uncapturable: [...this.uncapturable],
      importedFunctionCount: functionTypes.length - functions.length,
      importedTableCount: allTables.length - tables.length,
      importedMemoryCount: allMemories.length - memories.length,
      importedGlobalCount: allGlobals.length - globals.length,
      importedTagCount: allTags.length - tags.length,
      functionTypes,
      allTables,
      allMemories,
      allGlobals,
      allTags,
    };
  }
}
