// Compiled JavaScript of wvm itself is kept beside the prepared modules: an eighth of the start of a small program.

import { enableCompileCache } from 'node:module';

const cacheHome: string | undefined =
  process.env['XDG_CACHE_HOME'] || (process.env['HOME'] && `${process.env['HOME']}/.cache`);

/** Undefined if this user has no home; relative paths are ignored, as the XDG specification has it. */
export const compileCacheDirectory: string | undefined = cacheHome?.startsWith('/')
  ? `${cacheHome}/wvm/node`
  : undefined;

export function useCompileCache(): void {
  if (compileCacheDirectory !== undefined) enableCompileCache(compileCacheDirectory);
}
