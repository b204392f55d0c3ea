// One function body as parallel arrays: no object per instruction, so a 1 MB program decodes in tens of
// milliseconds. Reused from function to function (`decodeBody` overwrites it).
//
// `opcode`: the byte for one-byte opcodes; (prefix << 12) | sub for 0xFC, 0xFD, 0xFE (see opcodes.ts).
// `offset[i] .. offset[i + 1]`: the bytes of instruction i, as offsets into the module.
// `immediate`, by kind of instruction:
//   block loop if try            block type: -1 empty, value type code (0x40..0x7f) | BLOCK_VALUE_TYPE, or type index
//   br br_if delegate rethrow br_on_null…   label depth
//   br_table, try_table          index into `lists` (br_table: depth…, default; try_table: count, then kind, tag, depth…)
//   try_table                    `immediate2` holds the block type
//   call return_call ref.func    function index
//   call_indirect return_call_indirect   type index; `immediate2` the table index
//   call_ref return_call_ref     type index
//   local.* global.* table.*     index (`immediate2`: second index of table.copy/table.init)
//   memory.* data.drop elem.drop index (`immediate2`: memory of memory.init, source memory of memory.copy)
//   loads, stores, atomics       memory index
//   i32.const                    the value
//   catch throw                  tag index
//   select t                     the value type
//   ref.null                     the value type (OTHER_REF for what is not funcref, externref or exnref)
//   all others                   0

/** Marks an `immediate` of a block that is a single value type. */
export const BLOCK_VALUE_TYPE = 0x40000000;

export interface Instructions {
  count: number;
  opcode: Uint32Array;
  offset: Uint32Array;
  immediate: Int32Array;
  immediate2: Int32Array;
  /** Variable-length immediates, back to back; `immediate` is the index of the length word. */
  lists: number[];
}
