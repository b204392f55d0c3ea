import { beforeAll, describe, expect, test } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { SAMPLES } from '../../test/unit/wasm-samples.ts';
import { createInstructions, decodeBody } from './decode-body.ts';
import type { Instructions } from './instructions.ts';
import { OTHER_REF, type WasmModule } from './module.ts';
import { Op, opcodeInfo } from './opcodes.ts';
import { parseModule } from './parse.ts';

const samples = new Map<string, WasmModule>();

beforeAll(async () => {
  for (const [name, text] of Object.entries(SAMPLES)) samples.set(name, parseModule(await assembleText(text)));
});

function decoded(module: WasmModule, codeIndex: number): Instructions {
  const out = createInstructions();
  decodeBody(module, codeIndex, out);
  return out;
}

function find(out: Instructions, opcode: number, nth = 0): number {
  for (let i = 0; i < out.count; i++) if (out.opcode[i] === opcode && nth-- === 0) return i;
  throw new Error(`no ${opcodeInfo(opcode)?.name}`);
}

/** A module of one function [] -> [] with these instructions, raw. */
function body(...instructions: number[]): WasmModule {
  const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
  const size = instructions.length + 1;
  return parseModule(Uint8Array.from([...bytes, 10, size + 2, 1, size, 0, ...instructions]));
}

describe('decodeBody()', () => {
  test('instructions tile every body, first byte first', () => {
    const out = createInstructions();
    let instructionCount = 0;
    for (const module of samples.values()) {
      for (const [i, entry] of module.code.entries()) {
        decodeBody(module, i, out);
        instructionCount += out.count;
        expect(out.offset[0]).toBe(entry.bodyStart);
        expect(out.offset[out.count]).toBe(entry.range.end);
        for (let k = 0; k < out.count; k++) {
          const start = out.offset[k]!;
          const opcode = out.opcode[k]!;
          expect(out.offset[k + 1]).toBeGreaterThan(start);
          expect(module.bytes[start]).toBe(opcode > 0xff ? opcode >>> 12 : opcode);
        }
      }
    }
    expect(instructionCount).toBeGreaterThan(150);
  });

  test('block types, constants, br_table', () => {
    const out = decoded(samples.get('control')!, 0);
    expect(out.immediate[find(out, Op.block)]).toBe(-1);
    expect(out.immediate[find(out, Op.block, 3)]).toBe(0);
    expect(out.immediate[find(out, Op.if)]).toBe(0x4000007f);
    expect(out.immediate[find(out, Op.i32_const, 1)]).toBe(300);
    expect(out.immediate[find(out, Op.select_t)]).toBe(0x7f);
    const list = out.immediate[find(out, Op.br_table)]!;
    expect(out.lists.slice(list, list + 5)).toEqual([3, 0, 1, 2, 0]);
  });

  test('memory indexes of loads, stores, lanes and bulk instructions', () => {
    const out = decoded(samples.get('memories')!, 0);
    const pair = (i: number) => [out.immediate[i], out.immediate2[i]];
    expect(pair(find(out, Op.i32_load))).toEqual([1, 0]);
    expect(pair(find(out, Op.i32_load, 1))).toEqual([2, 0]);
    expect(pair(find(out, Op.memory_copy))).toEqual([0, 1]);
    expect(pair(find(out, Op.memory_init))).toEqual([2, 1]);
    expect(pair(find(out, Op.memory_size))).toEqual([2, 0]);
    expect(pair(find(out, Op.v128_load8_lane))).toEqual([1, 0]);
  });

  test('try_table lists its clauses', () => {
    const out = decoded(samples.get('exceptions')!, 0);
    const i = find(out, Op.try_table);
    // The last type of the module is () -> (i32 i64).
    expect(samples.get('exceptions')!.types[out.immediate2[i]!]).toEqual({ params: [], results: [0x7f, 0x7e] });
    const list = out.immediate[i]!;
    expect(out.lists.slice(list)).toEqual([4, 0, 1, 3, 1, 0, 1, 2, -1, 0, 3, -1, 2]);
    expect(out.immediate[find(out, Op.throw)]).toBe(1);
  });

  test('legacy exceptions: delegate closes its try', () => {
    const out = decoded(samples.get('legacy exceptions')!, 0);
    expect(Array.from(out.opcode.subarray(0, out.count), (opcode) => opcodeInfo(opcode)!.name)).toEqual([
      ...['try', 'local.get', 'throw', 'catch', 'catch_all', 'rethrow', 'end'],
      ...['try', 'try', 'nop', 'delegate', 'catch_all', 'end', 'end'],
    ]);
  });

  test('other reference types are OTHER_REF', async () => {
    const module = parseModule(
      await assembleText(`(module (type $t (func)) (func ref.null $t drop ref.null func drop
        block (result (ref null $t)) unreachable end drop block (result (ref null extern)) unreachable end drop))`),
    );
    const out = decoded(module, 0);
    expect(out.immediate[find(out, Op.ref_null)]).toBe(OTHER_REF);
    expect(out.immediate[find(out, Op.ref_null, 1)]).toBe(0x70);
    expect(out.immediate[find(out, Op.block)]).toBe(0x40000000 | OTHER_REF);
    expect(out.immediate[find(out, Op.block, 1)]).toBe(0x4000006f);
  });

  test('is reused from body to body, whatever their sizes', async () => {
    const long = 'i32.const 1 drop '.repeat(5000);
    const module = parseModule(await assembleText(`(module (func ${long}) (func nop))`));
    const out = createInstructions();
    decodeBody(module, 0, out);
    expect(out.count).toBe(10_001);
    expect(out.opcode[10_000]).toBe(Op.end);
    decodeBody(module, 1, out);
    expect(out.count).toBe(2);
    expect(out.lists).toEqual([]);
  });

  test.each([
    ['no end', [Op.nop], 'body ends inside 1 blocks'],
    ['an open block', [Op.block, 0x40, Op.end], 'body ends inside 1 blocks'],
    ['code after the end', [Op.end, Op.nop], 'instructions after the final end'],
    ['a cut constant', [Op.i64_const, 0x80], 'integer runs past the end'],
    ['a cut float', [Op.f64_const, 0, 0], 'past the end of the body'],
    ['a label table longer than the body', [Op.br_table, 0x90, 0x03, 0], '400 labels in 1 bytes'],
    ['an overlong index', [Op.local_get, 0x80, 0x80, 0x80, 0x80, 0x80, 0], 'longer than 32 bits'],
    ['a block type that is no type', [Op.block, 0x41, Op.end, Op.end], '0x41 is not a value type'],
    ['a catch clause of no kind', [Op.try_table, 0x40, 1, 9, 0, Op.end, Op.end], '0x9 is not a kind of catch clause'],
    ['a delegate outside', [Op.delegate, 0, Op.end], 'delegate outside a try'],
  ])('refuses %s', (_, instructions, message) => {
    const module = body(...instructions);
    expect(() => decoded(module, 0)).toThrow(
      expect.objectContaining({
        code: 'WVM_MODULE_INVALID',
        message: expect.stringMatching(
          new RegExp(`^section 10 \\(code\\), function 0, offset 0x[0-9a-f]+: .*${message}`),
        ),
      }),
    );
  });

  test.each([
    ['a GC instruction', [0xfb, 0x1c, Op.end], 'unknown instruction 0xfb 28'],
    ['an unassigned byte', [0x27, Op.end], 'unknown instruction 0x27'],
    ['an unassigned sub-opcode', [0xfd, 0xff, 0x7f, Op.end], 'unknown instruction 0xfd 16383'],
  ])('%s is unsupported, by name', (_, instructions, message) => {
    expect(() => decoded(body(...instructions), 0)).toThrow(
      expect.objectContaining({ code: 'WVM_MODULE_UNSUPPORTED', message: expect.stringContaining(message) }),
    );
  });
});
