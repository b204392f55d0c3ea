import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readModule, toBinaryModule } from './read-module.ts';

const emptyModule = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');

describe('readModule()', () => {
  let base: string;
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(os.tmpdir(), 'wvm-read-'));
  });
  afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

  it('reads .wasm as it is and .wat assembled, told apart by content', async () => {
    const file = path.join(base, 'program');
    fs.writeFileSync(file, emptyModule);
    expect(Buffer.from(await readModule(file)).equals(emptyModule)).toBe(true);
    fs.writeFileSync(file, '(module (func $run (export "run") (result i32) i32.const 42))');
    const module = await WebAssembly.compile((await readModule(file)) as BufferSource);
    const instance = await WebAssembly.instantiate(module);
    expect((instance.exports['run'] as () => number)()).toBe(42);
    expect(WebAssembly.Module.customSections(module, 'name').length).toBe(1);
  });

  it.each([
    ['missing', /no such file/],
    ['.', /is a directory/],
    ['missing/file', /no such file/],
  ])('says what is wrong with the path %j', async (name, message) => {
    await expect(readModule(path.join(base, name))).rejects.toMatchObject({
      code: 'WVM_FILE',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });
});

describe('toBinaryModule()', () => {
  it.each([
    ['', /an empty file/],
    ['\x7fELF\x02\x01', /an ELF file/],
    ['#!/bin/sh\n', /a script/],
    ['\x89WVM\r\n', /an image of a machine/],
    ['\x1f\x8b\x08', /a gzip file/],
    ['PK\x03\x04', /a zip file/],
    ['int main() {}', /text of another kind/],
    [';; only a comment', /text of another kind/],
    ['(; never ends', /text of another kind/],
    ['\x01\x02\x03\x04\x05', /unknown kind \(it begins with 01020304\)/],
    ['( \xff\xfe', /unknown kind/],
  ])('says what %j is', async (content, message) => {
    await expect(toBinaryModule(bytesOf(content), 'app')).rejects.toMatchObject({
      code: 'WVM_MODULE_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('refuses components, other versions and cut preambles by name', async () => {
    const withPreamble = (...bytes: number[]): Uint8Array => Uint8Array.of(0, 0x61, 0x73, 0x6d, ...bytes);
    await expect(toBinaryModule(withPreamble(0x0d, 0, 1, 0), 'app')).rejects.toMatchObject({
      code: 'WVM_MODULE_UNSUPPORTED',
      message: expect.stringMatching(/component/),
    });
    await expect(toBinaryModule(withPreamble(2, 0, 0, 0), 'app')).rejects.toThrow(/version 2, layer 0/);
    await expect(toBinaryModule(withPreamble(1, 0), 'app')).rejects.toThrow(/ends after 6 bytes/);
  });

  it.each([
    ' \n\t(module)',
    ';; comment\n(module)',
    '(; a (; nested ;) comment ;) (module)',
    '\ufeff(module)',
    '(module (func (export "grüße 😀")))',
    '(memory i64 1) (func (param v128) (result v128) local.get 0)',
    '(module (memory 1 1 shared) (tag) (func (result i32) (return_call 0)))',
  ])('assembles %j', async (wat) => {
    expect((await toBinaryModule(Buffer.from(wat), 'app.wat')).subarray(0, 8)).toEqual(emptyModule);
  });

  it('names the place of an error in the text', async () => {
    await expect(toBinaryModule(Buffer.from('(module\n  (func nonsense))'), 'app.wat')).rejects.toMatchObject({
      code: 'WVM_MODULE_INVALID',
      message: expect.stringMatching(/app\.wat:2:9/),
    });
    await expect(toBinaryModule(Buffer.from('(module (func (result i32)))'), 'app.wat')).rejects.toThrow(
      /type mismatch/,
    );
  });

  it('says how to get wabt where it is missing', async () => {
    vi.doMock('wabt', () => {
      throw new Error('Cannot find package');
    });
    await expect(toBinaryModule(Buffer.from('(module)'), 'app.wat')).rejects.toMatchObject({
      code: 'WVM_MODULE_UNSUPPORTED',
      hint: expect.stringMatching(/npm install wabt/),
    });
    vi.doUnmock('wabt');
  });
});
