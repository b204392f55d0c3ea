// Names of functions, locals, globals and so on, out of the custom section "name". For people to read: nothing depends on
// them, so a broken name section is no error; what precedes the break counts.
//
// The section is a list of subsections: id, size, contents.
//   name map      count, then (index, name)…              functions 1, tables 5, memories 6, globals 7, tags 11
//   indirect map  count, then (index, name map)…          locals 2, by function
// Decoded at the first question and kept as long as the module is.

import { MalformedBytes } from '../base/leb128.ts';
import type { Range, WasmModule } from './module.ts';
import { Reader } from './reader.ts';

const SUBSECTION = { module: 0, functions: 1, locals: 2, tables: 5, memories: 6, globals: 7, tags: 11 } as const;

/** By index in the module's index space, imports first. */
export type NameMap = ReadonlyMap<number, string>;

interface NameSection {
  readonly subsections: ReadonlyMap<number, Range>;
  readonly maps: Map<number, NameMap>;
  /** Where the name map of each function's locals begins; made at the first question. */
  localMaps: ReadonlyMap<number, number> | undefined;
}

const decoded = new WeakMap<WasmModule, NameSection>();
const exportNames = new WeakMap<WasmModule, NameMap>();

/** The module's own name, if it gives one. */
export function moduleName(module: WasmModule): string | undefined {
  const range = nameSection(module).subsections.get(SUBSECTION.module);
  if (range === undefined) return undefined;
  return untilBroken(undefined, () => new Reader(module.bytes, range.start, range.end).name());
}

export function functionNames(module: WasmModule): NameMap {
  return nameMap(module, SUBSECTION.functions);
}

export function tableNames(module: WasmModule): NameMap {
  return nameMap(module, SUBSECTION.tables);
}

export function memoryNames(module: WasmModule): NameMap {
  return nameMap(module, SUBSECTION.memories);
}

export function globalNames(module: WasmModule): NameMap {
  return nameMap(module, SUBSECTION.globals);
}

export function tagNames(module: WasmModule): NameMap {
  return nameMap(module, SUBSECTION.tags);
}

/** Names of one function's parameters and locals, by local index. */
export function localNames(module: WasmModule, functionIndex: number): NameMap {
  const section = nameSection(module);
  section.localMaps ??= findLocalMaps(module, section);
  const position = section.localMaps.get(functionIndex);
  const range = section.subsections.get(SUBSECTION.locals);
  const names = new Map<number, string>();
  if (position === undefined || range === undefined) return names;
  untilBroken(undefined, () => readNameMap(new Reader(module.bytes, position, range.end), names));
  return names;
}

/** The name under which each exported function is exported, the first if there are several. */
export function exportedFunctionNames(module: WasmModule): NameMap {
  let names = exportNames.get(module);
  if (names === undefined) {
    const found = new Map<number, string>();
    for (const { kind, index, name } of module.exports) {
      if (kind === 'func' && !found.has(index)) found.set(index, name);
    }
    exportNames.set(module, (names = found));
  }
  return names;
}

/** The best name for a function: from the name section, else its export, else "module.field" of an import. */
export function functionName(module: WasmModule, functionIndex: number): string | undefined {
  const name = functionNames(module).get(functionIndex) ?? exportedFunctionNames(module).get(functionIndex);
  if (name !== undefined || functionIndex >= module.importedFunctionCount) return name;
  let index = 0;
  for (const entry of module.imports) {
    if (entry.kind === 'func' && index++ === functionIndex) return `${entry.module}.${entry.name}`;
  }
  return undefined;
}

function nameSection(module: WasmModule): NameSection {
  let section = decoded.get(module);
  if (section === undefined) {
    section = { subsections: findSubsections(module), maps: new Map(), localMaps: undefined };
    decoded.set(module, section);
  }
  return section;
}

function findSubsections(module: WasmModule): Map<number, Range> {
  const subsections = new Map<number, Range>();
  const section = module.sections.find(({ id, name }) => id === 0 && name === 'name');
  if (section === undefined) return subsections;
  const reader = new Reader(module.bytes, section.contents.start, section.contents.end);
  untilBroken(undefined, () => {
    while (!reader.done) {
      const id = reader.u8();
      const range = reader.skip(reader.u32());
      if (!subsections.has(id)) subsections.set(id, range);
    }
  });
  return subsections;
}

function nameMap(module: WasmModule, id: number): NameMap {
  const { subsections, maps } = nameSection(module);
  const known = maps.get(id);
  if (known !== undefined) return known;
  const names = new Map<number, string>();
  maps.set(id, names);
  const range = subsections.get(id);
  if (range !== undefined) {
    untilBroken(undefined, () => readNameMap(new Reader(module.bytes, range.start, range.end), names));
  }
  return names;
}

function readNameMap(reader: Reader, names: Map<number, string>): void {
  const count = reader.u32();
  for (let i = 0; i < count; i++) {
    const index = reader.u32();
    names.set(index, reader.name());
  }
}

function findLocalMaps(module: WasmModule, section: NameSection): Map<number, number> {
  const positions = new Map<number, number>();
  const range = section.subsections.get(SUBSECTION.locals);
  if (range === undefined) return positions;
  const reader = new Reader(module.bytes, range.start, range.end);
  untilBroken(undefined, () => {
    const functionCount = reader.u32();
    for (let i = 0; i < functionCount; i++) {
      positions.set(reader.u32(), reader.position);
      const nameCount = reader.u32();
      for (let k = 0; k < nameCount; k++) {
        reader.u32();
        reader.skip(reader.u32());
      }
    }
  });
  return positions;
}

function untilBroken<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedBytes) return otherwise;
    throw error;
  }
}
