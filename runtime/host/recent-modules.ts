// Modules compiled last, in this process: many machines of one program, or many copies of one image, share them.

import { hash } from 'node:crypto';
import { type CompiledModule, compileModule } from '../engine/compile.ts';
import { ModuleCache } from './module-cache.ts';

/** By hash, newest at the end. */
const recentModules = new Map<string, CompiledModule>();
const RECENT_MODULES = 8;

/** Compiles a module, unless it is one of the last, or takes it from the cache on disk. */
export function compileWithCache(bytes: Uint8Array, cacheDirectory: string | null | undefined): CompiledModule {
  const moduleHash = hash('sha256', bytes, 'hex');
  let compiled = recentModules.get(moduleHash);
  if (compiled === undefined) {
    const cache = cacheDirectory === null ? undefined : new ModuleCache(cacheDirectory);
    compiled = compileModule(bytes, { sha256: (data) => hash('sha256', data, 'hex'), cache });
  }
  recentModules.delete(moduleHash);
  recentModules.set(moduleHash, compiled);
  for (const oldest of recentModules.keys()) {
    if (recentModules.size <= RECENT_MODULES) break;
    recentModules.delete(oldest);
  }
  return compiled;
}
