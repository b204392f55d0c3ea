// An instance as the specification sees it: memories' sizes, mutable globals, tables, dropped segments. The
// contents of the memories travel beside this as pages.

import { WvmError } from '../base/wvm-error.ts';
import * as names from '../instrument/names.ts';
import { type GlobalType, ValType } from '../wasm/module.ts';
import type { CompiledModule } from './compile.ts';
import { TYPE_NAMES } from './frames.ts';
import { GuestInstance, type InstanceOptions } from './instance.ts';
import type { InstanceState, MemoryState, TableState, ValueState } from './state.ts';

/** Saves everything but the memories' contents; `globals`: the values of the mutable ones, if not the present ones. Changes nothing. */
export function saveInstance(
  instance: GuestInstance,
  moduleHash: string,
  globals: readonly unknown[] = instance.mutableGlobals.values(),
): InstanceState {
  return {
    moduleHash,
    memories: instance.memories.map((memory, k) => saveMemory(instance, memory, k)),
    globals: saveGlobals(instance, globals),
    tables: instance.tables.map((table) => (instance.map?.graph.writesTables ? saveTable(instance, table) : null)),
    ...droppedSegments(instance),
  };
}

type DroppedSegments = Pick<InstanceState, 'droppedElements' | 'droppedData'>;

function droppedSegments(instance: GuestInstance): DroppedSegments {
  const { elements, data } = instance.module;
  return {
    droppedElements: elements.flatMap((segment, k) =>
      segment.mode === 'passive' && !isElementDropped(instance, k) ? [] : [k],
    ),
    droppedData: data.flatMap((segment, k) => (segment.mode === 'passive' && !isDataDropped(instance, k) ? [] : [k])),
  };
}

/**
 * Makes an instance that was used, and runs nothing any more, what another one of its module is, but for the contents of the
 * memories; `scanner` clears those that were longer. False, and nothing has changed, if it has become what the other is not: memories
 * do not shrink, and what was dropped stays so. Tables that were written would have to be compared: such modules are refused.
 */
export function becomeCopy(instance: GuestInstance, model: GuestInstance): boolean {
  if (instance.map === undefined || instance.map.graph.writesTables) return false;
  const { module } = instance;
  const missingPages = module.allMemories.map(({ pageSizeLog2 }, k) => {
    const missingBytes = model.memories[k]!.buffer.byteLength - instance.memories[k]!.buffer.byteLength;
    return missingBytes / 2 ** pageSizeLog2;
  });
  if (missingPages.some((count) => count < 0)) return false;
  const [own, wanted] = [droppedSegments(instance), droppedSegments(model)];
  const isDropped = (list: readonly number[], segment: number): boolean => list.includes(segment);
  if (own.droppedElements.some((segment) => !isDropped(wanted.droppedElements, segment))) return false;
  if (own.droppedData.some((segment) => !isDropped(wanted.droppedData, segment))) return false;
  try {
    for (const [k, count] of missingPages.entries()) {
      if (count > 0) instance.memories[k]!.grow(module.allMemories[k]!.is64 ? BigInt(count) : count);
    }
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  dropSegments(instance, wanted, own);
  const values = model.mutableGlobals.values();
  instance.mutableGlobals.setValues(values.map((value) => sameFunction(instance, model, value)));
  instance.reset();
  return true;
}

/** The same function, if it is one, in another instance of the module. */
function sameFunction(instance: GuestInstance, model: GuestInstance, value: unknown): unknown {
  const index = model.functionIndexOf(value);
  return index === undefined ? value : instance.functionObject(index);
}

/** Drops what `wanted` has dropped and `own` has not. */
function dropSegments(instance: GuestInstance, wanted: DroppedSegments, own?: DroppedSegments): void {
  for (const [dropped, done, name] of [
    [wanted.droppedData, own?.droppedData, names.dropDataName],
    [wanted.droppedElements, own?.droppedElements, names.dropElementName],
  ] as const) {
    for (const segment of dropped) {
      if (done?.includes(segment) !== true) (instance.exports[name(segment)] as WebAssembly.ExportedFunction)();
    }
  }
}

/**
 * Makes an instance in a saved state, its memories empty at their saved sizes; `onMade` sees its globals as they are at
 * the beginning. Throws WVM_IMAGE_BAD_RECORD if the
 * state does not fit the module.
 */
export function restoreInstance(
  compiled: CompiledModule,
  state: InstanceState,
  options: Omit<InstanceOptions, 'memoryPages'>,
  /** Whose instance it is, for messages. */
  where: string,
  onMade?: (instance: GuestInstance) => void,
): GuestInstance {
  const module = compiled.original;
  const bad = (what: string): never => {
    throw new WvmError('WVM_IMAGE_BAD_RECORD', `${where}: instance of ${compiled.hash.slice(0, 12)}: ${what}`);
  };
  if (compiled.map === undefined) bad('its module cannot be captured');
  if (state.memories.length !== module.allMemories.length) bad(`${state.memories.length} memories`);
  if (state.globals.length !== module.allGlobals.length) bad(`${state.globals.length} globals`);
  if (state.tables.length !== module.allTables.length) bad(`${state.tables.length} tables`);
  state.memories.forEach((memory, k) => {
    const limits = module.allMemories[k]!;
    const isWithin = memory.pageCount >= limits.min && (limits.max === undefined || memory.pageCount <= limits.max);
    if (!isWithin) bad(`memory ${k} has ${memory.pageCount} pages`);
    const greatest = limits.max === undefined ? null : Number(limits.max);
    const isOfType = memory.shared === limits.shared && memory.is64 === limits.is64 && memory.maxPageCount === greatest;
    if (!isOfType) bad(`memory ${k} is of another type`);
  });
  const instance = new GuestInstance(compiled, {
    ...options,
    memoryPages: state.memories.map((memory) => memory.pageCount),
  });
  instance.initializeTables();
  onMade?.(instance);
  module.allGlobals.forEach((type, k) => {
    const value = state.globals[k]!;
    if ((value === null) === type.mutable) bad(`global ${k} is ${type.mutable ? 'missing' : 'immutable'}`);
    if (value !== null) restoreGlobal(instance, type, k, value, bad);
  });
  state.tables.forEach((table, k) => {
    if (table !== null) restoreTable(instance, k, table, bad);
  });
  for (const [dropped, segments] of [
    [state.droppedData, module.data.length],
    [state.droppedElements, module.elements.length],
  ] as const) {
    for (const segment of dropped) if (segment >= segments) bad(`there is no segment ${segment}`);
  }
  dropSegments(instance, state);
  return instance;
}

function saveMemory(instance: GuestInstance, memory: WebAssembly.Memory, index: number): MemoryState {
  const limits = instance.module.allMemories[index]!;
  return {
    pageCount: memory.buffer.byteLength / 2 ** limits.pageSizeLog2,
    maxPageCount: limits.max === undefined ? null : Number(limits.max),
    shared: limits.shared,
    is64: limits.is64,
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Values of the mutable globals, as MutableGlobals.values() gives them; null for the immutable ones. */
export function saveGlobals(instance: GuestInstance, values: readonly unknown[]): (ValueState | null)[] {
  let position = 0;
  return instance.module.allGlobals.map((type, index) =>
    type.mutable ? saveGlobal(instance, type, index, values[position++]) : null,
  );
}

function saveGlobal(instance: GuestInstance, type: GlobalType, index: number, value: unknown): ValueState {
  switch (type.type) {
    case ValType.v128:
      return { type: 'v128', bytes: value as Uint8Array };
    case ValType.f32:
      return { type: 'f32', bits: viewOf(value as Uint8Array).getInt32(0, true) };
    case ValType.f64:
      return { type: 'f64', bits: viewOf(value as Uint8Array).getBigInt64(0, true) };
    case ValType.i32:
      return { type: 'i32', bits: value as number };
    case ValType.i64:
      return { type: 'i64', bits: value as bigint };
    case ValType.funcref: {
      if (value === null) return { type: 'funcref', index: null };
      const functionIndex = instance.functionIndexOf(value);
      if (functionIndex === undefined) {
        throw new WvmError('WVM_SNAPSHOT_UNSUPPORTED', `global ${index} refers to a function from outside the module`);
      }
      return { type: 'funcref', index: functionIndex };
    }
    default:
      if (value !== null) {
        throw new WvmError('WVM_SNAPSHOT_UNSUPPORTED', `global ${index} refers to a host object (externref)`);
      }
      return { type: 'externref', index: null };
  }
}

function restoreGlobal(
  instance: GuestInstance,
  type: GlobalType,
  index: number,
  state: ValueState,
  bad: (what: string) => never,
): void {
  const value = valueOfGlobal(instance, type, index, state, bad);
  if (value instanceof Uint8Array) instance.mutableGlobals.setBits(index, value);
  else instance.global(index).value = value;
}

/** A saved global as MutableGlobals.setValues() takes it. */
export function valueOfGlobal(
  instance: GuestInstance,
  type: GlobalType,
  index: number,
  value: ValueState,
  bad: (what: string) => never,
): unknown {
  if (TYPE_NAMES[type.type] !== value.type) bad(`global ${index} is a ${value.type}`);
  switch (value.type) {
    case 'i32':
    case 'i64':
      return value.bits;
    case 'f32': {
      const bytes = new Uint8Array(4);
      viewOf(bytes).setInt32(0, value.bits, true);
      return bytes;
    }
    case 'f64': {
      const bytes = new Uint8Array(8);
      viewOf(bytes).setBigInt64(0, value.bits, true);
      return bytes;
    }
    case 'v128':
      return value.bytes;
    case 'funcref':
      if (value.index === null) return null;
      if (value.index >= instance.module.functionTypes.length) bad(`global ${index}: no function ${value.index}`);
      return instance.functionObject(value.index);
    default:
      return null;
  }
}

function saveTable(instance: GuestInstance, table: WebAssembly.Table): TableState {
  const entries: (number | null)[] = [];
  const length = Number(table.length);
  const is64 = typeof table.length === 'bigint';
  for (let k = 0; k < length; k++) {
    const value = table.get(is64 ? BigInt(k) : k);
    if (value === null) {
      entries.push(null);
      continue;
    }
    const index = instance.functionIndexOf(value);
    if (index === undefined) {
      throw new WvmError('WVM_SNAPSHOT_UNSUPPORTED', `a table refers to a host object at entry ${k}`);
    }
    entries.push(index);
  }
  return { entries };
}

function restoreTable(instance: GuestInstance, index: number, state: TableState, bad: (what: string) => never): void {
  const table = instance.tables[index]!;
  const type = instance.module.allTables[index]!;
  const wrap = (value: number): number | bigint => (type.limits.is64 ? BigInt(value) : value);
  const missing = state.entries.length - Number(table.length);
  if (missing < 0) bad(`table ${index} has ${state.entries.length} entries`);
  try {
    if (missing > 0) table.grow(wrap(missing), null);
  } catch {
    bad(`table ${index} cannot have ${state.entries.length} entries`);
  }
  state.entries.forEach((entry, k) => {
    if (entry === null) {
      table.set(wrap(k), null);
      return;
    }
    if (type.element !== ValType.funcref) bad(`table ${index} cannot hold functions`);
    if (entry >= instance.module.functionTypes.length) bad(`table ${index}: there is no function ${entry}`);
    table.set(wrap(k), instance.functionObject(entry));
  });
}

/** A dropped segment has length 0: using none of it at its end traps then. */
function isDataDropped(instance: GuestInstance, segment: number): boolean {
  const { start, end } = instance.module.data[segment]!.contents;
  if (end === start || instance.memories.length === 0) return false;
  const init = instance.exports[names.initDataName(segment, 0)] as WebAssembly.ExportedFunction;
  return traps(() => init(instance.module.allMemories[0]!.is64 ? 0n : 0, end - start, 0));
}

function isElementDropped(instance: GuestInstance, segment: number): boolean {
  const { functions, expressions, element } = instance.module.elements[segment]!;
  const length = (functions ?? expressions)!.length;
  const table = instance.module.allTables.findIndex((type) => type.element === element);
  if (length === 0 || table < 0) return false;
  const init = instance.exports[names.initElementName(segment, table)] as WebAssembly.ExportedFunction;
  return traps(() => init(instance.module.allTables[table]!.limits.is64 ? 0n : 0, length, 0));
}

function traps(action: () => void): boolean {
  try {
    action();
    return false;
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return true;
    throw error;
  }
}
