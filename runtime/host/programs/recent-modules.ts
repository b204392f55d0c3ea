// Modules compiled last, in this process: many machines of one program, or many copies of one image, share them.

import { type CompiledModule, compileModule } from '../../engine/compile.ts';
import { openModule } from '../../engine/open-module.ts';
import type { PreparedModule } from '../../engine/stored-module.ts';
import { sha256Hex } from '../digest.ts';
import type { ModuleOptions } from '../machine/machine-options.ts';
import { ModuleCache } from './module-cache.ts';

/** By hash and whether stores mark what they write, newest at the end. */
const recentModules = new Map<string, { readonly compiled: CompiledModule; readonly sizeBytes: number }>();
/** So many in any case, and more as long as they are small: a script runs a dozen tools in turn. */
const RECENT_MODULES = 8;
const RECENT_BYTES: number = 16 * 2 ** 20;
let recentBytes = 0;

/** Of arrays that come again and again: programs that are mapped to names. */
const knownHashes = new WeakMap<Uint8Array, string>();

/** Modules that came ready from another thread, by the array of their bytes: not even their hash is computed again. */
const preparedModules = new WeakMap<Uint8Array, PreparedModule>();

/** From now on compileWithCache() of `prepared.bytes`, this very array, has nothing left to compile. */
export function adoptModule(prepared: PreparedModule): void {
  preparedModules.set(prepared.bytes, prepared);
}

/** Compiles a module, unless it is one of the last or came ready, or takes it from the cache on disk. */
export function compileWithCache(bytes: Uint8Array, options: ModuleOptions): CompiledModule {
  const { cacheDirectory } = options;
  const marksWrites = options.marksWrites !== undefined && options.marksWrites !== false;
  const ready = preparedModules.get(bytes);
  const prepared = ready?.marksWrites === marksWrites ? ready : undefined;
  if (prepared?.hash === '') return openModule(prepared);
  const key = `${prepared?.hash ?? hashOf(bytes)} ${marksWrites}`;
  const recent = recentModules.get(key);
  let compiled = recent?.compiled;
  if (compiled === undefined && prepared !== undefined) compiled = openModule(prepared);
  if (compiled === undefined) {
    const cache = cacheDirectory === null ? undefined : new ModuleCache(cacheDirectory);
    compiled = compileModule(bytes, { sha256: sha256Hex, cache, marksWrites });
  }
  recentModules.delete(key);
  recentModules.set(key, recent ?? { compiled, sizeBytes: bytes.length });
  if (recent === undefined) recentBytes += bytes.length;
  for (const [oldest, { sizeBytes }] of recentModules) {
    if (recentModules.size <= RECENT_MODULES || recentBytes <= RECENT_BYTES) break;
    recentModules.delete(oldest);
    recentBytes -= sizeBytes;
  }
  return compiled;
}

function hashOf(bytes: Uint8Array): string {
  let hash = knownHashes.get(bytes);
  if (hash === undefined) {
    hash = sha256Hex(bytes);
    knownHashes.set(bytes, hash);
  }
  return hash;
}
