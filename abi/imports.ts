// Everything that a module may import, by namespace: one answer to "is there such a function, and what is its type".

import type { FunctionSignature } from './signature.ts';
import { WASI_PREVIEW1_FUNCTIONS, WASI_UNSTABLE_FUNCTIONS } from './wasi-preview1.ts';
import { WASI_THREADS_FUNCTIONS, WASIX_ALIASES, WASIX_FUNCTIONS } from './wasix.ts';
import { WVM_FUNCTIONS } from './wvm.ts';

const aliases: Record<string, FunctionSignature> = {};
for (const [alias, name] of Object.entries(WASIX_ALIASES)) aliases[alias] = WASIX_FUNCTIONS[name]!;

/** By namespace, then by name. What preview1 itself calls sock_accept is only an alias in `wasix_32v1`. */
export const IMPORTS: ReadonlyMap<string, Readonly<Record<string, FunctionSignature>>> = new Map(
  Object.entries({
    wasi_snapshot_preview1: { ...aliases, ...WASIX_FUNCTIONS, ...WASI_PREVIEW1_FUNCTIONS },
    wasi_unstable: WASI_UNSTABLE_FUNCTIONS,
    wasix_32v1: { ...WASI_PREVIEW1_FUNCTIONS, ...WASIX_FUNCTIONS, ...aliases },
    wasi: WASI_THREADS_FUNCTIONS,
    wvm: WVM_FUNCTIONS,
  }),
);

/** Parameters and core type of an imported function; undefined if wvm has none of that name there. */
export function signatureOf(module: string, name: string): FunctionSignature | undefined {
  const functions = IMPORTS.get(module);
  return functions !== undefined && Object.hasOwn(functions, name) ? functions[name] : undefined;
}
