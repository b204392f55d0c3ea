// Section 1, types. A plain module lists function types; the GC proposal puts them in recursion groups, gives them
// supertypes, and adds struct and array types. Those are stepped over: only which indexes are functions matters.

import type { FuncType, ValType } from './module.ts';
import type { Reader } from './reader.ts';
import { readValType, type Uncapturable } from './value-types.ts';

// V8's limits (kV8MaxWasmTypes, kV8MaxWasmFunctionParams, kV8MaxWasmFunctionReturns, kV8MaxWasmStructFields,
// kV8MaxWasmSubtypingDepth's kin: one supertype).
const MAX_TYPES = 1_000_000;
const MAX_PARAMS = 1000;
const MAX_RESULTS = 1000;
const MAX_FIELDS = 10_000;

const FUNC = 0x60;
const STRUCT = 0x5f;
const ARRAY = 0x5e;
const SUB = 0x50;
const SUB_FINAL = 0x4f;
const REC = 0x4e;
const PACKED_I8 = 0x78;
const PACKED_I16 = 0x77;

/** Reads the contents of the type section. */
export function readTypes(reader: Reader, uncapturable: Uncapturable): (FuncType | undefined)[] {
  const types: (FuncType | undefined)[] = [];
  const count = reader.count('types', MAX_TYPES);
  for (let i = 0; i < count; i++) {
    if (reader.peek() !== REC) {
      types.push(readSubType(reader, uncapturable));
      continue;
    }
    reader.u8();
    uncapturable.add('gc');
    const groupSize = reader.count('types', MAX_TYPES - types.length);
    for (let k = 0; k < groupSize; k++) types.push(readSubType(reader, uncapturable));
  }
  return types;
}

function readSubType(reader: Reader, uncapturable: Uncapturable): FuncType | undefined {
  const form = reader.peek();
  if (form === SUB || form === SUB_FINAL) {
    reader.u8();
    uncapturable.add('gc');
    if (reader.count('supertypes', 1) === 1) reader.u32();
  }
  const at = reader.position;
  switch (reader.u8()) {
    case FUNC: {
      const params = readValTypes(reader, 'parameters', MAX_PARAMS, uncapturable);
      return { params, results: readValTypes(reader, 'results', MAX_RESULTS, uncapturable) };
    }
    case STRUCT: {
      uncapturable.add('gc');
      const fieldCount = reader.count('fields', MAX_FIELDS);
      for (let i = 0; i < fieldCount; i++) skipField(reader, uncapturable);
      return undefined;
    }
    case ARRAY:
      uncapturable.add('gc');
      skipField(reader, uncapturable);
      return undefined;
    default:
      return reader.fail(`0x${reader.bytes[at]!.toString(16)} is not a form of type`, at);
  }
}

function readValTypes(reader: Reader, what: string, limit: number, uncapturable: Uncapturable): ValType[] {
  const count = reader.count(what, limit);
  const types: ValType[] = [];
  for (let i = 0; i < count; i++) types.push(readValType(reader, uncapturable));
  return types;
}

function skipField(reader: Reader, uncapturable: Uncapturable): void {
  const storage = reader.peek();
  if (storage === PACKED_I8 || storage === PACKED_I16) reader.u8();
  else readValType(reader, uncapturable);
  if (reader.u8() > 1) reader.fail('not a mutability', reader.position - 1);
}

/** Reads a type index that must be of a function type. */
export function readFuncTypeIndex(reader: Reader, types: readonly (FuncType | undefined)[]): number {
  const at = reader.position;
  const index = reader.index('type', types.length);
  if (types[index] === undefined) reader.fail(`type ${index} is not a function type`, at);
  return index;
}
