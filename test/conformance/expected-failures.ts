// Tests that are known not to pass, each with its reason. A test listed here that passes is an error too: the list
// only holds what is true. Entries name a line, so they speak of one version of a suite; in others they match nothing.
import type { Mode } from './mode.ts';
import type { Verdict } from './verdict.ts';

export interface ExpectedFailure {
  readonly suite: 'wasm-spec' | 'wasi-testsuite';
  /** In all modes if left out. */
  readonly modes?: readonly Mode[];
  /** Path below the suite's folder ends with this. */
  readonly file: string;
  /** Lines of the script; left out for a program. */
  readonly lines?: readonly number[];
  /** The command and the script's own message, where two versions of a suite could be mixed up. */
  readonly kind?: string;
  readonly message?: string;
  readonly reason: string;
}

const MULTI_MEMORY = 'Wasm 2.0 wants it refused; valid since Wasm 3.0 (multi-memory)';
const MEMORY_INDEX = 'Wasm 2.0 wants a zero byte here; since Wasm 3.0 it is a memory index (multi-memory)';
const EXTENDED_CONST = 'Wasm 2.0 wants it refused; since Wasm 3.0 constants may use globals of the module itself (GC)';
const V8_LIMIT = "beyond V8's implementation limits, which the specification allows an engine to have";
const WAIT_ORDER = 'V8 asks whether this thread may wait before it looks whether the memory is shared; both trap';
const NODE_WASI = 'node:wasi differs from the suite here; it is only the baseline';

const NODE_WASI_FAILURES: readonly string[] = [
  ...['c/sock_shutdown-invalid_fd', 'c/sock_shutdown-not_sock', 'rust/dangling_symlink', 'rust/dir_fd_op_failures'],
  ...['rust/fd_filestat_set', 'rust/fd_readdir', 'rust/interesting_paths', 'rust/nofollow_errors'],
  ...['rust/path_filestat', 'rust/readlink', 'rust/symlink_filestat', 'rust/truncation_rights'],
];

const EXPECTED_FAILURES: readonly ExpectedFailure[] = [
  {
    suite: 'wasm-spec',
    file: 'binary.wast',
    lines: [146, 166, 185, 204, 243, 262, 280, 298],
    message: 'zero byte expected',
    reason: MEMORY_INDEX,
  },
  { suite: 'wasm-spec', file: 'data.wast', lines: [89, 93], message: 'unknown global', reason: EXTENDED_CONST },
  { suite: 'wasm-spec', file: 'elem.wast', lines: [171, 175], message: 'unknown global', reason: EXTENDED_CONST },
  { suite: 'wasm-spec', file: 'global.wast', lines: [352, 356], message: 'unknown global', reason: EXTENDED_CONST },
  {
    suite: 'wasm-spec',
    file: 'imports.wast',
    lines: [488, 492, 496],
    message: 'multiple memories',
    reason: MULTI_MEMORY,
  },
  { suite: 'wasm-spec', file: 'memory.wast', lines: [10, 11], message: 'multiple memories', reason: MULTI_MEMORY },
  { suite: 'wasm-spec', file: 'memory64/memory64.wast', lines: [8, 9], reason: V8_LIMIT },
  { suite: 'wasm-spec', file: 'memory64/table64.wast', lines: [9], reason: V8_LIMIT },
  { suite: 'wasm-spec', file: 'core/table.wast', lines: [9], kind: 'module_definition', reason: V8_LIMIT },
  { suite: 'wasm-spec', file: 'threads/atomic.wast', lines: [900, 901], reason: WAIT_ORDER },
  ...NODE_WASI_FAILURES.map(
    (file): ExpectedFailure => ({ suite: 'wasi-testsuite', modes: ['plain'], file, reason: NODE_WASI }),
  ),
];

/** The entry that speaks of this verdict, if there is one. */
export function findExpectedFailure(
  suite: ExpectedFailure['suite'],
  mode: Mode,
  file: string,
  verdict: Verdict,
): ExpectedFailure | undefined {
  return EXPECTED_FAILURES.find(
    (entry) =>
      entry.suite === suite &&
      (entry.modes?.includes(mode) ?? true) &&
      `/${file.replace(/\.json$/, '.wast')}`.endsWith(`/${entry.file}`) &&
      (entry.lines?.includes(verdict.line) ?? verdict.line === 0) &&
      (entry.kind === undefined || entry.kind === verdict.kind) &&
      (entry.message === undefined || entry.message === verdict.message),
  );
}
