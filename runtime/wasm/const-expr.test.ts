import { expect, test } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { SAMPLES } from '../../test/unit/wasm-samples.ts';
import { decodeConst } from './const-expr.ts';
import { ValType } from './module.ts';
import { parseModule } from './parse.ts';

test('decodeConst() tells what each kind of initialiser says', async () => {
  const module = parseModule(await assembleText(SAMPLES['globals']!));
  expect(module.globals.map(({ init }) => decodeConst(module, init))).toEqual([
    { kind: 'i32', value: -5 },
    { kind: 'i64', value: 1234567890123n },
    // The payload of the NaN is kept.
    { kind: 'f32', bits: 0x7fa00001 },
    { kind: 'f64', bits: 0x3ff8000000000000n },
    { kind: 'v128', bytes: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0) },
    { kind: 'ref.null', type: ValType.funcref },
    { kind: 'ref.func', index: 0 },
    { kind: 'global', index: 0 },
    { kind: 'ref.null', type: ValType.externref },
    { kind: 'other' },
  ]);
});

test('decodeConst() takes a GC instruction for other, and so arithmetic that begins with a constant', async () => {
  const gc = parseModule(await assembleText(SAMPLES['gc']!));
  expect(gc.globals.map(({ init }) => decodeConst(gc, init).kind)).toEqual(['other', 'other']);
  const sum = parseModule(await assembleText('(module (memory 1) (data (i32.add (i32.const 1) (i32.const 2)) "x"))'));
  expect(decodeConst(sum, sum.data[0]!.offset!).kind).toBe('other');
});
