import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { SAMPLES } from '../../test/unit/wasm-samples.ts';
import { ByteWriter } from '../base/bytes.ts';
import { WvmError } from '../base/wvm-error.ts';
import { createInstructions, decodeBody } from './decode-body.ts';
import { encodeModule, writePreamble } from './encode.ts';
import { OTHER_REF, ValType, type WasmModule } from './module.ts';
import { functionNames, localNames } from './names.ts';
import { parseModule } from './parse.ts';
import { SECTION_ORDER } from './sections.ts';

const samples = new Map<string, Uint8Array>();

beforeAll(async () => {
  for (const [name, text] of Object.entries(SAMPLES)) samples.set(name, await assembleText(text));
});

function parseSample(name: string): WasmModule {
  return parseModule(samples.get(name)!);
}

/** Everything the layer reads of a module. Returns the error it refuses the module with; any other error escapes. */
function readAll(bytes: Uint8Array): WvmError | undefined {
  try {
    const module = parseModule(bytes);
    const out = createInstructions();
    functionNames(module);
    localNames(module, 0);
    for (let i = 0; i < module.code.length; i++) decodeBody(module, i, out);
    return undefined;
  } catch (error) {
    if (error instanceof WvmError) return error;
    throw error;
  }
}

/** A module of one section with these contents. */
function oneSection(id: number, contents: number[], before: (w: ByteWriter) => void = () => {}): Uint8Array {
  const writer = new ByteWriter();
  writePreamble(writer);
  before(writer);
  writer.section(id, (w) => w.bytes(Uint8Array.from(contents)));
  return writer.toBytes();
}

/** The preamble and bytes that need not be a section. */
function rawModule(...bytes: number[]): Uint8Array {
  return Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...bytes);
}

describe('parseModule()', () => {
  test.each(Object.keys(SAMPLES))('%s: V8 accepts the sample, and it encodes to the same bytes', (name) => {
    const bytes = samples.get(name)!;
    expect(WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)).toBe(true);
    const module = parseModule(bytes);
    expect(encodeModule(module)).toEqual(bytes);
    const end = module.sections.reduce((position, { range, contents }) => {
      expect(range.start).toBe(position);
      expect(contents.end).toBe(range.end);
      return range.end;
    }, 8);
    expect(end).toBe(bytes.length);
  });

  test('functions, imports, locals and start', () => {
    const module = parseSample('functions');
    const { i32, i64, f32, f64 } = ValType;
    expect(module.types[0]).toEqual({ params: [i32, i64, f32, f64], results: [i64] });
    expect(module.imports.map(({ module, name, kind }) => [module, name, kind])).toEqual([
      ['env', 'f', 'func'],
      ['env', '', 'func'],
    ]);
    expect(module.importedFunctionCount).toBe(2);
    expect(module.functionTypes.map((type) => module.types[type]!.params.length)).toEqual([1, 0, 4, 0]);
    expect(module.code[0]!.locals).toEqual([i32, i32, f64, i32]);
    expect(module.exports).toEqual([{ name: 'h', kind: 'func', index: 2 }]);
    expect(module.start).toBe(3);
    expect(module.uncapturable).toEqual([]);
  });

  test('memories: limits of every form, segments of every form', () => {
    const module = parseSample('memories');
    expect(module.memories).toEqual([
      { min: 1n, max: undefined, shared: false, is64: false, pageSizeLog2: 16 },
      { min: 1n, max: 2n, shared: false, is64: false, pageSizeLog2: 16 },
      { min: 1n, max: 262144n, shared: false, is64: true, pageSizeLog2: 16 },
    ]);
    expect(module.data.map(({ mode, memoryIndex }) => [mode, memoryIndex])).toEqual([
      ['active', 1],
      ['active', 2],
      ['passive', 0],
    ]);
    const { start, end } = module.data[1]!.contents;
    expect(String.fromCharCode(...module.bytes.subarray(start, end))).toBe('c');
    expect(module.dataCount).toBe(3);
    expect(parseSample('atomics').allMemories[0]).toMatchObject({ shared: true, max: 2n });
  });

  test('globals and tables: index spaces hold imports first', () => {
    const globals = parseSample('globals');
    expect(globals.importedGlobalCount).toBe(2);
    expect(globals.allGlobals.length).toBe(globals.globals.length + 2);
    expect(globals.allGlobals[1]).toEqual({ type: ValType.f64, mutable: true });
    expect(globals.allGlobals[7]).toMatchObject({ type: ValType.funcref, mutable: false });
    const tables = parseSample('tables');
    expect(tables.allTables.map(({ element, limits }) => [element, limits.min, limits.is64])).toEqual([
      [ValType.funcref, 1n, false],
      [ValType.externref, 2n, false],
      [ValType.funcref, 3n, true],
      [ValType.funcref, 4n, false],
    ]);
    expect(
      tables.elements.map(({ mode, tableIndex, functions, expressions }) => [
        mode,
        tableIndex,
        functions?.length,
        expressions?.length,
      ]),
    ).toEqual([
      ['active', 0, 2, undefined],
      ['active', 3, 1, undefined],
      ['passive', 0, 1, undefined],
      ['declared', 0, 1, undefined],
      ['active', 0, undefined, 2],
      ['active', 3, undefined, 1],
      ['passive', 0, undefined, 1],
      ['declared', 0, undefined, 1],
      ['passive', 0, undefined, 1],
    ]);
    expect(tables.elements[8]!.element).toBe(ValType.externref);
    expect(parseSample('exceptions').allTags.length).toBe(2);
  });

  test('what cannot be captured is named', () => {
    const references = parseSample('function references');
    expect(references.uncapturable).toEqual(['typed function references']);
    expect(references.tables[0]).toMatchObject({ element: OTHER_REF });
    expect(references.globals.map(({ type }) => type)).toEqual([OTHER_REF, OTHER_REF]);
    const gc = parseSample('gc');
    expect(gc.uncapturable).toContain('gc');
    expect(gc.types.map((type) => type !== undefined)).toEqual([false, false, true, true]);
  });

  test('(ref null func) in long form is funcref and captures', () => {
    const module = parseModule(oneSection(1, [1, 0x60, 2, 0x63, 0x70, 0x63, 0x6f, 1, 0x63, 0x69]));
    expect(module.types).toEqual([{ params: [ValType.funcref, ValType.externref], results: [ValType.exnref] }]);
    expect(module.uncapturable).toEqual([]);
  });

  test('a component is refused by name, with a way out', () => {
    const component = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);
    const error = readAll(component)!;
    expect(error.code).toBe('WVM_MODULE_UNSUPPORTED');
    expect(error.message).toContain('components are not supported');
    expect(error.hint).toContain('core module');
  });

  test.each([
    ['no preamble', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 1, 0, 0, 0), 'not a WebAssembly module'],
    ['another version', Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0), 'version 2'],
    ['an unknown section', rawModule(77, 0), 'there is no section 77'],
    [
      'sections out of order',
      rawModule(3, 1, 0, 1, 1, 0),
      'section 1 (type), offset 0xb: section twice, or out of order',
    ],
    ['a section past the end', rawModule(1, 9, 0), 'section 1 (type), offset 0xa: 9 bytes wanted, 1 left'],
    ['bytes left over', rawModule(1, 2, 0, 0), 'offset 0xb: 1 bytes left over'],
    ['a function without body', rawModule(1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0), 'no bodies for 1 functions'],
    ['a type that is none', rawModule(1, 4, 1, 0x61, 0, 0), '0x61 is not a form of type'],
    ['an unknown value type', rawModule(1, 5, 1, 0x60, 1, 0x33, 0), '0x33 is not a value type'],
    ['a function of no type', rawModule(3, 2, 1, 0), 'section 3 (function), offset 0xb: type index 0, but there are 0'],
    ['an export of nothing', rawModule(7, 5, 1, 1, 0x61, 0, 0), 'func index 0'],
    ['a name that is not UTF-8', rawModule(0, 2, 1, 0xff), 'not valid UTF-8'],
    ['limits upside down', rawModule(5, 4, 1, 1, 2, 1), 'memory of at least 2 and at most 1'],
    ['a data count that lies', rawModule(12, 1, 3), 'data count 3, but 0 data segments'],
  ])('refuses %s', (_, bytes, message) => {
    const error = readAll(bytes)!;
    expect(error.code).toBe('WVM_MODULE_INVALID');
    expect(error.message).toContain(message);
  });

  test.each(SECTION_ORDER.filter((id) => id !== 8 && id !== 12))(
    'refuses 2^32 - 1 entries in section %i at once',
    (id) => {
      const start = performance.now();
      expect(readAll(oneSection(id, [0xff, 0xff, 0xff, 0xff, 0x0f]))!.code).toBe('WVM_MODULE_INVALID');
      expect(performance.now() - start).toBeLessThan(100);
    },
  );

  test('refuses bodies that declare too many locals, alone or together', () => {
    const functions = (count: number) => (w: ByteWriter) => {
      w.section(1, () => w.bytes(Uint8Array.of(1, 0x60, 0, 0)));
      w.section(3, () => {
        w.u32(count);
        w.bytes(new Uint8Array(count));
      });
    };
    const tooMany = [1, 6, 1, 0xd1, 0x86, 0x03, 0x7f, 0x0b];
    expect(readAll(oneSection(10, tooMany, functions(1)))!.message).toContain('limit of 50000 locals');
    // 400 bodies of 50,000 each: 2,400 bytes that would expand to 160 MB.
    const body = [6, 1, 0xd0, 0x86, 0x03, 0x7f, 0x0b];
    const contents = [0x90, 0x03, ...Array.from({ length: 400 }, () => body).flat()];
    expect(readAll(oneSection(10, contents, functions(400)))!.message).toContain('locals in all functions');
  });

  test('every sample cut at every byte is refused, or is a shorter module', () => {
    let refused = 0;
    for (const bytes of samples.values()) {
      for (let length = 0; length < bytes.length; length++) {
        const error = readAll(bytes.slice(0, length));
        if (error !== undefined) refused++;
        // What V8 accepts, we do.
        else continue;
        expect(WebAssembly.validate(bytes.slice(0, length))).toBe(false);
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });

  test('4,000 mutations are read or refused, and refused only if V8 refuses them', () => {
    // A linear congruential generator: the same mutations at every run.
    let state = 12345;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 0x100000000) * below);
    };
    const all = [...samples.values()];
    let refused = 0;
    for (let i = 0; i < 4000; i++) {
      const bytes = all[random(all.length)]!.slice();
      for (let k = random(3); k >= 0; k--) {
        const at = 8 + random(bytes.length - 8);
        bytes[at] = random(2) === 0 ? random(256) : bytes[at]! ^ (1 << random(8));
      }
      const error = readAll(bytes);
      if (error === undefined) continue;
      refused++;
      if (error.code === 'WVM_MODULE_INVALID')
        expect([error.message, WebAssembly.validate(bytes)]).toEqual([error.message, false]);
    }
    expect(refused).toBeGreaterThan(1000);
  });

  test('a program of two megabytes round-trips', () => {
    const vendor = dirname(createRequire(import.meta.url).resolve('@bytecodealliance/jco-transpile/wasm-tools'));
    const bytes = new Uint8Array(readFileSync(join(vendor, '../vendor/wasm-tools.core.wasm')));
    const module = parseModule(bytes);
    expect(module.code.length).toBeGreaterThan(1000);
    // Not toEqual(), which takes seconds for so many bytes.
    expect(Buffer.compare(encodeModule(module), bytes)).toBe(0);
    expect(Buffer.compare(encodeModule(module, new Set(SECTION_ORDER)), bytes)).toBe(0);
    expect(readAll(bytes)).toBeUndefined();
  });
});
