// The opcode table against two independent sources: the assembler of the Rust `wat` crate (numbers, names, immediates) and
// V8's validator (operand and result types).

import { describe, expect, test } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { ByteWriter } from '../base/bytes.ts';
import { createInstructions, decodeBody } from './decode-body.ts';
import { writeFuncType, writePreamble } from './encode.ts';
import { ValType } from './module.ts';
import { allOpcodes, type ImmediateKind, Op, type OpcodeInfo, opcodeInfo, popCount, pushType } from './opcodes.ts';
import { parseModule } from './parse.ts';

const TEXT: Record<ImmediateKind, string> = {
  none: '',
  blockType: '(result i32)',
  label: '0',
  labelTable: '0 0 0',
  function: '0',
  typeTable: '1 (type 2)',
  type: '2',
  local: '3',
  global: '200',
  table: '1',
  tableTable: '2 1',
  elementTable: '1 3',
  element: '3',
  data: '3',
  dataMemory: '1 3',
  memory: '1',
  memoryMemory: '2 1',
  memarg: '1 offset=1000',
  memargLane: '1 offset=1000 1',
  lane: '1',
  shuffle: '0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15',
  i32: '-70000',
  i64: '-70000000000',
  f32: '1',
  f64: '1',
  v128: 'i32x4 1 2 3 4',
  tag: '130',
  valTypes: '(result f64)',
  heapType: 'extern',
  tryTable: '(result i32) (catch 2 0) (catch_all 1)',
  zero: '',
};

/** Expected `immediate` and `immediate2` of the text above. */
const IMMEDIATES: Partial<Record<ImmediateKind, [number, number]>> = {
  blockType: [0x4000007f, 0],
  typeTable: [2, 1],
  type: [2, 0],
  local: [3, 0],
  global: [200, 0],
  table: [1, 0],
  tableTable: [2, 1],
  elementTable: [3, 1],
  element: [3, 0],
  data: [3, 0],
  dataMemory: [3, 1],
  memory: [1, 0],
  memoryMemory: [2, 1],
  memarg: [1, 0],
  memargLane: [1, 0],
  i32: [-70000, 0],
  tag: [130, 0],
  valTypes: [ValType.f64, 0],
  heapType: [ValType.externref, 0],
  tryTable: [0, 0x4000007f],
};

/** A body that holds the instruction, and the place of it among its instructions. */
function bodyText({ name, opcode, immediates }: OpcodeInfo): [text: string, place: number] {
  const text = `${name} ${TEXT[immediates]}`;
  switch (opcode) {
    case Op.block:
    case Op.loop:
    case Op.if:
    case Op.try:
    case Op.try_table:
      return [`${text} end`, 0];
    case Op.else:
      return ['if else end', 1];
    case Op.end:
      return ['', 0];
    case Op.catch:
    case Op.catch_all:
      return [`try ${text} end`, 1];
    case Op.delegate:
      return [`try ${text}`, 1];
    default:
      return [text, 0];
  }
}

describe('the opcode table', () => {
  test('every opcode assembles to its number and decodes with its immediates', async () => {
    const infos = allOpcodes();
    expect(infos.length).toBe(540);
    const bodies = infos.map((info) => bodyText(info));
    const types = '(type (func)) (type (func (param i32))) (type (func (param i64)))';
    const module = parseModule(
      await assembleText(`(module ${types} ${bodies.map(([text]) => `(func (type 0) ${text})`).join('\n')})`),
    );
    const out = createInstructions();
    for (const [i, { name, opcode, immediates }] of infos.entries()) {
      decodeBody(module, i, out);
      const place = bodies[i]![1];
      expect([name, out.opcode[place]!.toString(16)]).toEqual([name, opcode.toString(16)]);
      const [immediate, immediate2] = IMMEDIATES[immediates] ?? [0, 0];
      expect([name, out.immediate[place], out.immediate2[place]]).toEqual([name, immediate, immediate2]);
      expect([name, out.opcode[out.count - 1]]).toEqual([name, Op.end]);
    }
  });

  test('every fixed signature is what V8 validates', () => {
    const simple = allOpcodes().filter(({ params, results }) => params && results);
    expect(simple.length).toBeGreaterThan(490);
    const wrong: string[] = [];
    for (const info of simple) {
      if (!WebAssembly.validate(moduleWith(info, info.params!, info.results!))) wrong.push(info.name);
      // The checker can fail: no opcode also has this signature.
      expect(WebAssembly.validate(moduleWith(info, [...info.params!, ValType.externref], info.results!))).toBe(false);
    }
    expect(wrong).toEqual([]);
  });

  test('lookups agree with the table', () => {
    expect(opcodeInfo(Op.i32_add)?.name).toBe('i32.add');
    expect(opcodeInfo(Op.memory_init)).toMatchObject({ opcode: 0xfc008, immediates: 'dataMemory' });
    for (const none of [0x1a0, 0xff, 0xfb000, 0xfd1ff, 0xfd200, 0xff000, 0xfc012])
      expect(opcodeInfo(none)).toBeUndefined();
    for (const [name, opcode] of Object.entries(Op)) {
      const info = opcodeInfo(opcode)!;
      expect([name, info.opcode]).toEqual([name, opcode]);
      if (name !== 'select_t') expect(info.name.replaceAll('.', '_')).toBe(name);
      expect([name, popCount(opcode)]).toEqual([name, info.params && info.results ? info.params.length : -1]);
      if (info.params && info.results) expect(pushType(opcode)).toBe(info.results[0] ?? 0);
    }
    expect(popCount(0xfd1ff)).toBe(-1);
    expect(popCount(0xff000)).toBe(-1);
  });
});

/** A module whose one function pushes `params` from its parameters and executes the opcode. */
function moduleWith({ opcode, immediates }: OpcodeInfo, params: readonly number[], results: readonly number[]) {
  const w = new ByteWriter();
  writePreamble(w);
  w.section(1, () => {
    w.u32(1);
    writeFuncType(w, { params, results });
  });
  w.section(3, () => w.bytes(Uint8Array.of(1, 0)));
  w.section(4, () => w.bytes(Uint8Array.of(1, ValType.funcref, 0, 1)));
  w.section(5, () => w.bytes(Uint8Array.of(1, 3, 1, 2)));
  w.section(9, () => w.bytes(Uint8Array.of(1, 3, 0, 1, 0)));
  w.section(12, () => w.u32(1));
  w.section(10, () => {
    w.u32(1);
    w.sized(() => {
      w.u32(0);
      for (let i = 0; i < params.length; i++) w.bytes(Uint8Array.of(Op.local_get, i));
      if (opcode > 0xff) {
        w.u8(opcode >>> 12);
        w.u32(opcode & 0xfff);
      } else w.u8(opcode);
      const pair = ['tableTable', 'elementTable', 'dataMemory', 'memoryMemory'].includes(immediates);
      const sizes: Partial<Record<ImmediateKind, number>> = {
        none: 0,
        f32: 4,
        f64: 8,
        v128: 16,
        shuffle: 16,
        memargLane: 3,
        memarg: 2,
      };
      const bytes = new Uint8Array(sizes[immediates] ?? (pair ? 2 : 1));
      // Atomics want exactly their natural alignment; all else takes any up to it.
      if (opcode >>> 12 === 0xfe && immediates === 'memarg') bytes[0] = naturalAlignment(opcode);
      w.bytes(bytes);
      w.u8(Op.end);
    });
  });
  w.section(11, () => w.bytes(Uint8Array.of(1, 1, 0)));
  return w.toBytes();
}

/** log2 of the bytes that an atomic instruction accesses, from its name. */
function naturalAlignment(opcode: number): number {
  const { name } = opcodeInfo(opcode)!;
  const width = /(?:load|store|rmw|wait)(8|16|32|64)/.exec(name)?.[1] ?? (name.startsWith('i64') ? '64' : '32');
  return Math.log2(Number(width) / 8);
}
