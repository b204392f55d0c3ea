// Makes every instruction of a module a place where it can be stopped.
//
// before                after
// local.get $n          loop end  local.get $n
// i32.const 1           loop end  i32.const 1
// i32.add               loop end  i32.add
//
// An empty loop does nothing, is valid anywhere, changes no index, and has a safe point at its head.
import { ByteWriter } from '../../runtime/base/bytes.ts';
import { createInstructions, decodeBody } from '../../runtime/wasm/decode-body.ts';
import type { WasmModule } from '../../runtime/wasm/module.ts';

const EMPTY_LOOP = Uint8Array.of(0x03, 0x40, 0x0b);
const CODE_SECTION = 10;
const CUSTOM_SECTION = 0;

/** The module with an empty loop before every instruction; custom sections are left out. */
export function insertPoints(module: WasmModule): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(module.bytes.length * 4);
  writer.bytes(module.bytes, 0, 8);
  for (const section of module.sections) {
    if (section.id === CUSTOM_SECTION) continue;
    if (section.id === CODE_SECTION) writer.section(CODE_SECTION, (code) => writeCode(code, module));
    else writer.bytes(module.bytes, section.range.start, section.range.end);
  }
  return writer.toBytes();
}

function writeCode(code: ByteWriter, module: WasmModule): void {
  const instructions = createInstructions();
  const body = new ByteWriter();
  code.u32(module.code.length);
  module.code.forEach(({ range, bodyStart }, codeIndex) => {
    decodeBody(module, codeIndex, instructions);
    body.reset();
    body.bytes(module.bytes, range.start, bodyStart);
    for (let i = 0; i < instructions.count; i++) {
      body.bytes(EMPTY_LOOP);
      body.bytes(module.bytes, instructions.offset[i]!, instructions.offset[i + 1]!);
    }
    code.u32(body.position);
    code.bytes(body.toBytes());
  });
}
