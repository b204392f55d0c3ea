// A program as the thread that starts a machine's thread can find it while that one starts: read, hashed, and compiled if the
// cache has it. Both take about as long.

import { type PreparedModule, storedModule } from '../../engine/stored-module.ts';
import { sha256Hex } from '../digest.ts';
import type { ModuleOptions } from '../machine/machine-options.ts';
import { ModuleCache } from './module-cache.ts';
import { readModule } from './read-module.ts';

/** Plain data and a module of the engine: a message to another thread can carry it. */
export interface FoundProgram {
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`, hex; undefined if the cache could tell by their length that it does not have the program. */
  readonly hash: string | undefined;
  /** Undefined if the cache has none. */
  readonly module: PreparedModule | undefined;
}

/** Reads a program (.wasm or .wat) and looks it up in the cache. */
export async function findProgram(
  path: string,
  { cacheDirectory, marksWrites = false }: ModuleOptions = {},
): Promise<FoundProgram> {
  const bytes = await readModule(path);
  const cache = cacheDirectory === null ? undefined : new ModuleCache(cacheDirectory);
  // To hash takes as long as half of what else a start does: node:crypto has to be loaded.
  if (cache?.mayHold(bytes.length) !== true) return { bytes, hash: undefined, module: undefined };
  const hash = sha256Hex(bytes);
  const ports = { sha256: sha256Hex, cache, marksWrites: marksWrites !== false };
  return { bytes, hash, module: storedModule(bytes, hash, ports) };
}
