// `node test/programs/run-node-wasi.ts MODULE [--dir HOST] [--] [ARGUMENT...]`: runs a WASI command under node:wasi with
// this process's input and output, the folder granted as /. The counterpart of `wvm run` in comparisons by hand.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { WASI } from 'node:wasi';

const { values, positionals } = parseArgs({ options: { dir: { type: 'string' } }, allowPositionals: true });
const [path, ...args] = positionals;
if (path === undefined) {
  console.error('usage: run-node-wasi.ts MODULE [--dir HOST] [--] [ARGUMENT...]');
  process.exit(2);
}
const wasi = new WASI({
  version: 'preview1',
  args: [basename(path, '.wasm'), ...args],
  env: {},
  preopens: values.dir === undefined ? {} : { '/': values.dir },
  returnOnExit: true,
});
const imports = wasi.getImportObject() as WebAssembly.Imports;
const module = await WebAssembly.compile(await readFile(path));
process.exitCode = Number(wasi.start(await WebAssembly.instantiate(module, imports)));
