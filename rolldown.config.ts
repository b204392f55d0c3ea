// Bundles what `tsc -b` has checked: a start that loads a few files instead of a hundred and eighty takes half the time.
// Types come from tsc, JavaScript from here; `wabt` stays a package of its own, for it is loaded only for .wat.
//
// Two builds, which share no file: a chunk of the command line holds what one command needs, and the library is whole.

import { readFileSync, rmSync } from 'node:fs';
import { defineConfig, type OutputOptions, type RolldownOptions } from 'rolldown';

const outputDirectory = 'dist/runtime';

// A chunk that this build does not make must not be shipped.
for (const chunks of ['cli/chunks', 'chunks']) rmSync(`${outputDirectory}/${chunks}`, { recursive: true, force: true });

/** Their licences ask to be named where their code is. */
const bundledPackages: readonly string[] = ['commander', 'picocolors'];

function licenceText(name: string): string {
  return `${name}\n${'-'.repeat(name.length)}\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim()}\n`;
}

const common: RolldownOptions = {
  platform: 'node',
  external: ['wabt'],
  // Files of wvm only define things when they are loaded: importing one name of index.ts must not bring all the others.
  treeshake: { moduleSideEffects: (id) => id.endsWith('/cli/main.ts') || id.includes('/node_modules/') },
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
    plugins: [
      {
        name: 'licences-of-bundled-packages',
        generateBundle(): void {
          const source = bundledPackages.map(licenceText).join('\n\n');
          this.emitFile({ type: 'asset', fileName: 'cli/chunks/LICENSES.txt', source });
        },
      },
    ],
  },
  { ...common, input: { index: 'runtime/index.ts' }, output: output('chunks') },
]);
