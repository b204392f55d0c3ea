// What lies in the cache of instrumented modules, for people: module-cache.ts alone knows what an entry means.

import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from '../names-in.ts';
import { defaultCacheDirectory } from './module-cache.ts';

export interface ModuleCacheContent {
  /** Undefined if this user has no home directory. */
  readonly directory: string | undefined;
  readonly entryCount: number;
  readonly sizeBytes: number;
}

/** Counts the entries; `base` as for ModuleCache. */
export function describeModuleCache(base?: string): ModuleCacheContent {
  return visitEntries(base, () => {});
}

/**
 * Removes every entry and says what was removed. Machines that run need none of them any more. In the user's own cache
 * also the compiled JavaScript of wvm itself, which Node keeps there for the command line.
 */
export function clearModuleCache(base?: string): ModuleCacheContent {
  const own = base === undefined ? defaultCacheDirectory() : undefined;
  if (own !== undefined) rmSync(join(own, 'node'), { recursive: true, force: true });
  return visitEntries(base, (path) => rmSync(path, { force: true }));
}

function visitEntries(base: string | undefined, visit: (path: string) => void): ModuleCacheContent {
  const root = base ?? defaultCacheDirectory();
  const directory = root === undefined ? undefined : join(root, 'modules');
  let entryCount = 0;
  let sizeBytes = 0;
  for (const name of directory === undefined ? [] : namesIn(directory)) {
    const path = join(directory!, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    // Whatever else is in a directory that a user named is not ours.
    if (stat === undefined || !stat.isFile() || !/^[0-9a-f]{64}(?:-[0-9]+)?(?:\..*)?$/.test(name)) continue;
    visit(path);
    entryCount++;
    sizeBytes += stat.size;
  }
  return { directory, entryCount, sizeBytes };
}
