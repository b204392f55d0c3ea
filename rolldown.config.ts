// Bundles what `tsc -b` has checked: a start that loads a few files instead of a hundred and eighty takes half the time.
// Types come from tsc, JavaScript from here; `wabt` stays a package of its own, for it is loaded only for .wat.
//
// Two builds, which share no file: a chunk of the command line holds what one command needs, and the library is whole.

import { readFileSync, rmSync } from 'node:fs';
import { defineConfig, type OutputOptions, type Plugin, type RolldownOptions } from 'rolldown';

const outputDirectory = 'dist/runtime';

// A chunk that this build does not make must not be shipped.
for (const chunks of ['cli/chunks', 'chunks']) rmSync(`${outputDirectory}/${chunks}`, { recursive: true, force: true });

/** Their licences ask to be named where their code is. */
const bundledPackages: readonly string[] = ['commander', 'picocolors'];

function licenceText(name: string): string {
  return `${name}\n${'-'.repeat(name.length)}\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim()}\n`;
}

/** The thread of a machine is a program of its own, found by its address wherever the file that starts it ends up. */
const workerAddress = "new URL('./machine-worker.ts', import.meta.url)";
const threadEntry: Plugin = {
  name: 'thread-entry',
  transform(code, id) {
    if (!id.endsWith('/machine-thread.ts')) return null;
    if (!code.includes(workerAddress)) throw new Error(`${id}: no ${workerAddress}`);
    const file = this.emitFile({ type: 'chunk', id: 'runtime/host/machine-worker.ts', name: 'machine-worker' });
    return code.replace(workerAddress, `new URL(import.meta.ROLLUP_FILE_URL_${file})`);
  },
};

const licences: Plugin = {
  name: 'licences-of-bundled-packages',
  generateBundle() {
    const source = bundledPackages.map(licenceText).join('\n\n');
    this.emitFile({ type: 'asset', fileName: 'cli/chunks/LICENSES.txt', source });
  },
};

const common: RolldownOptions = {
  platform: 'node',
  external: ['wabt'],
  // Files of wvm only define things when they are loaded: importing one name of index.ts must not bring all the others.
  treeshake: {
    moduleSideEffects: (id) =>
      /\/(main|thread|machine-worker|machine-server)\.ts$/.test(id) || id.includes('/node_modules/'),
  },
};

function output(chunkDirectory: string): OutputOptions {
  return {
    dir: outputDirectory,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: `${chunkDirectory}/[name].js`,
    comments: { legal: true, annotation: false, jsdoc: false },
  };
}

export default defineConfig([
  {
    ...common,
    input: { 'cli/main': 'runtime/cli/main.ts' },
    output: output('cli/chunks'),
    plugins: [threadEntry, licences],
  },
  { ...common, input: { index: 'runtime/index.ts' }, output: output('chunks'), plugins: [threadEntry] },
]);
