// The plainest WASI host there is: node:wasi, one module, its arguments. Peer of the figures first-result and syscall.
// JavaScript, not TypeScript, so that it starts as fast as it can.
//
// node --no-warnings bench/node-wasi.mjs FOLDER MODULE [ARGUMENT…]      FOLDER is granted as /

import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [folder, path, ...args] = process.argv.slice(2);
const wasi = new WASI({
  version: 'preview1',
  args: [path, ...args],
  env: {},
  preopens: { '/': folder },
  returnOnExit: true,
});
const module = await WebAssembly.compile(await readFile(path));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
