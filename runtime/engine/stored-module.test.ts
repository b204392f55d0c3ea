import { expect, test } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { sha256Hex } from '../host/digest.ts';
import { compileModule } from './compile.ts';

test('a module that marks its writes and one that does not are two in the cache, of one program', async () => {
  const bytes = await assembleText('(module (memory 1) (func (export "f") (i32.store (i32.const 8) (i32.const 1))))');
  const entries = new Map<string, Uint8Array>();
  const cache = {
    get: (key: string) => entries.get(key),
    put: (key: string, module: Uint8Array) => void entries.set(key, module),
  };
  const compile = (marksWrites?: boolean): ReturnType<typeof compileModule> =>
    compileModule(bytes, { sha256: sha256Hex, cache, ...(marksWrites === undefined ? {} : { marksWrites }) });
  expect(compile().map!.marksWrites).toBe(false);
  expect(compile(true).map!.marksWrites).toBe(true);
  expect(entries.size).toBe(2);
  // Both out of the cache now, by what was asked for.
  expect(compile(true).map!.marksWrites).toBe(true);
  expect(compile(false).map!.marksWrites).toBe(false);
  expect(entries.size).toBe(2);
  expect(compile(true).hash).toBe(compile().hash);
});
