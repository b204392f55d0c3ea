// One function body -> Instructions (see instructions.ts for what each array holds).
//
// This runs over every byte of every program that wvm loads, so it is written for speed: one loop, no object and no call
// per instruction as long as its LEBs fit in one byte. Details that instructions.ts leaves open:
// - offset[count] is the end of the body, so offset[i + 1] exists for every instruction;
// - lists: br_table  n, depth 0 .. n-1, default; try_table  n, then n times: kind, tag or -1, depth
//   (kind: 0 catch, 1 catch_ref, 2 catch_all, 3 catch_all_ref);
// - of table.init, memory.init and the copies, `immediate` and `immediate2` follow the order of the binary format.
//
// Checked: bounds, LEBs, known opcodes, block nesting. Types and indexes are not: V8 validates the module. A body with a
// GC instruction is refused with WVM_MODULE_UNSUPPORTED.

import { MalformedBytes, readS32, readS33, readU32, skipS64, skipU64 } from '../base/leb128.ts';
import { WvmError } from '../base/wvm-error.ts';
import { BLOCK_VALUE_TYPE, type Instructions } from './instructions.ts';
import type { WasmModule } from './module.ts';
import { allOpcodes, type ImmediateKind, Op, opcodeIndex } from './opcodes.ts';
import { Reader } from './reader.ts';
import { readHeapType, readValType } from './value-types.ts';

const INITIAL_CAPACITY = 4096;
/** V8's kV8MaxWasmFunctionBrTableSize. */
const MAX_BR_TABLE = 65_520;
const GC_PREFIX = 0xfb;
const EMPTY_BLOCK_TYPE = 0x40;
/** In the flags of a memarg: a memory index follows. */
const MEMARG_HAS_MEMORY = 0x40;
/** Clause of a try_table that names no tag: catch_all, catch_all_ref. */
const FIRST_CATCH_ALL = 2;
const LAST_CATCH_KIND = 3;

/** An empty Instructions for decodeBody() to fill, again and again; it grows where `capacity` does not suffice. */
export function createInstructions(capacity: number = INITIAL_CAPACITY): Instructions {
  const length = Math.max(2, capacity);
  return {
    count: 0,
    opcode: new Uint32Array(length),
    offset: new Uint32Array(length),
    immediate: new Int32Array(length),
    immediate2: new Int32Array(length),
    lists: [],
  };
}

/**
 * Decodes the body of `module.code[codeIndex]` into `out`, overwriting it.
 * Throws WvmError WVM_MODULE_INVALID, or WVM_MODULE_UNSUPPORTED for instructions that wvm does not know.
 */
export function decodeBody(module: WasmModule, codeIndex: number, out: Instructions): void {
  try {
    decode(module, codeIndex, out);
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    const functionIndex = module.importedFunctionCount + codeIndex;
    const message = `section 10 (code), function ${functionIndex}, offset 0x${error.offset.toString(16)}: ${error.message}`;
    const code = error instanceof UnknownInstruction ? 'WVM_MODULE_UNSUPPORTED' : 'WVM_MODULE_INVALID';
    throw new WvmError(code, message, { cause: error });
  }
}

class UnknownInstruction extends MalformedBytes {}

// How to read an opcode's immediates, by dense index: small numbers, so that the loop's switch is a jump table.
const SHAPE_NONE = 0;
const SHAPE_U32 = 1;
const SHAPE_MEMARG = 2;
const SHAPE_I32 = 3;
const SHAPE_BLOCK = 4;
const SHAPE_U32_U32 = 5;
const SHAPE_SKIP_LEB64 = 6;
const SHAPE_SKIP_1 = 7;
const SHAPE_SKIP_4 = 8;
const SHAPE_SKIP_8 = 9;
const SHAPE_SKIP_16 = 10;
const SHAPE_RARE = 11;
const SHAPE_UNKNOWN = 12;

const SHAPES_BY_KIND: Readonly<Record<ImmediateKind, number>> = {
  none: SHAPE_NONE,
  blockType: SHAPE_BLOCK,
  label: SHAPE_U32,
  labelTable: SHAPE_RARE,
  function: SHAPE_U32,
  typeTable: SHAPE_U32_U32,
  type: SHAPE_U32,
  local: SHAPE_U32,
  global: SHAPE_U32,
  table: SHAPE_U32,
  tableTable: SHAPE_U32_U32,
  elementTable: SHAPE_U32_U32,
  element: SHAPE_U32,
  data: SHAPE_U32,
  dataMemory: SHAPE_U32_U32,
  memory: SHAPE_U32,
  memoryMemory: SHAPE_U32_U32,
  memarg: SHAPE_MEMARG,
  memargLane: SHAPE_MEMARG,
  lane: SHAPE_SKIP_1,
  shuffle: SHAPE_SKIP_16,
  i32: SHAPE_I32,
  i64: SHAPE_SKIP_LEB64,
  f32: SHAPE_SKIP_4,
  f64: SHAPE_SKIP_8,
  v128: SHAPE_SKIP_16,
  tag: SHAPE_U32,
  valTypes: SHAPE_RARE,
  heapType: SHAPE_RARE,
  tryTable: SHAPE_RARE,
  zero: SHAPE_SKIP_1,
};

const SHAPES = new Uint8Array(256 + 3 * 512).fill(SHAPE_UNKNOWN);
for (const { opcode, immediates } of allOpcodes()) SHAPES[opcodeIndex(opcode)] = SHAPES_BY_KIND[immediates];

function decode(module: WasmModule, codeIndex: number, out: Instructions): void {
  const entry = module.code[codeIndex]!;
  const { bytes } = module;
  const end = entry.range.end;
  // For what does not fit the fast paths; its position is set before each use.
  const reader = new Reader(bytes, entry.bodyStart, end);
  let { opcode: opcodes, offset: offsets, immediate: immediates, immediate2: immediates2 } = out;
  out.lists.length = 0;
  out.count = 0;
  let capacity = opcodes.length;
  let count = 0;
  let depth = 1;
  let position = entry.bodyStart;

  while (position < end) {
    if (count + 1 >= capacity) {
      grow(out);
      ({ opcode: opcodes, offset: offsets, immediate: immediates, immediate2: immediates2 } = out);
      capacity = opcodes.length;
    }
    const start = position;
    let opcode = bytes[position++]!;
    let index = opcode;
    if (opcode >= GC_PREFIX && opcode < 0xff) {
      reader.position = position;
      const sub = readU32(reader);
      position = reader.position;
      index = opcode === GC_PREFIX || sub >= 512 ? -1 : 256 + (opcode - 0xfc) * 512 + sub;
      if (index < 0) throw new UnknownInstruction(start, `unknown instruction ${hex(opcode)} ${sub}`);
      opcode = (opcode << 12) | sub;
    }

    let immediate = 0;
    let immediate2 = 0;
    let byte = 0;
    switch (SHAPES[index]!) {
      case SHAPE_NONE:
        if (opcode === Op.end && --depth === 0 && position !== end) {
          throw new MalformedBytes(position, 'instructions after the final end');
        }
        break;
      case SHAPE_U32:
        byte = bytes[position]!;
        if (byte < 0x80) {
          position++;
          immediate = byte;
        } else {
          reader.position = position;
          immediate = readU32(reader);
          position = reader.position;
        }
        if (opcode === Op.delegate && --depth === 0) throw new MalformedBytes(start, 'delegate outside a try');
        break;
      case SHAPE_MEMARG: {
        byte = bytes[position]!;
        if (byte < MEMARG_HAS_MEMORY) {
          position++;
        } else {
          reader.position = position;
          const flags = readU32(reader);
          if (flags >= 2 * MEMARG_HAS_MEMORY) throw new MalformedBytes(position, `alignment 2^${flags}`);
          if ((flags & MEMARG_HAS_MEMORY) !== 0) immediate = readU32(reader);
          position = reader.position;
        }
        byte = bytes[position]!;
        if (byte < 0x80) {
          position++;
        } else {
          reader.position = position;
          if (module.allMemories[immediate]?.is64 === true) skipU64(reader);
          else readU32(reader);
          position = reader.position;
        }
        // The lane of load_lane and store_lane.
        if (opcode >= Op.v128_load8_lane && opcode <= Op.v128_store64_lane) position++;
        break;
      }
      case SHAPE_I32:
        byte = bytes[position]!;
        if (byte < 0x80) {
          position++;
          immediate = (byte << 25) >> 25;
        } else {
          reader.position = position;
          immediate = readS32(reader);
          position = reader.position;
        }
        break;
      case SHAPE_BLOCK:
        depth++;
        byte = bytes[position]!;
        if (byte === EMPTY_BLOCK_TYPE) {
          position++;
          immediate = -1;
        } else if (byte < EMPTY_BLOCK_TYPE) {
          position++;
          immediate = byte;
        } else {
          reader.position = position;
          immediate = readBlockType(reader);
          position = reader.position;
        }
        break;
      case SHAPE_U32_U32:
        reader.position = position;
        immediate = readU32(reader);
        immediate2 = readU32(reader);
        position = reader.position;
        break;
      case SHAPE_SKIP_LEB64:
        byte = bytes[position]!;
        if (byte < 0x80) {
          position++;
        } else {
          reader.position = position;
          skipS64(reader);
          position = reader.position;
        }
        break;
      case SHAPE_SKIP_1:
        position++;
        break;
      case SHAPE_SKIP_4:
        position += 4;
        break;
      case SHAPE_SKIP_8:
        position += 8;
        break;
      case SHAPE_SKIP_16:
        position += 16;
        break;
      case SHAPE_RARE:
        reader.position = position;
        if (opcode === Op.br_table) {
          immediate = readBrTable(reader, out.lists);
        } else if (opcode === Op.try_table) {
          depth++;
          immediate2 = readBlockType(reader);
          immediate = readCatches(reader, out.lists);
        } else if (opcode === Op.select_t) {
          if (readU32(reader) !== 1) throw new MalformedBytes(position, 'select of other than one type');
          immediate = readValType(reader, ignored);
        } else {
          immediate = readHeapType(reader, ignored);
        }
        position = reader.position;
        break;
      default:
        throw new UnknownInstruction(start, `unknown instruction ${hex(opcode)}`);
    }
    if (position > end) throw new MalformedBytes(start, 'instruction runs past the end of the body');
    opcodes[count] = opcode;
    offsets[count] = start;
    immediates[count] = immediate;
    immediates2[count] = immediate2;
    count++;
  }
  if (depth !== 0) throw new MalformedBytes(end, `body ends inside ${depth} blocks`);
  offsets[count] = end;
  out.count = count;
}

/** What bodies use of other proposals is not recorded: their values are OTHER_REF, which no pass can save. */
const ignored: Set<string> = new Set();

/** Reads a block type that is not the one-byte form of "empty" or of a type index. */
function readBlockType(reader: Reader): number {
  const byte = reader.peek();
  // A single byte with bit 6 set is negative: "empty" or a value type. All others are type indexes.
  if (byte === EMPTY_BLOCK_TYPE) {
    reader.u8();
    return -1;
  }
  if (byte >= 0x40 && byte < 0x80) return BLOCK_VALUE_TYPE | readValType(reader, ignored);
  const at = reader.position;
  const typeIndex = readS33(reader);
  if (typeIndex < 0 || typeIndex >= BLOCK_VALUE_TYPE) throw new MalformedBytes(at, `${typeIndex} is not a block type`);
  return typeIndex;
}

function readBrTable(reader: Reader, lists: number[]): number {
  const place = lists.length;
  const count = reader.count('labels', MAX_BR_TABLE);
  lists.push(count);
  for (let i = 0; i <= count; i++) lists.push(reader.u32());
  return place;
}

function readCatches(reader: Reader, lists: number[]): number {
  const place = lists.length;
  const count = reader.count('catch clauses', MAX_BR_TABLE);
  lists.push(count);
  for (let i = 0; i < count; i++) {
    const at = reader.position;
    const kind = reader.u8();
    if (kind > LAST_CATCH_KIND) throw new MalformedBytes(at, `${hex(kind)} is not a kind of catch clause`);
    lists.push(kind, kind >= FIRST_CATCH_ALL ? -1 : reader.u32(), reader.u32());
  }
  return place;
}

function grow(out: Instructions): void {
  const capacity = out.opcode.length * 2;
  const opcode = new Uint32Array(capacity);
  const offset = new Uint32Array(capacity);
  const immediate = new Int32Array(capacity);
  const immediate2 = new Int32Array(capacity);
  opcode.set(out.opcode);
  offset.set(out.offset);
  immediate.set(out.immediate);
  immediate2.set(out.immediate2);
  Object.assign(out, { opcode, offset, immediate, immediate2 });
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
