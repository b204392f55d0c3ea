// Makes every instruction of a module a place where it can be stopped.
//
// before                after, with $P = loop (param i32) drop end
// local.get $n          i32.const 0 $P  local.get $n
// i32.const 1           i32.const 0 $P  i32.const 1
// i32.add               i32.const 0 $P  i32.add
//
// Such a loop does nothing, is valid anywhere, and a loop with parameters has its safe point at its head. Its type
// comes behind the others, so no index changes.
import { ByteWriter } from '../../runtime/base/bytes.ts';
import { createInstructions, decodeBody } from '../../runtime/wasm/decode-body.ts';
import type { Range, WasmModule } from '../../runtime/wasm/module.ts';
import { Op } from '../../runtime/wasm/opcodes.ts';
import { Reader } from '../../runtime/wasm/reader.ts';

const I32_TO_NOTHING = Uint8Array.of(0x60, 1, 0x7f, 0);
const TYPE_SECTION = 1;
const CODE_SECTION = 10;
const CUSTOM_SECTION = 0;

/** The module with an empty loop before every instruction; custom sections are left out. */
export function insertPoints(module: WasmModule): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(module.bytes.length * 4);
  writer.bytes(module.bytes, 0, 8);
  const point = pointOfType(module.types.length);
  for (const section of module.sections) {
    if (section.id === CUSTOM_SECTION) continue;
    if (section.id === CODE_SECTION) writer.section(CODE_SECTION, (code) => writeCode(code, module, point));
    else if (section.id === TYPE_SECTION)
      writer.section(TYPE_SECTION, (types) => writeTypes(types, module, section.range));
    else writer.bytes(module.bytes, section.range.start, section.range.end);
  }
  return writer.toBytes();
}

function pointOfType(typeIndex: number): Uint8Array {
  const point = new ByteWriter(16);
  point.u8(Op.i32_const);
  point.s32(0);
  point.u8(Op.loop);
  point.s32(typeIndex);
  point.u8(Op.drop);
  point.u8(Op.end);
  return point.toBytes();
}

/** `range`: the section's, with its header. */
function writeTypes(types: ByteWriter, module: WasmModule, range: Range): void {
  const reader = new Reader(module.bytes, range.start, range.end);
  reader.u8();
  reader.u32();
  types.u32(reader.u32() + 1);
  types.bytes(module.bytes, reader.position, range.end);
  types.bytes(I32_TO_NOTHING);
}

function writeCode(code: ByteWriter, module: WasmModule, point: Uint8Array): void {
  const instructions = createInstructions();
  const body = new ByteWriter();
  code.u32(module.code.length);
  module.code.forEach(({ range, bodyStart }, codeIndex) => {
    decodeBody(module, codeIndex, instructions);
    body.reset();
    body.bytes(module.bytes, range.start, bodyStart);
    for (let i = 0; i < instructions.count; i++) {
      body.bytes(point);
      body.bytes(module.bytes, instructions.offset[i]!, instructions.offset[i + 1]!);
    }
    code.u32(body.position);
    code.bytes(body.toBytes());
  });
}
