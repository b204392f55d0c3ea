// What the script runner needs of something that runs modules, and how failures of a module are told apart.

import type { Signature } from './bridge.ts';
import type { Value } from './value.ts';

/** A module that passed validation; opaque to the runner. */
export interface Compiled {
  readonly module: WebAssembly.Module;
}

export interface Instance {
  /** Externals as the JavaScript API has them, so that instances link to each other whoever made them. */
  readonly exports: Readonly<Record<string, unknown>>;
  readonly functionTypes: ReadonlyMap<string, Signature>;
  readonly globalTypes: ReadonlyMap<string, { readonly value: string; readonly mutable: boolean }>;
}

export type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Executor {
  readonly name: string;
  /** Throws on a malformed or invalid module. */
  compile(bytes: Uint8Array): Promise<Compiled>;
  /** Throws if the module does not link or its instantiation traps. */
  instantiate(compiled: Compiled, imports: Imports): Promise<Instance>;
  /** Calls an exported function; throws what stopped it. */
  invoke(instance: Instance, name: string, args: readonly Value[]): Promise<Value[]>;
  /** A function of `spectest` was called; it returns to its caller unless this throws. */
  onHostCall(): void;
  /** Facts worth a line in the report, for example how many snapshots were taken. */
  readonly counters: Readonly<Record<string, number>>;
}

export type Failure = 'invalid' | 'unlinkable' | 'trap' | 'exhaustion' | 'exception' | 'other';

export function classifyFailure(error: unknown): Failure {
  if (error instanceof WebAssembly.CompileError) return 'invalid';
  if (error instanceof WebAssembly.LinkError) return 'unlinkable';
  if (error instanceof WebAssembly.RuntimeError) return 'trap';
  if (error instanceof WebAssembly.Exception) return 'exception';
  // V8's only other sign of the end of the stack is this message.
  if (error instanceof RangeError && /call stack/.test(error.message)) return 'exhaustion';
  // The JavaScript API throws a TypeError for an import whose module object is missing.
  if (error instanceof TypeError && /Import #\d+/.test(error.message)) return 'unlinkable';
  return 'other';
}

// The specification's trap messages and V8's. A message that is not listed is compared by containment.
const TRAP_MESSAGES: readonly (readonly [script: RegExp, engine: RegExp])[] = [
  [/^integer divide by zero/, /divide by zero|remainder by zero/],
  [/^integer overflow/, /divide result unrepresentable|float unrepresentable in integer range/],
  [/^invalid conversion to integer/, /float unrepresentable in integer range/],
  [/^out of bounds memory access/, /memory access out of bounds|data segment.*out of bounds/],
  [
    /^(out of bounds table access|undefined element)/,
    /table (index is|access) out of bounds|element segment out of bounds|table index/,
  ],
  [/^uninitialized element/, /null function|signature mismatch|dereferencing a null pointer/],
  [/^indirect call type mismatch|^indirect call/, /signature mismatch/],
  [/^null .*reference|^null function/, /dereferencing a null pointer|null reference/],
  [/^out of bounds array access/, /array (element access|index|length)|out of bounds/],
  [/^cast failure/, /illegal cast/],
  [/^unaligned atomic/, /unaligned access/],
  [/^expected shared memory/, /shared memory/],
];

/** Whether a trap is the one that the script names. */
export function trapMatches(message: string, error: unknown): boolean {
  const actual = error instanceof Error ? error.message : String(error);
  const known = TRAP_MESSAGES.find(([script]) => script.test(message));
  return known === undefined ? actual.includes(message) : known[1].test(actual);
}
