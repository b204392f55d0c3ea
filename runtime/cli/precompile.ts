// The last step of the build: puts beside each file of the command line what V8 compiles of it in a short run (code-cache.ts),
// so that even the first start does not wait for that: a third of it.
//
//   node runtime/cli/precompile.ts BUILD-DIRECTORY
//
// 1. runs the built command line a few times, with a cache of its own, the most frequent use first;
// 2. moves the entries that those runs have left to the files they are of.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { entryOf, shippedEntryOf } from './code-cache.ts';

/** (module (memory (export "memory") 1) (func (export "_start"))) */
const program: Uint8Array = Buffer.from(
  '0061736d01000000010401600000030201000503010001071302066d656d6f72790200065f737461727400000a040102000b',
  'hex',
);

const build = path.resolve(process.argv[2] ?? 'dist/runtime');
const home = mkdtempSync(path.join(tmpdir(), 'wvm-precompile-'));
try {
  const entries = path.join(home, 'wvm/node/command');
  mkdirSync(entries, { recursive: true, mode: 0o700 });
  const file = path.join(home, 'program.wasm');
  writeFileSync(file, program);
  const image = path.join(home, 'program.wvm');
  await wvm('run', file);
  await wvm('run', '--timeout', '1m', '--snapshot-on', 'exit', '--output', home, file);
  for (const name of readdirSync(home).filter((each) => each.endsWith('.wvm')))
    renameSync(path.join(home, name), image);
  await wvm('inspect', image);
  await wvm('resume', image);
  await wvm('ps');
  let kept = 0;
  for (const directory of ['cli/chunks', 'thread']) {
    for (const name of readdirSync(path.join(build, directory)).filter((each) => each.endsWith('.js'))) {
      const of = path.join(build, directory, name);
      const entry = entryOf(entries, of);
      if (!existsSync(entry)) continue;
      renameSync(entry, shippedEntryOf(of));
      kept++;
    }
  }
  if (kept === 0) throw new Error(`${build}: its command line has compiled nothing`);
} finally {
  rmSync(home, { recursive: true, force: true });
}

async function wvm(...args: readonly string[]): Promise<void> {
  const homes = { HOME: home, XDG_CACHE_HOME: home, XDG_DATA_HOME: home, XDG_RUNTIME_DIR: home };
  await promisify(execFile)(process.execPath, [path.join(build, 'cli/main.js'), ...args], {
    env: { ...process.env, ...homes, NODE_OPTIONS: '' },
  });
}
