import { beforeAll, describe, expect, test } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { SAMPLES } from '../../test/unit/wasm-samples.ts';
import type { WasmModule } from './module.ts';
import * as names from './names.ts';
import { parseModule } from './parse.ts';

let bytes: Uint8Array;
let module: WasmModule;

beforeAll(async () => {
  bytes = await assembleText(SAMPLES['names']!);
  module = parseModule(bytes);
});

describe('the name section', () => {
  test('names every index space', () => {
    expect(names.moduleName(module)).toBe('module');
    expect([...names.functionNames(module)]).toEqual([
      [0, 'imported'],
      [2, 'first'],
      [4, 'last'],
    ]);
    expect([...names.tableNames(module)]).toEqual([[0, 'table']]);
    expect([...names.memoryNames(module)]).toEqual([[0, 'memory']]);
    expect([...names.globalNames(module)]).toEqual([[0, 'global']]);
    expect([...names.tagNames(module)]).toEqual([[0, 'tag']]);
  });

  test('localNames() of one function', () => {
    expect([...names.localNames(module, 2)]).toEqual([
      [0, 'p'],
      [1, 'l'],
    ]);
    expect([...names.localNames(module, 4)]).toEqual([[1, 'x']]);
    expect([...names.localNames(module, 3)]).toEqual([]);
  });

  test('functionName() falls back on exports, then imports', () => {
    expect([0, 1, 2, 3, 4, 5].map((index) => names.functionName(module, index))).toEqual([
      'imported',
      'env.unnamed',
      'first',
      'exported',
      'last',
      undefined,
    ]);
    expect([...names.exportedFunctionNames(module)]).toEqual([[3, 'exported']]);
  });

  test('a module without one has no names', async () => {
    const plain = parseModule(await assembleText('(module (func) (global i32 (i32.const 0)))'));
    expect(names.functionNames(plain).size + names.globalNames(plain).size + names.localNames(plain, 0).size).toBe(0);
    expect(names.moduleName(plain)).toBeUndefined();
  });

  test('broken at any byte, it is no error', () => {
    const section = module.sections.find(({ name }) => name === 'name')!;
    let changed = 0;
    for (let at = section.contents.start; at < section.contents.end; at++) {
      for (const value of [0x00, 0x7f, 0xff]) {
        const broken = bytes.slice();
        broken[at] = value;
        const parsed = parseModule(broken);
        const found = names.functionNames(parsed).get(2);
        names.localNames(parsed, 2);
        names.moduleName(parsed);
        if (found !== 'first') changed++;
      }
    }
    expect(changed).toBeGreaterThan(10);
  });
});
