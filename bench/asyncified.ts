// The peer to beat: Binaryen's Asyncify at -O2, with a poll at every loop header so that it, too, can stop in a compute
// loop. The poll is as cheap as a poll can be (one inlined test of a global); it does not count fuel, so this peer gives
// no deterministic schedule and stops no recursion without loops: it is compared at its best.
//
//   (loop $l … )   ->   (loop $l (if (global.get $wvm_bench.flag) (then (call $wvm_bench.poll))) … )
//
// Only the poll and the calls that block in wvm, too, may suspend (asyncify-imports), as its manual advises.
// Asyncified modules take seconds to minutes to make, so they are kept in .cache/bench by content hash.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repositoryRoot } from './repository.ts';

/** Part of the cache key: raise it when the recipe below changes. */
const RECIPE_VERSION = 1;

/** Module and name of the import that a poll calls when the flag is set. */
export const POLL_IMPORT = { module: 'wvm_bench', name: 'poll' } as const;

/** What C compilers may use and V8 takes (all that Binaryen knows would be more than V8 takes). */
const FEATURES = ['bulk-memory', 'bulk-memory-opt', 'call-indirect-overlong', 'multivalue', 'mutable-globals']
  .concat(['nontrapping-float-to-int', 'reference-types', 'sign-ext', 'simd', 'tail-call', 'extended-const'])
  .map((feature) => `--enable-${feature}`);

const SUSPENDING_IMPORTS = [
  `${POLL_IMPORT.module}.${POLL_IMPORT.name}`,
  'wasi_snapshot_preview1.fd_read',
  'wasi_snapshot_preview1.poll_oneoff',
];

/** The module after Asyncify -O2 with polls, from the cache if it is there. */
export function asyncified(original: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(original).digest('hex').slice(0, 32);
  const folder = join(repositoryRoot, '.cache', 'bench');
  const path = join(folder, `asyncify-v${RECIPE_VERSION}-${hash}.wasm`);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    const workFolder = mkdtempSync(join(folder, 'work-'));
    try {
      const [input, output] = [join(workFolder, 'polls.wat'), join(workFolder, 'asyncified.wasm')];
      writeFileSync(input, insertPolls(disassemble(original, workFolder)));
      const imports = `--pass-arg=asyncify-imports@${SUSPENDING_IMPORTS.join(',')}`;
      runTool('wasm-opt', [input, ...FEATURES, '--asyncify', imports, '-O2', '-o', output]);
      renameSync(output, path);
    } finally {
      rmSync(workFolder, { recursive: true, force: true });
    }
  }
  return readFileSync(path);
}

function disassemble(module: Uint8Array, workFolder: string): string {
  const [input, output] = [join(workFolder, 'original.wasm'), join(workFolder, 'original.wat')];
  writeFileSync(input, module);
  runTool('wasm-dis', [input, ...FEATURES, '-o', output]);
  return readFileSync(output, 'utf8');
}

/** Runs one of the tools of the npm package `binaryen` (wasm builds of the real ones). */
function runTool(name: string, args: readonly string[]): void {
  const packageFolder = dirname(fileURLToPath(import.meta.resolve('binaryen/package.json')));
  execFileSync(process.execPath, [join(packageFolder, 'bin', name), ...args], { stdio: ['ignore', 2, 2] });
}

/** Inserts a poll at each loop header of Binaryen's text form of a module, and what the polls need. */
export function insertPolls(text: string): string {
  const poll = '(if (global.get $wvm_bench.flag) (then (call $wvm_bench.poll)))';
  // A loop's header in this text is `(loop`, a label, and types in parentheses; its body follows.
  const withPolls = text.replace(
    /\(loop\b(?: \$[^\s()]+)?(?: \((?:type|param|result)[^()]*\))*/g,
    (header) => `${header} ${poll}`,
  );
  const first = `(import "${POLL_IMPORT.module}" "${POLL_IMPORT.name}" (func $wvm_bench.poll))`;
  // The flag is exported, or the optimiser would see that nobody sets it.
  const last = '(global $wvm_bench.flag (export "wvm_bench.flag") (mut i32) (i32.const 0))';
  return withPolls.replace(/^\(module[^\n]*\n/, (line) => `${line}${first}\n`).replace(/\)\s*$/, `\n${last})\n`);
}
