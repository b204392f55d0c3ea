// The arrows of the layers, held against the compiler and the linter: the projects are copied, every import and every
// name of the host that a layer could use is planted in it, one to a file, and exactly those that it may not use must be
// refused. So a reference too many in a tsconfig.json fails here, and one too few.
//
// Two gates, because the compiler lets a project see what its references reference: it cannot keep `cli` from `host`, nor
// `host` from `instrument`. biome.json has a rule for each arrow of that kind, and one against circles: files that need each
// other when they are loaded. Types may go round, as a thread and its process do.

import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** What each layer may import; `index` is the public API, runtime/index.ts. */
const arrows: Record<string, readonly string[]> = {
  abi: [],
  base: [],
  wasm: ['base'],
  instrument: ['wasm', 'base', 'abi'],
  kernel: ['abi', 'base'],
  engine: ['kernel', 'instrument', 'wasm', 'abi', 'base'],
  snapshot: ['engine', 'kernel', 'wasm', 'abi', 'base'],
  host: ['snapshot', 'engine', 'kernel', 'wasm', 'abi', 'base'],
  cli: ['index'],
};
const layers = Object.keys(arrows);

const nodeNames: Record<string, string> = {
  'node-module': "import { readFileSync } from 'node:fs';\nexport const planted: unknown = readFileSync;\n",
  'node-type': "import type { Stats } from 'node:fs';\nexport type Planted = Stats;\n",
  process: 'export const planted: unknown = process;\n',
  buffer: 'export const planted: unknown = Buffer;\n',
  console: 'export const planted: unknown = console;\n',
  timer: 'export const planted: unknown = setTimeout;\n',
  performance: 'export const planted: unknown = performance;\n',
};
const engineNames: Record<string, string> = { webassembly: 'export const planted: unknown = WebAssembly;\n' };

interface Plant {
  /** Relative to the repository. */
  file: string;
  text: string;
  allowed: boolean;
}

function folderOf(layer: string): string {
  return layer === 'abi' ? 'abi' : `runtime/${layer}`;
}

function plants(): Plant[] {
  const planted: Plant[] = [];
  const plant = (layer: string, what: string, text: string, allowed: boolean): void => {
    planted.push({ file: `${folderOf(layer)}/planted-${what}.ts`, text, allowed });
  };
  for (const layer of layers) {
    // What the others import. It has no imports of its own, so that nothing but the arrow can be wrong about it.
    plant(layer, 'target', 'export const target: number = 1;\n', true);
    for (const other of layers.filter((name) => name !== layer)) {
      const target = `${relative(folderOf(layer), folderOf(other))}/planted-target.ts`;
      const allowed = arrows[layer]!.includes(other);
      plant(
        layer,
        `${other}`,
        `import { target } from '${target}';\nexport const planted: number = target;\n`,
        allowed,
      );
      plant(
        layer,
        `${other}-type`,
        `import type { target } from '${target}';\nexport type Planted = typeof target;\n`,
        allowed,
      );
    }
    for (const [one, other] of ['ab', 'ba'].map((pair) => [...pair] as [string, string])) {
      const from = `./planted-circle-${other}.ts`;
      const typesFrom = `./planted-circle-of-types-${other}.ts`;
      plant(
        layer,
        `circle-${one}`,
        `import { ${other} } from '${from}';\nexport const ${one} = (): unknown => ${other};\n`,
        false,
      );
      plant(
        layer,
        `circle-of-types-${one}`,
        `import type { ${other} } from '${typesFrom}';\nexport interface ${one} {\n  readonly other?: ${other};\n}\n`,
        true,
      );
    }
    const hosted = layer === 'host' || layer === 'cli';
    for (const [name, text] of Object.entries(nodeNames)) plant(layer, name, text, hosted);
    for (const [name, text] of Object.entries(engineNames)) plant(layer, name, text, layer === 'engine');
  }
  const api = "import type { Machine } from '../index.ts';\nexport type Planted = Machine;\n";
  for (const layer of ['host', 'cli']) plant(layer, 'index', api, arrows[layer]!.includes('index'));
  return planted;
}

let copy: string;

beforeAll(() => {
  copy = realpathSync(mkdtempSync(join(tmpdir(), 'wvm-layers-')));
  for (const name of ['package.json', 'biome.json', 'tsconfig.base.json'])
    cpSync(join(repository, name), join(copy, name));
  for (const folder of ['abi', 'runtime']) {
    cpSync(join(repository, folder), join(copy, folder), {
      recursive: true,
      filter: (source) => !source.endsWith('.test.ts') && basename(source) !== 'testing',
    });
  }
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'));
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** Runs a tool of node_modules in the copy; its exit status and all that it wrote. */
function run(tool: string, args: readonly string[]): Promise<{ status: number; output: string }> {
  const file = join(repository, 'node_modules', tool);
  return new Promise((done) => {
    execFile(process.execPath, [file, ...args], { cwd: copy, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      done({ status: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

const compile = () => run('typescript/bin/tsc', ['-b', '--pretty', 'false', ...layers.map(folderOf)]);
const lint = () =>
  run('@biomejs/biome/bin/biome', [
    'lint',
    '--only=style/noRestrictedImports',
    '--only=suspicious/noImportCycles',
    '--vcs-enabled=false',
    '--reporter=github',
    '--max-diagnostics=none',
  ]);

/** The files, relative to the copy, that a tool complained about. */
function filesIn(output: string): string[] {
  // A file out of the compiler's reach is one error, reported at one of its importers; the lines below it name them all.
  const places = output.matchAll(/^(\S+\.ts)\(\d+,\d+\): error TS| from file '([^']+)'$|^::error .*,file=([^,]+),/gm);
  return [...places].map(([, place, importer, linted]) => relative(copy, resolve(copy, place ?? importer ?? linted!)));
}

test('the layers pass as they are, and each planted violation of an arrow is refused', {
  timeout: 60_000,
}, async () => {
  for (const gate of [compile, lint]) expect(await gate()).toMatchObject({ status: 0 });

  const planted = plants();
  const isTarget = ({ file }: { file: string }): boolean => file.endsWith('/planted-target.ts');
  // First what is imported: an importer is refused for its arrow, not because that is not compiled yet.
  for (const { file, text } of planted.filter(isTarget)) writeFileSync(join(copy, file), text);
  expect(await compile()).toMatchObject({ status: 0 });
  for (const { file, text } of planted.filter((plant) => !isTarget(plant))) writeFileSync(join(copy, file), text);
  const refusedBy = async (gate: typeof compile): Promise<Set<string>> => {
    const { status, output } = await gate();
    expect(status).not.toBe(0);
    return new Set(filesIn(output));
  };
  let compiled = await refusedBy(compile);
  // The compiler builds layers side by side: on a busy machine a file may be read while the layer below is written anew. What is
  // a violation is refused every time.
  const isWrong = ({ file, allowed }: Plant): boolean => allowed && compiled.has(file);
  for (let again = 0; again < 3 && planted.some(isWrong); again++) {
    const later = await refusedBy(compile);
    compiled = new Set([...compiled].filter((file) => later.has(file)));
  }
  const refused = new Set([...compiled, ...(await refusedBy(lint))]);
  const violations = planted.filter((plant) => !plant.allowed).map((plant) => plant.file);
  expect([...refused].sort()).toEqual(violations.sort());
  expect(violations.length).toBeGreaterThan(100);
});
