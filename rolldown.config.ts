// Bundles what `tsc -b` has checked: a start that loads a few files instead of a hundred and eighty takes half the time.
// Types come from tsc, JavaScript from here; `wabt` stays a package of its own, for it is loaded only for .wat.
//
// Three builds, which share no file: the command line, the library, and the thread of a machine, which both of them
// start. None is shared because Node keeps one cache of compiled functions per file: it holds those that its first user called.
// Command line and thread are CommonJS, because Node takes 5 ms less to start that.

import { readFileSync, rmSync } from 'node:fs';
import { defineConfig, type OutputOptions, type Plugin, type RolldownOptions } from 'rolldown';

const outputDirectory = 'dist/runtime';

// A chunk that this build does not make must not be shipped.
for (const chunks of ['cli/chunks', 'chunks', 'thread']) {
  rmSync(`${outputDirectory}/${chunks}`, { recursive: true, force: true });
}

/** Their licences ask to be named where their code is. */
const bundledPackages: readonly string[] = ['commander', 'picocolors'];

function licenceText(name: string): string {
  return `${name}\n${'-'.repeat(name.length)}\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim()}\n`;
}

/** The thread of a machine is a program of its own; `address` is where it is from the file that starts it. */
function threadAt(address: string): Plugin {
  const inSource = "new URL('./machine-worker.ts', import.meta.url)";
  return {
    name: 'address-of-the-thread',
    transform(code, id) {
      if (!id.endsWith('/machine-thread.ts')) return null;
      if (!code.includes(inSource)) throw new Error(`${id}: no ${inSource}`);
      return code.replace(inSource, `new URL('${address}', import.meta.url)`);
    },
  };
}

const licences: Plugin = {
  name: 'licences-of-bundled-packages',
  generateBundle() {
    const source = bundledPackages.map(licenceText).join('\n\n');
    this.emitFile({ type: 'asset', fileName: 'cli/chunks/LICENSES.txt', source });
  },
};

/** Says that a folder is CommonJS, and what the command line asks of the package.json above its file. */
function commonJsPackage(fileName: string): Plugin {
  return {
    name: 'package-of-commonjs',
    generateBundle() {
      const { name, version } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, unknown>;
      const source = `${JSON.stringify({ name, version, type: 'commonjs', private: true }, null, 2)}\n`;
      this.emitFile({ type: 'asset', fileName, source });
    },
  };
}

const common: RolldownOptions = {
  platform: 'node',
  external: ['wabt', '@aws-sdk/client-s3'],
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

/** What starts the thread: loaded before everything else, and before there is a cache of compiled functions. */
const startsThread =
  /\/(cli\/(thread|compile-cache)|host\/(machine-thread|thread-calls)|base\/(assert|wvm-error)|index)\.ts$/;
/** What every `wvm run` needs on top, in one file. Whatever only other commands need is left to automatic chunks. */
const cliFiles =
  'program|run|resume|machine-options|outcome|exit-codes|optional-value|report|terminal|grants|quantities';
const hostFiles =
  'supervise|control-server|control-protocol|registry|signals|find-program|first-run|trial-verdict|module-cache|' +
  'digest|late-modules|read-module';
const runs = new RegExp(
  `/cli/(${cliFiles})\\.ts$|/host/(${hostFiles})\\.ts$|/engine/stored-module\\.ts$|/instrument/names\\.ts$|` +
    `/base/|/node_modules/(${bundledPackages.join('|')})/`,
);

export default defineConfig([
  {
    ...common,
    input: { 'cli/main': 'runtime/cli/main.ts' },
    output: {
      ...output('cli/chunks'),
      format: 'cjs',
      codeSplitting: {
        includeDependenciesRecursively: false,
        groups: [
          { name: 'start', test: startsThread, priority: 2 },
          { name: 'command', test: runs, priority: 1 },
        ],
      },
    },
    plugins: [threadAt('../../thread/machine-worker.js'), licences, commonJsPackage('cli/package.json')],
  },
  {
    ...common,
    input: { index: 'runtime/index.ts' },
    output: output('chunks'),
    plugins: [threadAt('./thread/machine-worker.js')],
  },
  {
    ...common,
    input: { 'thread/machine-worker': 'runtime/host/machine-worker.ts' },
    output: { ...output('thread'), format: 'cjs' },
    plugins: [commonJsPackage('thread/package.json')],
  },
]);
