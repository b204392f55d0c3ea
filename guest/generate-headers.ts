// What guests are given of the tables in abi/: include/wvm.h for C and C++, assembly/wvm-imports.ts for AssemblyScript.
//
//   entry of a table                           include/wvm.h
//   kill: signature('pid:pid signal:signal')   WVM_IMPORT("wvm", "kill") int32_t wvm_kill(int32_t pid, uint32_t signal);
//
// - The comment above an entry becomes the comment of the declaration, so it is read from the source text.
// - A struct is checked twice: its fields are named here, its offsets come from abi, and the compiler asserts that they agree.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Signal } from '../abi/signals.ts';
import type { FunctionSignature, Parameter, ParameterKind } from '../abi/signature.ts';
import {
  EPOLL_EVENT,
  EpollCtl,
  EpollType,
  EventFlags,
  FdFlagsExt,
  JOIN_STATUS,
  JoinFlags,
  JoinStatus,
  OPTION_PID,
  OPTION_TIMESTAMP,
  OptionTag,
  SIGNAL_DISPOSITION,
  SignalDisposition,
  SPAWN_FD_OP,
  SpawnFdCommand,
  STACK_SNAPSHOT,
  THREAD_START,
  TTY,
  WASI_THREADS_FUNCTIONS,
  WASIX_FUNCTIONS,
} from '../abi/wasix.ts';
import { FLOCK, ITIMER, PIPE_CLOEXEC, SIGACTION, SIGINFO, SIGNAL_EXPORT, WVM_FUNCTIONS } from '../abi/wvm.ts';

export interface GeneratedFile {
  /** Relative to guest/. */
  readonly file: string;
  readonly text: string;
}

const WIDTH = 118;

/** Both generated files, from the tables as they are now. */
export async function generateHeaders(guestRoot: string): Promise<GeneratedFile[]> {
  const comments = {
    wvm: commentsIn(await readFile(join(guestRoot, '../abi/wvm.ts'), 'utf8')),
    wasix: commentsIn(await readFile(join(guestRoot, '../abi/wasix.ts'), 'utf8')),
  };
  return [
    { file: 'include/wvm.h', text: cHeader(comments) },
    { file: 'assembly/wvm-imports.ts', text: assemblyScriptModule(comments) },
  ];
}

type Comments = ReadonlyMap<string, readonly string[]>;
type Layout = Readonly<Record<string, number>>;

/** The comment above each `name: signature(` of a table, line by line. */
function commentsIn(source: string): Comments {
  const found = new Map<string, readonly string[]>();
  for (const [, comment, name] of source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*'?([\w-]+)'?: signature\(/g)) {
    const lines = comment!
      .split('\n')
      .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
      .filter((line) => line !== '');
    found.set(name!, lines);
  }
  return found;
}

const C_TYPES: Partial<Record<ParameterKind, string>> = {
  fd: 'int32_t ',
  pid: 'int32_t ',
  s32: 'int32_t ',
  size: 'size_t ',
  u64: 'uint64_t ',
  s64: 'int64_t ',
  sigset: 'uint64_t ',
  rights: 'uint64_t ',
  path: 'const char *',
  string: 'const char *',
  buffer: 'const void *',
  ciovecs: 'const void *',
  iovecs: 'const void *',
  in: 'const void *',
  out: 'void *',
  'out-u32': 'uint32_t *',
  'out-u64': 'uint64_t *',
};
const C_KEYWORDS: ReadonlySet<string> = new Set(['signal', 'function', 'interface']);

function cParameter({ name, kind }: Parameter): string {
  // `signal` would hide the function of that name, and some headers make macros of the others.
  return `${C_TYPES[kind] ?? 'uint32_t '}${C_KEYWORDS.has(name) ? `${name}_` : name}`;
}

/** Calls without a result do not return, but for one. */
function cResult(name: string, { results }: FunctionSignature): string {
  if (results.length > 0) return 'int32_t ';
  return name === 'callback_signal' ? 'void ' : 'WVM_NORETURN void ';
}

function cFunctions(
  module: string,
  prefix: string,
  functions: Readonly<Record<string, FunctionSignature>>,
  comments: Comments,
): string[] {
  return Object.entries(functions).flatMap(([name, signature]) => {
    const parameters = signature.parameters.map(cParameter).join(', ') || 'void';
    const comment = (comments.get(name) ?? []).map((line) => `// ${line}`);
    const declaration = `${cResult(name, signature)}${prefix}${name.replaceAll('-', '_')}(${parameters});`;
    const oneLine = `WVM_IMPORT("${module}", "${name}") ${declaration}`;
    const lines = oneLine.length <= WIDTH ? [oneLine] : [`WVM_IMPORT("${module}", "${name}")`, declaration];
    return comment.length === 0 && lines.length === 1 ? lines : ['', ...comment, ...lines];
  });
}

/** A struct; `fields` are C types by the names of the layout. */
function cStruct(name: string, layout: Layout, fields: Readonly<Record<string, string>>): string[] {
  const lines = [`struct ${name} {`];
  for (const [field, type] of Object.entries(fields)) lines.push(`  ${type} ${snake(field)};`);
  lines.push('};');
  const asserts = Object.keys(fields).map((field) => {
    const [member] = field.split('[') as [string];
    return `offsetof(struct ${name}, ${snake(member)}) == ${layout[member]}`;
  });
  asserts.push(`sizeof(struct ${name}) == ${layout['size']}`);
  for (const assertion of asserts) lines.push(`WVM_LAYOUT(${assertion});`);
  return ['', ...lines];
}

function cEnum(prefix: string, values: Readonly<Record<string, number>>): string[] {
  return ['', 'enum {', ...Object.entries(values).map(([name, value]) => `  ${prefix}${name} = ${value},`), '};'];
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function cHeader({ wvm, wasix }: { wvm: Comments; wasix: Comments }): string {
  const u8 = 'uint8_t';
  const u16 = 'uint16_t';
  const u32 = 'uint32_t';
  const u64 = 'uint64_t';
  const lines = [
    '// What a guest may ask of wvm beyond WASI: functions, structs and constants, just as they are imported. posix.h makes the',
    '// functions of POSIX of them. A program that calls none of these runs on any WASI host; WASIX hosts have the functions wasix_*.',
    '//',
    '// Generated from abi/ by guest/generate-headers.ts: change it there. Functions return 0 or an errno of WASI, unless they say',
    '// otherwise, and write results to the addresses given; one that may be 0 is then not written. Only functions that a program',
    '// calls become imports.',
    '#ifndef WVM_H',
    '#define WVM_H',
    '',
    '#include <stddef.h>',
    '#include <stdint.h>',
    '',
    '#ifdef __cplusplus',
    'extern "C" {',
    '#define WVM_LAYOUT(condition) static_assert(condition, "layout of abi")',
    '#define WVM_NORETURN [[noreturn]]',
    '#else',
    '#define WVM_LAYOUT(condition) _Static_assert(condition, "layout of abi")',
    '#define WVM_NORETURN _Noreturn',
    '#endif',
    '#define WVM_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))',
    '',
    '// ---- Module wvm ----',
    ...cFunctions('wvm', 'wvm_', WVM_FUNCTIONS, wvm),
    '',
    `// A program with signal handlers exports ${SIGNAL_EXPORT}(signal, handler, flags, code, pid, value); lib/signal.c does.`,
    `#define WVM_PIPE_CLOEXEC ${PIPE_CLOEXEC}u`,
    ...cStruct('wvm_sigaction', SIGACTION, { handler: u32, flags: u32, mask: u64 }),
    ...cStruct('wvm_siginfo', SIGINFO, { signal: u32, code: 'int32_t', pid: 'int32_t', value: u32 }),
    ...cStruct('wvm_itimer', ITIMER, { valueNs: u64, intervalNs: u64 }),
    ...cStruct('wvm_flock', FLOCK, {
      type: 'int16_t',
      whence: 'int16_t',
      pid: 'int32_t',
      start: 'int64_t',
      length: 'int64_t',
    }),
    ...cEnum('WVM_', Signal),
    '',
    '// ---- Module wasi: threads ----',
    ...cFunctions('wasi', 'wasi_', WASI_THREADS_FUNCTIONS, wasix),
    '',
    '// ---- Module wasix_32v1 ----',
    ...cFunctions('wasix_32v1', 'wasix_', WASIX_FUNCTIONS, wasix),
    ...cStruct('wasix_option_timestamp', OPTION_TIMESTAMP, { tag: u8, value: u64 }),
    ...cStruct('wasix_option_pid', OPTION_PID, { tag: u8, pid: u32 }),
    ...cStruct('wasix_join_status', JOIN_STATUS, { tag: u8, payload: u16, signal: u16 }),
    ...cStruct('wasix_thread_start', THREAD_START, {
      stack: u32,
      tlsBase: u32,
      startFunction: u32,
      startArgs: u32,
      // Ten words between them are reserved.
      stackSize: `${u32} reserved[10];\n  ${u32}`,
      guardSize: u32,
    }),
    ...cStruct('wasix_stack_snapshot', STACK_SNAPSHOT, { user: u64, 'hash[2]': u64 }),
    ...cStruct('wasix_tty', TTY, {
      cols: u32,
      rows: u32,
      width: u32,
      height: u32,
      stdinTty: u8,
      stdoutTty: u8,
      stderrTty: u8,
      echo: u8,
      lineBuffered: u8,
      lineFeeds: u8,
    }),
    ...cStruct('wasix_epoll_event', EPOLL_EVENT, {
      events: u32,
      ptr: `${u32} reserved;\n  ${u32}`,
      fd: 'int32_t',
      data1: u32,
      data2: u64,
    }),
    ...cStruct('wasix_spawn_fd_op', SPAWN_FD_OP, {
      command: u8,
      fd: u32,
      sourceFd: u32,
      path: u32,
      pathLen: u32,
      dirflags: u32,
      oflags: u16,
      rightsBase: u64,
      rightsInheriting: u64,
      fdflags: u16,
      fdflagsext: u16,
    }),
    ...cStruct('wasix_signal_disposition', SIGNAL_DISPOSITION, { signal: u8, disposition: u8 }),
    ...cEnum('WASIX_OPTION_', OptionTag),
    ...cEnum('WASIX_JOIN_', { ...JoinFlags, ...JoinStatus }),
    ...cEnum('WASIX_SPAWN_', SpawnFdCommand),
    ...cEnum('WASIX_SIGNAL_', SignalDisposition),
    ...cEnum('WASIX_FD_', FdFlagsExt),
    ...cEnum('WASIX_EVENT_', EventFlags),
    ...cEnum('WASIX_EPOLL_CTL_', EpollCtl),
    ...cEnum('WASIX_EPOLL_', EpollType),
    '',
    '#ifdef __cplusplus',
    '}',
    '#endif',
    '',
    '#endif',
    '',
  ];
  return lines.join('\n');
}

function assemblyScriptModule({ wvm, wasix }: { wvm: Comments; wasix: Comments }): string {
  return [
    '// What a guest may ask of wvm beyond WASI, just as it is imported; wvm.ts makes it convenient. Addresses are usize.',
    '// Generated from abi/ by guest/generate-headers.ts: change it there.',
    '',
    ...assemblyScriptFunctions('wvm', 'wvm_', WVM_FUNCTIONS, wvm),
    ...assemblyScriptFunctions('wasi', 'wasi_', WASI_THREADS_FUNCTIONS, wasix),
    ...assemblyScriptFunctions('wasix_32v1', 'wasix_', WASIX_FUNCTIONS, wasix),
  ].join('\n');
}

const AS_ADDRESSES: ReadonlySet<ParameterKind> = new Set<ParameterKind>([
  'path',
  'string',
  'buffer',
  'ciovecs',
  'iovecs',
  'in',
  'out',
  'out-u32',
  'out-u64',
]);
const AS_KEYWORDS: ReadonlySet<string> = new Set(['function', 'interface', 'in']);

function assemblyScriptFunctions(
  module: string,
  prefix: string,
  functions: Readonly<Record<string, FunctionSignature>>,
  comments: Comments,
): string[] {
  return Object.entries(functions).flatMap(([name, { parameters, results }]) => {
    const list = parameters.map(({ name: parameter, kind, type }) => {
      const typeName = AS_ADDRESSES.has(kind) ? 'usize' : kind === 'size' ? 'u32' : type;
      return `${AS_KEYWORDS.has(parameter) ? `${parameter}_` : parameter}: ${typeName}`;
    });
    const comment = comments.get(name) ?? [];
    return [
      ...(comment.length === 0
        ? []
        : comment.length === 1
          ? [`/** ${comment[0]} */`]
          : ['/**', ...comment.map((line) => ` * ${line}`), ' */']),
      `// @ts-ignore: decorator`,
      `@external("${module}", "${name}")`,
      `export declare function ${prefix}${name.replaceAll('-', '_')}(${list.join(', ')}): ${results[0] ?? 'void'};`,
      '',
    ];
  });
}
