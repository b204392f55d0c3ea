import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { SAMPLES } from '../../test/unit/wasm-samples.ts';
import { ByteWriter } from '../base/bytes.ts';
import { encodeModule, writeLocals, writePreamble, writeValType } from './encode.ts';
import { OTHER_REF, ValType } from './module.ts';
import { parseModule } from './parse.ts';
import { SECTION_ORDER } from './sections.ts';

const ALL_SECTIONS = new Set(SECTION_ORDER);

describe('encodeModule()', () => {
  test.each(Object.keys(SAMPLES).filter((name) => name !== 'gc' && name !== 'function references'))(
    '%s: sections written from their entries are the same bytes',
    async (name) => {
      const bytes = await assembleText(SAMPLES[name]!);
      expect(encodeModule(parseModule(bytes), ALL_SECTIONS)).toEqual(new Uint8Array(bytes));
    },
  );

  test('LEBs that are longer than needed survive a copy and are shortened by a rewrite', () => {
    const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const custom = [0, 3, 1, 0x78, 2];
    const padded = Uint8Array.from([...head, 1, 0x85, 0x80, 0x00, 0x81, 0x00, 0x60, 0, 0, ...custom]);
    const module = parseModule(padded);
    expect(encodeModule(module)).toEqual(padded);
    expect([...encodeModule(module, new Set([1]))]).toEqual([...head, 1, 4, 1, 0x60, 0, 0, ...custom]);
  });

  test('a changed section is written, the others stay', async () => {
    const module = parseModule(await assembleText(SAMPLES['functions']!));
    const changed = { ...module, exports: [...module.exports, { name: 'é', kind: 'func', index: 0 } as const] };
    const bytes = encodeModule(changed, new Set([7]));
    expect(WebAssembly.validate(bytes)).toBe(true);
    expect(parseModule(bytes)).toMatchObject({ exports: changed.exports, types: module.types, start: module.start });
  });
});

describe('writers', () => {
  test('writeLocals() is read back as the same locals', () => {
    const types = fc.constantFrom(ValType.i32, ValType.i64, ValType.v128, ValType.externref);
    fc.assert(
      fc.property(fc.array(types, { maxLength: 40 }), (locals) => {
        const w = new ByteWriter();
        writePreamble(w);
        w.section(1, () => w.bytes(Uint8Array.of(1, 0x60, 0, 0)));
        w.section(3, () => w.bytes(Uint8Array.of(1, 0)));
        w.section(10, () => {
          w.u32(1);
          w.sized(() => {
            writeLocals(w, locals);
            w.u8(0x0b);
          });
        });
        const module = parseModule(w.toBytes());
        expect(module.code[0]!.locals).toEqual(locals);
        expect(WebAssembly.validate(w.toBytes())).toBe(true);
        expect(encodeModule(module, ALL_SECTIONS)).toEqual(w.toBytes());
      }),
      { numRuns: 50 },
    );
  });

  test('a type that was lost cannot be written', () => {
    expect(() => writeValType(new ByteWriter(), OTHER_REF)).toThrow('can only be copied');
  });
});
