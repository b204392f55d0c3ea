// Every guest kept in this repository: where its source and its built module are, how to run it, and what it needs of a
// host. `guest/build.ts` builds from this list, the tests and the benchmarks run from it.
//
// - A guest of kind 'test' proves its own results, prints nothing that differs from run to run, and ends with PASS
//   (those that are meant to trap or to exit otherwise say so in `expected`).
// - Its whole standard output is in guest/expected/NAME.txt.
// - Guests of kind 'bench' and 'polybench' take an optional number of rounds as argv[1] and print a checksum. `args`
//   makes them short for the tests; without arguments they run for 0.2 to 1 s.

export type GuestKind = 'test' | 'bench' | 'polybench';

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
  | 'random'
  | 'reference-types'
  | 'relaxed-simd'
  | 'self-snapshot' // imports wvm.snapshot
  | 'simd'
  | 'stdin'
  | 'start-section'
  | 'tail-call';

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
  expected: ExpectedEnd;
  features: readonly GuestFeature[];
  /** Why node:wasi cannot run it, when it cannot. */
  notUnderNodeWasi?: string;
}

type Options = Partial<Omit<Guest, 'name' | 'kind' | 'file' | 'sources'>> & { extraSources?: readonly string[] };

const FOLDERS = { test: 'programs', bench: 'bench', polybench: 'polybench' } as const;

function guest(kind: GuestKind, source: string, options: Options): Guest {
  const { extraSources = [], ...rest } = options;
  const name = source.replace(/\.\w+$/, '');
  const built = kind === 'test' ? 'built' : `built/${kind}`;
  return {
    name: kind === 'test' ? name : `${kind}/${name}`,
    kind,
    sources: [source.endsWith('.ts') ? `assembly/${source}` : `${FOLDERS[kind]}/${source}`, ...extraSources],
    file: `${built}/${name}.wasm`,
    flags: [],
    args: [],
    env: {},
    stdin: '',
    expected: { kind: 'exit', code: 0 },
    features: [],
    ...rest,
  };
}

const test = (source: string, options: Options = {}): Guest => guest('test', source, options);
const bench = (source: string, rounds: number, options: Options = {}): Guest =>
  guest('bench', source, { args: [String(rounds)], ...options });
const polybench = (source: string, rounds = 1): Guest => guest('polybench', source, { args: [String(rounds)] });

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
  // Managed languages
  test('assemblyscript.ts', { extraSources: ['assembly/wasi.ts'] }),
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
