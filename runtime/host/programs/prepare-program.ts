// A program that the cache does not have: instrumented, compiled and stored, by a thread that has nothing else to do.

import { prepareModule } from '../../engine/compile.ts';
import type { PreparedModule } from '../../engine/stored-module.ts';
import { sha256Hex } from '../digest.ts';
import type { ModuleOptions } from '../machine/machine-options.ts';
import type { FoundProgram } from './find-program.ts';
import { ModuleCache } from './module-cache.ts';

/** `found` may have been looked up with other options. */
export function prepareProgram(found: FoundProgram, { cacheDirectory, marksWrites }: ModuleOptions): PreparedModule {
  const { bytes, module } = found;
  const marks = marksWrites !== undefined && marksWrites !== false;
  if (module?.marksWrites === marks) return module;
  const cache = cacheDirectory === null ? undefined : new ModuleCache(cacheDirectory);
  const hash = found.hash ?? sha256Hex(bytes);
  const ports = { sha256: sha256Hex, cache, marksWrites: marks };
  return prepareModule(bytes, hash, ports);
}
