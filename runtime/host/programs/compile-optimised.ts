// Runs a compilation with V8's optimising compiler at once, instead of its baseline compiler first.
//
// A continuation is entered once and may loop for hours: V8 never replaces a running baseline frame (4e8 iterations
// took 1,112 ms in its default tiers, 423 ms optimised at once).

import { lateV8 } from '../late-modules.ts';

const WHILE_COMPILING: readonly string[] = [
  '--no-liftoff',
  // At the construction of the module, not at the first call.
  '--no-wasm-lazy-compilation',
  // Inlining wants the feedback that baseline code gathers, and V8 aborts the process where there is none. A
  // continuation calls into another instance, which is never inlined anyway.
  '--no-wasm-inlining',
  '--no-wasm-inlining-call-indirect',
];
const AFTERWARDS: readonly string[] = WHILE_COMPILING.map((flag) => flag.replace('--no-', '--'));

/** Calls `compile` with eager, optimised compilation of WebAssembly. */
export function compileOptimised<Result>(compile: () => Result): Result {
  const v8 = lateV8();
  for (const flag of WHILE_COMPILING) v8.setFlagsFromString(flag);
  try {
    return compile();
  } finally {
    for (const flag of AFTERWARDS) v8.setFlagsFromString(flag);
  }
}
