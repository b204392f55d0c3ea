// The AssemblyScript guest is a WASI command for wvm and at the same time a library for @assemblyscript/loader.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { instantiate } from '@assemblyscript/loader';
import { expect, test } from 'vitest';
import { guestNamed } from '../../guest/manifest.ts';
import { guestRoot } from '../../guest/toolchain.ts';

test('the AssemblyScript guest answers calls through @assemblyscript/loader', async () => {
  const module = await readFile(join(guestRoot, guestNamed('assemblyscript').file));
  const unused = (): never => {
    throw new Error('a library call made a system call');
  };
  const { exports } = await instantiate<{
    greet(name: number): number;
    sum(values: number): number;
    INT32_ARRAY: WebAssembly.Global;
  }>(module, { wasi_snapshot_preview1: { fd_write: unused, proc_exit: unused } });
  expect(exports.__getString(exports.greet(exports.__newString('wvm')))).toBe('Hello, wvm!');
  expect(exports.sum(exports.__newArray(exports.INT32_ARRAY.value, [1, 2, 39]))).toBe(42);
});
