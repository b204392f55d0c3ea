// Turns a generated shape into a module. Text goes through wabt; its own stack is too small for a thousand levels of
// nesting, so a deep function is written here byte by byte and put in the place of $shape, which the text leaves empty.

import { assembleWat } from '../../guest/toolchain.ts';
import { ByteWriter } from '../../runtime/base/bytes.ts';
import { type Cursor, readU32 } from '../../runtime/base/leb128.ts';
import { FunctionIndex, IMPORT_COUNT, type Shape } from './shapes.ts';

const CODE_SECTION = 10;
const HEADER_BYTES = 8;

export async function assembleShape(shape: Shape): Promise<Uint8Array<ArrayBuffer>> {
  const module = await assembleWat(shape.name, shape.text());
  if (!shape.body) return module;
  const body = new ByteWriter();
  shape.body(body);
  return withBody(module, FunctionIndex.shape - IMPORT_COUNT, body.toBytes());
}

/** The module with another body (locals and code) for the function at `bodyIndex` of the code section. */
function withBody(module: Uint8Array, bodyIndex: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const cursor: Cursor & { position: number } = { bytes: module, position: HEADER_BYTES, end: module.length };
  const writer = new ByteWriter();
  writer.bytes(module, 0, HEADER_BYTES);
  while (cursor.position < module.length) {
    const start = cursor.position;
    const id = module[cursor.position++];
    const size = readU32(cursor);
    const end = cursor.position + size;
    if (id !== CODE_SECTION) {
      writer.bytes(module, start, end);
    } else {
      writer.section(CODE_SECTION, (section) => {
        const count = readU32(cursor);
        section.u32(count);
        for (let index = 0; index < count; index++) {
          const bodySize = readU32(cursor);
          const bytes = index === bodyIndex ? body : module.subarray(cursor.position, cursor.position + bodySize);
          section.u32(bytes.length);
          section.bytes(bytes);
          cursor.position += bodySize;
        }
      });
    }
    cursor.position = end;
  }
  return writer.toBytes();
}
