// Compiled JavaScript of wvm itself, kept beside the prepared modules: that of the command line by a CodeCache, that of a machine's
// thread by Node. From the second start on: to write it takes as long as several starts gain by it, and the first may be the
// last.

import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { CodeCache } from './code-cache.ts';

/** One that keeps nothing if this user has no home; relative paths are ignored, as the XDG specification has it. */
export function openCodeCache(): CodeCache {
  const cacheHome = process.env['XDG_CACHE_HOME'] || (process.env['HOME'] && `${process.env['HOME']}/.cache`);
  if (!cacheHome?.startsWith('/') || process.env['NODE_DISABLE_COMPILE_CACHE']) return new CodeCache(undefined);
  const directory = `${cacheHome}/wvm/node`;
  if (existsSync(directory)) enableCompileCache(directory);
  return new CodeCache(`${directory}/command`);
}
