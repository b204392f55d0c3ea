// The names under which instrumented modules and the engine know each other. Function, table, memory and
// global indexes of the original module stay what they were; all of ours come after them.

import { ValType } from '../wasm/module.ts';

/** Import module of everything the engine provides. */
export const WVM = 'wvm';

/** Tag (no parameters) that carries an unwinding stack. */
export const TAG_UNWIND = 'unwind';
/** Memory 0 of the engine: frame records while a stack unwinds or resumes. */
export const MEMORY_FRAMES = 'frames';
/** Memory of the engine that holds the marks of written pages (mark-table.ts), if the module makes them. */
export const MEMORY_MARKS = 'marks';
/** Table of functions of the engine and of compiled continuations, called by slot. */
export const TABLE_SLOTS = 'slots';
/** Tables that hold the references of frame records. */
export const TABLE_FUNCREFS = 'funcrefs';
export const TABLE_EXTERNREFS = 'externrefs';

/** Memory and table `index` of the original module, imported whether it was defined or imported there. */
export const memoryName = (index: number): string => `memory.${index}`;
export const tableName = (index: number): string => `table.${index}`;
/** Global `index` of the original module, exported. */
export const globalName = (index: number): string => `wvm.global.${index}`;

/** Tag `index` of the original module, imported where it was defined. */
export const tagName = (index: number): string => `tag.${index}`;

/** Exported table of all functions of the original module, by function index. */
export const EXPORT_FUNCTIONS = 'wvm.functions';
/** Exported functions that do what instantiation does in the original: fill the tables, then the memories. */
export const EXPORT_INIT_TABLES = 'wvm.init.tables';
export const EXPORT_INIT_MEMORIES = 'wvm.init.memories';
/** Exported function that drops data segment / element segment `index`. */
export const dropDataName = (index: number): string => `wvm.drop.data.${index}`;
export const dropElementName = (index: number): string => `wvm.drop.element.${index}`;
/** Exported helpers through which continuations use passive segments. */
export const initDataName = (segment: number, memory: number): string => `wvm.memory.init.${segment}.${memory}`;
export const initElementName = (segment: number, table: number): string => `wvm.table.init.${segment}.${table}`;
/** Exported globals of our own. */
export const EXPORT_FUEL = 'wvm.fuel';
export const EXPORT_CURSOR = 'wvm.cursor';
export const EXPORT_LIMIT = 'wvm.limit';
export const EXPORT_FUNCREF_CURSOR = 'wvm.funcref.cursor';
export const EXPORT_EXTERNREF_CURSOR = 'wvm.externref.cursor';

/** Slots of TABLE_SLOTS with a fixed meaning. */
export const SLOT_POLL = 0;
/** The poll takes the number of its site; ~number: it is to unwind, and the guest goes on there at once. */
export const POLL_PARAMS: readonly ValType[] = [ValType.i32];
/** [memory index, address i64, expected i32 or i64, timeout i64] -> [i32]. */
export const SLOT_WAIT32 = 1;
export const SLOT_WAIT64 = 2;
/** [memory index, address i64, count i32] -> [i32]. */
export const SLOT_NOTIFY = 3;
export const SLOT_FIRST_FREE = 16;

/** Custom section with what the engine needs of the call graph. */
export const SECTION_MAP = 'wvm.map';

/** Version of everything the instrumenter emits; part of the cache key. */
export const INSTRUMENTER_VERSION = 10;

/** Records start here; the bytes below hold the result that a resumed innermost frame receives. */
export const FRAMES_BASE = 1024;
