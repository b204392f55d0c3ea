// Every guest kept in this repository: where its source and its built module are, how to run it, and what it needs of a
// host. `guest/build.ts` builds from this list, the tests and the benchmarks run from it.
//
// - A guest of kind 'test' proves its own results, prints nothing that differs from run to run, and ends with PASS
//   (those that are meant to trap or to exit otherwise say so in `expected`).
// - Its whole standard output is in guest/expected/NAME.txt.
// - Guests of kind 'tool' are what people run: a shell and what its pipelines are made of. Tests give them their arguments.
// - Guests of kind 'bench' and 'polybench' take an optional number of rounds as argv[1] and print a checksum. `args`
//   makes them short for the tests; without arguments they run for 0.2 to 1 s.

export type GuestKind = 'test' | 'tool' | 'bench' | 'polybench';

/** What the host or the engine must have. A feature of WebAssembly is listed when the module does not load without it. */
export type GuestFeature =
  | 'atomics'
  | 'bulk-memory'
  | 'clock' // reads clocks or sleeps: what happens between two calls depends on time
  | 'exceptions'
  | 'exceptions-legacy'
  | 'exnref-live' // holds exception references across safe points
  | 'extended-const'
  | 'files' // needs a writable directory granted as /
  | 'memory64'
  | 'multi-memory'
  | 'multi-value'
  | 'processes' // more than one, or another program
  | 'random'
  | 'reference-types'
  | 'relaxed-simd'
  | 'self-snapshot' // imports wvm.snapshot
  | 'signals' // runs handlers
  | 'simd'
  | 'stdin'
  | 'stack-switch' // stack_checkpoint and stack_restore, or contexts
  | 'start-section'
  | 'tail-call'
  | 'threads';

export type ExpectedEnd = { kind: 'exit'; code: number } | { kind: 'trap' };

export interface Guest {
  name: string;
  kind: GuestKind;
  /** Sources relative to guest/; the first one decides the compiler: .c, .wat or .ts (AssemblyScript). */
  sources: readonly string[];
  /** The module, relative to guest/. */
  file: string;
  /** Compiler flags beyond the usual ones. */
  flags: readonly string[];
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  stdin: string;
  /** Modules that it can run by name, relative to guest/. */
  programs: Readonly<Record<string, string>>;
  /** Guest path of the devices that it needs. */
  devices?: string;
  expected: ExpectedEnd;
  features: readonly GuestFeature[];
  /** In the mode every-safepoint it is saved at every so many places only: one that is large, or has many of them. */
  everyNthPoint?: number;
  /** Why node:wasi cannot run it, when it cannot. */
  notUnderNodeWasi?: string;
}

type Options = Partial<Omit<Guest, 'name' | 'kind' | 'file' | 'sources'>> & { extraSources?: readonly string[] };

const FOLDERS = { test: 'programs', tool: 'tools', bench: 'bench', polybench: 'polybench' } as const;

function guest(kind: GuestKind, source: string, options: Options): Guest {
  const { extraSources = [], ...rest } = options;
  const name = source.replace(/\.\w+$/, '');
  const built = kind === 'test' ? 'built' : `built/${FOLDERS[kind]}`;
  return {
    name: kind === 'test' ? name : `${kind}/${name}`,
    kind,
    sources: [source.endsWith('.ts') ? `assembly/${source}` : `${FOLDERS[kind]}/${source}`, ...extraSources],
    file: `${built}/${name}.wasm`,
    flags: [],
    args: [],
    env: {},
    stdin: '',
    programs: {},
    expected: { kind: 'exit', code: 0 },
    features: [],
    ...rest,
  };
}

const test = (source: string, options: Options = {}): Guest => guest('test', source, options);
const bench = (source: string, rounds: number, options: Options = {}): Guest =>
  guest('bench', source, { args: [String(rounds)], ...options });
const polybench = (source: string, rounds = 1): Guest => guest('polybench', source, { args: [String(rounds)] });

const POSIX_SOURCES = ['process', 'signal', 'descriptor', 'directory'].map((name) => `lib/${name}.c`);

/** A guest that uses what include/posix.h declares. */
const posix = (source: string, features: readonly GuestFeature[], options: Options = {}): Guest =>
  test(source, {
    extraSources: POSIX_SOURCES,
    flags: ['-D_WASI_EMULATED_GETPID'],
    features,
    notUnderNodeWasi: 'it imports functions of WASIX and wvm',
    ...options,
  });

/** A program for people, with the working directory that they expect. */
const tool = (source: string, extraSources: readonly string[] = []): Guest =>
  guest('tool', source, {
    extraSources: [...extraSources, ...POSIX_SOURCES],
    flags: ['-D_WASI_EMULATED_GETPID', '-Itools'],
    features: ['processes', 'files'],
    notUnderNodeWasi: 'it imports functions of WASIX and wvm',
  });

/**
 * A guest over lib/thread.c, with shared memory, as the threads of every WASI host want it; Debian's libc was not built for that.
 * Each struct thread takes 17 KB of the memory.
 */
const threads = (
  source: string,
  memoryBytes: number,
  features: readonly GuestFeature[] = [],
  options: Options = {},
): Guest =>
  test(source, {
    extraSources: ['lib/thread.c', 'lib/locks.c', 'lib/bare.c'],
    flags: [
      '-matomics',
      '-mbulk-memory',
      '-nostdlib',
      `-Wl,--shared-memory,--import-memory,--export-memory,--initial-memory=${memoryBytes},--max-memory=${memoryBytes}`,
    ],
    features: ['threads', 'atomics', 'bulk-memory', ...features],
    notUnderNodeWasi: 'it has no threads',
    ...options,
  });

const LINES = 'first line\n\nthird is longer than seven\n  spaces stay  \nthe end\n';
const TRAP: ExpectedEnd = { kind: 'trap' };

export const guests: readonly Guest[] = [
  // Computation
  test('recursion.c'),
  test('qsort.c'),
  test('floats.c'),
  test('int64.c'),
  test('simd.c', { flags: ['-msimd128'], features: ['simd'] }),
  test('state-machine.c'),
  test('nested-loops.c'),
  test('many-locals.c'),
  test('struct-values.c'),
  test('spigot.c'),
  test('setjmp.c', {
    extraSources: ['lib/setjmp.c'],
    flags: ['-mllvm', '-wasm-enable-sjlj'],
    features: ['exceptions-legacy'],
  }),
  // Memory
  test('malloc.c'),
  test('structures.c'),
  test('memory-grow.c'),
  // System calls
  test('format.c'),
  test('file-io.c', { features: ['files'] }),
  test('directory.c', { features: ['files'] }),
  test('sparse-file.c', { features: ['files'] }),
  test('open-files.c', { features: ['files'] }),
  test('stdin-lines.c', { stdin: LINES, features: ['stdin'] }),
  test('poll-stdin.c', {
    stdin: LINES,
    features: ['stdin', 'clock'],
    notUnderNodeWasi: 'its poll_oneoff refuses a stdin that is a file',
  }),
  test('args-env.c', {
    args: ['one', '', 'ünïx'],
    env: { PLANET: 'earth', EMPTY: '' },
  }),
  test('random.c', { features: ['random'] }),
  test('clock.c', { features: ['clock'] }),
  test('sleep.c', { features: ['clock'], notUnderNodeWasi: 'its sleeps may end too early' }),
  test('sleep-until.c', {
    features: ['clock'],
    notUnderNodeWasi: 'its poll_oneoff takes an absolute time for a duration',
  }),
  test('exit-code.c', { expected: { kind: 'exit', code: 42 } }),
  test('trap.c', { expected: TRAP }),
  test('self-snapshot.c', { features: ['self-snapshot'] }),
  // Processes
  posix('fork-wait.c', ['processes']),
  posix('fork-tree.c', ['processes']),
  posix('many-processes.c', ['processes']),
  posix('zombie.c', ['processes']),
  posix('orphan.c', ['processes']),
  posix('exec.c', ['processes', 'signals'], { programs: { self: 'built/exec.wasm' } }),
  posix('exec-cloexec.c', ['processes'], { programs: { self: 'built/exec-cloexec.wasm' } }),
  posix('spawn.c', ['processes'], { programs: { self: 'built/spawn.wasm' } }),
  posix('process-groups.c', ['processes']),
  posix('scheduling.c', ['processes'], { extraSources: [...POSIX_SOURCES, 'lib/scheduling.c'] }),
  posix('sessions.c', ['processes']),
  posix('fork-snapshot.c', ['processes', 'self-snapshot']),
  test('fork-state.wat', {
    features: ['processes', 'bulk-memory', 'reference-types', 'simd'],
    everyNthPoint: 3,
    notUnderNodeWasi: 'it imports functions of WASIX and wvm',
  }),
  // What processes share
  posix('pipe-ring.c', ['processes']),
  posix('pipe-full.c', ['processes']),
  posix('pipe-eof.c', ['processes', 'signals']),
  posix('shared-offset.c', ['processes', 'files']),
  posix('unlinked-file.c', ['processes', 'files']),
  posix('file-locks.c', ['processes', 'files']),
  posix('eventfd.c', ['processes']),
  posix('devices.c', ['processes', 'files', 'random'], { devices: '/dev', everyNthPoint: 10 }),
  posix('pipe-holders.c', ['processes', 'self-snapshot', 'signals', 'stdin'], {
    stdin: '32dkn',
    everyNthPoint: 5,
  }),
  posix('offset-holders.c', ['processes', 'self-snapshot', 'files', 'stdin'], { stdin: '0413' }),
  posix('epoll.c', ['processes']),
  // Signals and timers
  posix('signal-handler.c', ['processes', 'signals', 'clock']),
  posix('signal-mask-pending.c', ['processes', 'signals']),
  posix('signal-nested.c', ['signals']),
  posix('sigsuspend.c', ['processes', 'signals']),
  posix('sigchld.c', ['processes', 'signals']),
  posix('sigpipe.c', ['processes', 'signals']),
  posix('stop-continue.c', ['processes', 'signals']),
  posix('alarm.c', ['processes', 'signals', 'clock']),
  posix('itimer.c', ['signals', 'clock']),
  // Threads and stacks
  threads('threads.c', 196_608),
  threads('threads-mutex.c', 262_144),
  threads('threads-condition.c', 327_680, ['clock']),
  threads('threads-barrier.c', 262_144),
  threads('threads-robust.c', 196_608),
  threads('threads-pi.c', 196_608, ['clock']),
  threads('threads-futex.c', 196_608, ['clock']),
  threads('threads-wasix.c', 196_608, ['clock']),
  threads('threads-signal.c', 196_608, ['clock', 'signals']),
  threads('threads-inversion.c', 196_608),
  threads('threads-pi-chain.c', 196_608, ['clock']),
  threads('threads-real-time.c', 196_608, [], { everyNthPoint: 5_000 }),
  threads('threads-nice.c', 196_608, [], { everyNthPoint: 20_000 }),
  threads('threads-turns.c', 196_608, [], { everyNthPoint: 10_000 }),
  threads('threads-ring.c', 196_608),
  threads('threads-many.c', 16_908_288, [], { everyNthPoint: 500 }),
  posix('stack-checkpoint.c', ['stack-switch']),
  posix('contexts.c', ['processes', 'signals', 'stack-switch'], {
    extraSources: [...POSIX_SOURCES, 'lib/context.c'],
  }),
  // All of it
  posix('timeouts.c', ['processes', 'threads', 'signals', 'clock'], {
    extraSources: [...POSIX_SOURCES, 'lib/thread.c'],
  }),
  posix('family.c', ['processes', 'threads', 'signals', 'clock', 'files', 'self-snapshot'], {
    extraSources: [...POSIX_SOURCES, 'lib/thread.c'],
    everyNthPoint: 7,
  }),
  posix('random-tree.c', ['processes', 'threads', 'signals', 'clock'], {
    extraSources: [...POSIX_SOURCES, 'lib/thread.c'],
    args: ['11'],
    everyNthPoint: 97,
    programs: { 'random-tree': 'built/random-tree.wasm' },
  }),
  // Tools
  tool(
    'shell.c',
    ['arena', 'parse', 'expand', 'run', 'builtins'].map((name) => `tools/shell/${name}.c`),
  ),
  ...['cat', 'wc', 'seq', 'sort', 'yes', 'sleep', 'tee', 'grep'].map((name) => tool(`${name}.c`)),
  tool('nice.c', ['lib/scheduling.c']),
  // Managed languages
  test('assemblyscript.ts', { extraSources: ['assembly/wasi.ts'] }),
  test('assemblyscript-processes.ts', {
    extraSources: ['assembly/wasi.ts', 'assembly/wvm.ts', 'assembly/wvm-imports.ts'],
    features: ['processes', 'signals'],
    notUnderNodeWasi: 'it imports functions of WASIX and wvm',
  }),
  // The instruction set, written in WAT
  test('operands.wat'),
  test('blocks.wat', { features: ['multi-value'] }),
  test('tail-call.wat', { features: ['tail-call'] }),
  test('tables.wat', { features: ['reference-types', 'bulk-memory'] }),
  test('bulk-memory.wat', { features: ['bulk-memory'] }),
  test('dropped-segment.wat', { expected: TRAP, features: ['bulk-memory'] }),
  test('globals.wat', { features: ['simd', 'reference-types', 'extended-const'] }),
  test('start-section.wat', { features: ['start-section'] }),
  test('multi-memory.wat', { features: ['multi-memory', 'bulk-memory'] }),
  test('memory64.wat', { features: ['memory64', 'multi-memory', 'bulk-memory'] }),
  test('exceptions-legacy.wat', { features: ['exceptions-legacy'] }),
  test('exceptions.wat', { features: ['exceptions'] }),
  test('exception-references.wat', { features: ['exceptions', 'exnref-live'] }),
  test('atomics.wat', { features: ['atomics'] }),
  test('conversions.wat'),
  test('relaxed-simd.wat', { features: ['simd', 'relaxed-simd'] }),
  test('trap-names.wat', { expected: TRAP }),
  // Benchmarks
  bench('fib2.c', 1),
  bench('ackermann.c', 1),
  bench('sieve.c', 1),
  bench('nbody.c', 1),
  bench('spectral-norm.c', 2),
  bench('fannkuch.c', 1),
  bench('matmul.c', 1),
  bench('quicksort.c', 1),
  bench('heapsort.c', 1),
  bench('hashset.c', 100),
  bench('base64.c', 4),
  bench('sha256.c', 1),
  bench('crc32.c', 4),
  bench('minicsv.c', 4),
  bench('json.c', 2),
  bench('mandelbrot.c', 1),
  bench('random.c', 1),
  bench('nested-loops.c', 1),
  bench('interpreter.c', 1),
  bench('memmove.c', 1),
  bench('linked-lists.c', 4),
  bench('system-calls.c', 1000, { features: ['files'] }),
  // Numeric kernels
  polybench('gemm.c'),
  polybench('2mm.c'),
  polybench('atax.c', 5),
  polybench('jacobi-2d.c'),
  polybench('lu.c'),
  polybench('cholesky.c'),
  polybench('floyd-warshall.c'),
  polybench('seidel-2d.c'),
];

/** The guest of that name; an unknown name is a mistake in the caller. */
export function guestNamed(name: string): Guest {
  const found = guests.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`guest/manifest.ts: no guest is named ${name}`);
  return found;
}
