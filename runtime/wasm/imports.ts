// Section 2, imports.
//
//   import   module name, field name, kind, then by kind: 0 type index, 1 table type, 2 limits, 3 global type,
//            4 tag: attribute 0 and type index

import { readGlobalType, readLimits, readTableType } from './limits.ts';
import type { FuncType, Import, ImportDesc } from './module.ts';
import type { Reader } from './reader.ts';
import { readFuncTypeIndex } from './types.ts';
import type { Uncapturable } from './value-types.ts';

/** V8's limit (kV8MaxWasmImports). */
const MAX_IMPORTS = 1_000_000;

/** Reads the contents of the import section. */
export function readImports(
  reader: Reader,
  types: readonly (FuncType | undefined)[],
  uncapturable: Uncapturable,
): Import[] {
  const imports: Import[] = [];
  const count = reader.count('imports', MAX_IMPORTS);
  for (let i = 0; i < count; i++) {
    const start = reader.position;
    const module = reader.name();
    const name = reader.name();
    const desc = readImportDesc(reader, types, uncapturable);
    imports.push({ ...desc, module, name, range: { start, end: reader.position } });
  }
  return imports;
}

function readImportDesc(
  reader: Reader,
  types: readonly (FuncType | undefined)[],
  uncapturable: Uncapturable,
): ImportDesc {
  const kind = reader.u8();
  switch (kind) {
    case 0:
      return { kind: 'func', typeIndex: readFuncTypeIndex(reader, types) };
    case 1:
      return { kind: 'table', table: readTableType(reader, uncapturable) };
    case 2:
      return { kind: 'memory', limits: readLimits(reader, 'memory') };
    case 3:
      return { kind: 'global', global: readGlobalType(reader, uncapturable) };
    case 4:
      return { kind: 'tag', typeIndex: readTag(reader, types) };
    default:
      return reader.fail(`0x${kind.toString(16)} is not a kind of import`, reader.position - 1);
  }
}

/** Reads a tag: its attribute (0, an exception) and type index. */
export function readTag(reader: Reader, types: readonly (FuncType | undefined)[]): number {
  if (reader.u8() !== 0) reader.fail('the attribute of a tag must be 0', reader.position - 1);
  return readFuncTypeIndex(reader, types);
}
