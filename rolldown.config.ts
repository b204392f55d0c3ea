// Bundles what `tsc -b` has checked: a start that loads a few files instead of a hundred and eighty takes half the time.
// Types come from tsc, JavaScript from here; `wabt` stays a package of its own, for it is loaded only for .wat.
//
// Three builds: the command line, the library, and what runs a guest: the thread of a machine, which both of them start, and
// trial runs of the command line. The first and the last are CommonJS, because Node takes 5 ms less to start that.

import { readFileSync, rmSync } from 'node:fs';
import { defineConfig, type OutputOptions, type Plugin, type RolldownOptions } from 'rolldown';
import { Op } from './runtime/wasm/opcodes.ts';

/** The tests build for themselves. */
const outputDirectory = process.env['WVM_BUILD_DIRECTORY'] ?? 'dist/runtime';

/** Their licences ask to be named where their code is. */
const bundledPackages: readonly string[] = ['commander'];

function licenceText(name: string): string {
  return `${name}\n${'-'.repeat(name.length)}\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim()}\n`;
}

/** A chunk that this build does not make must not be shipped; a build that fails leaves everything as it was. */
function emptied(directory: string): Plugin {
  return {
    name: 'empty-directory',
    generateBundle() {
      rmSync(`${outputDirectory}/${directory}`, { recursive: true, force: true });
    },
  };
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

/** A trial run shares the files of the thread: `address` is where they are from the chunks of the command line. */
function trialsAt(address: string): Plugin {
  return {
    name: 'address-of-trials',
    resolveId(source) {
      return source === './run-trial.ts' ? { id: address, external: 'relative' } : null;
    },
    // As everything that the command line loads.
    renderChunk: (code) => code.replaceAll(`import("${address}")`, `Promise.resolve(require("${address}"))`),
  };
}

/**
 * Loads some chunks of a CommonJS build when something in them is first used, and not with the file that uses them. V8 needs 5 ms
 * for each 100 kB of JavaScript that it has not seen before. What the files of wvm define at their top level needs no other
 * chunk, so that nobody can tell.
 */
function loadLate(chunks: readonly string[]): Plugin {
  const late = new RegExp(`^const (require_\\w+) = require\\("\\./(?:${chunks.join('|')})\\.js"\\);$`, 'gm');
  return {
    name: 'load-late',
    renderChunk(code) {
      const names = [...code.matchAll(late)].map(([, name]) => name!);
      let result = code.replace(
        late,
        (line, name) => `let ${name}_;\nconst ${line.slice(6).replace('= ', `= () => (${name}_ ??= `).slice(0, -1)});`,
      );
      for (const name of names) {
        result = result.replace(new RegExp(`\\bnew ${name}\\.(\\w+)`, 'g'), `new (${name}().$1)`);
        result = result.replace(new RegExp(`\\b${name}\\.(?=\\w)`, 'g'), `${name}().`);
      }
      return result;
    },
  };
}

/**
 * Writes the numbers of instructions where the source has their names: V8 makes a jump table of a switch over numbers alone, and
 * the table of names, which takes milliseconds to build, is not needed to start.
 */
const instructionNumbers: Plugin = {
  name: 'instruction-numbers',
  transform(code, id) {
    if (!/\/runtime\/(instrument|engine|wasm)\/[a-z-]+\.ts$/.test(id) || !/import \{[^}]*\bOp\b/.test(code))
      return null;
    return code.replace(/\bOp\.([a-z]\w*)\b/g, (name, key) => {
      const number = (Op as Record<string, number>)[key];
      if (number === undefined) throw new Error(`${id}: no instruction ${name}`);
      return String(number);
    });
  },
};

/** The command line loads itself with what was compiled of it before (runtime/cli/code-cache.ts). */
const loadCompiled: Plugin = {
  name: 'load-compiled',
  renderChunk(code, chunk) {
    if (chunk.fileName !== 'cli/main.js') return null;
    const other = /\brequire\("\.\/chunks\/((?!compile-cache\.)[a-z-]+\.js)"\)/g;
    if (!code.includes('const cache = openCodeCache()')) throw new Error('cli/main.js: has no cache');
    return code.replace(other, 'cache.load(__dirname + "/chunks/$1")');
  },
};

/** Packages that are loaded when they are needed: code that comes from the cache cannot call import(). */
const requirePackages: Plugin = {
  name: 'require-packages',
  renderChunk: (code) =>
    code.replace(
      /\bimport\(("[^"]+")\)/g,
      'Promise.resolve().then(() => { const loaded = require($1); return { ...loaded, default: loaded }; })',
    ),
};

/** Commands that are programs of their own, which wvm has none of: what runs them takes commander 6 ms to load. */
const withoutSubprocesses: Plugin = {
  name: 'without-subprocesses',
  transform(code, id) {
    if (!id.endsWith('/commander/lib/command.js')) return null;
    const line = "const childProcess = require('node:child_process');";
    if (!code.includes(line)) throw new Error(`${id}: no ${line}`);
    return code.replace(line, 'const childProcess = undefined;');
  },
};

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

type Group = readonly [name: string, test: RegExp];

/** What every command needs, and `wvm run` until it has a machine, in one file. What others need is left to automatic chunks. */
const cliFiles =
  'program|run|resume|machine-options|outcome|exit-codes|optional-value|report|terminal|grants|quantities|store-option|seal-option|trap-text|progress|stop-signals';
const hostFiles =
  'find-program|try-program|signals|module-cache|digest|late-modules|read-module|data-directory|names-in|release-record';
const command: Group = [
  'command',
  new RegExp(
    `/cli/(${cliFiles})\\.ts$|/host/(?:[a-z]+/)?(${hostFiles})\\.ts$|/engine/stored-module\\.ts$|/instrument/names\\.ts$|` +
      `/wasm/module\\.ts$|/base/|/runtime/index\\.ts$|/node_modules/(${bundledPackages.join('|')})/`,
  ),
];
const lateInCommand: readonly Group[] = [
  [
    'machine',
    /\/cli\/thread\.ts$|\/host\/(control\/|supervise\.ts$|thread\/(machine-thread|thread-calls|shared-stats)\.ts$)/,
  ],
  ['images', /\/(snapshot|host\/(store|seal|images))\/|\/host\/files-at-exit\.ts$/],
];

/** What all guests need. */
const guest: Group = [
  'guest',
  /\/(abi|runtime)\/(?!host\/(thread\/(machine-worker|machine-server)|programs\/run-trial)\.ts$)/,
];
/** What a guest need not wait for. */
const lateInThread: readonly Group[] = [
  [
    'instrumenter',
    /\/runtime\/(instrument\/(?!names|module-map|save|exception-area|atomic-)[a-z-]+|engine\/compile|wasm\/(decode-body|opcodes))\.ts$/,
  ],
  [
    'images',
    /\/runtime\/(snapshot\/(?!stripes\.ts)|engine\/(capture|frames|backtrace|stack-check|page-diff[a-z-]*|marked-page-tracker)\.ts|host\/(store\/|seal\/|machine\/(snapshot-machine|resume-machine|change-tracker)))/,
  ],
  ['wasix', /\/runtime\/kernel\/wasix\/(?!front-door)/],
];

function groups(...all: readonly Group[]): OutputOptions['codeSplitting'] {
  // A module belongs to the first group that has it.
  const prioritised = all.map(([name, test], index) => ({ name, test, priority: all.length - index }));
  return { includeDependenciesRecursively: false, groups: prioritised };
}

const namesOf = (all: readonly Group[]): string[] => all.map(([name]) => name);

export default defineConfig([
  {
    ...common,
    input: { 'cli/main': 'runtime/cli/main.ts' },
    output: { ...output('cli/chunks'), format: 'cjs', codeSplitting: groups(command, ...lateInCommand) },
    plugins: [
      emptied('cli/chunks'),
      threadAt('../../thread/machine-worker.js'),
      trialsAt('../../thread/run-trial.js'),
      instructionNumbers,
      withoutSubprocesses,
      licences,
      commonJsPackage('cli/package.json'),
      loadLate(namesOf(lateInCommand)),
      loadCompiled,
      requirePackages,
    ],
  },
  {
    ...common,
    input: { index: 'runtime/index.ts' },
    output: output('chunks'),
    plugins: [emptied('chunks'), threadAt('./thread/machine-worker.js'), instructionNumbers],
  },
  {
    ...common,
    input: {
      'thread/machine-worker': 'runtime/host/thread/machine-worker.ts',
      'thread/run-trial': 'runtime/host/programs/run-trial.ts',
    },
    output: { ...output('thread'), format: 'cjs', codeSplitting: groups(...lateInThread, guest) },
    plugins: [
      emptied('thread'),
      instructionNumbers,
      commonJsPackage('thread/package.json'),
      loadLate(namesOf(lateInThread)),
      requirePackages,
    ],
  },
]);
