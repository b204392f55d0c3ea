// Compiled JavaScript of wvm itself, kept by Node beside the prepared modules. From the second start on: to write it takes
// as long as several starts gain by it, and the first may be the last.

import { existsSync, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';

/** Does nothing if this user has no home; relative paths are ignored, as the XDG specification has it. */
export function useCompileCache(): void {
  const cacheHome = process.env['XDG_CACHE_HOME'] || (process.env['HOME'] && `${process.env['HOME']}/.cache`);
  if (!cacheHome?.startsWith('/')) return;
  const directory = `${cacheHome}/wvm/node`;
  if (existsSync(directory)) {
    enableCompileCache(directory);
    return;
  }
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch {
    // A home that cannot be written to costs time only.
  }
}
