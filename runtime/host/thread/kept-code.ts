// The files of wvm that a machine's thread has not loaded yet, as they were when the thread was made: whatever is replaced or
// removed while the machine runs, it goes on with what it has. (The command line's own: cli/code-cache.ts.)
//
//   owner   readCode(folder of the thread)   while the thread starts
//   thread  keepCode(code)                   from now on these are what it loads from there
//
// Nothing is kept of wvm's sources, which are no .js files: they are all loaded at the start.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Contents by URL. */
export type KeptCode = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/** Nothing if the folder is gone: then the thread says so. */
export function readCode(folder: URL): KeptCode {
  const code: Record<string, Uint8Array<ArrayBuffer>> = {};
  try {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.js'))) {
      const url = new URL(name, folder);
      // A copy: small files share their buffers with others.
      code[url.href] = new Uint8Array(readFileSync(url));
    }
  } catch {
    return {};
  }
  return code;
}

export function keepCode(code: KeptCode): void {
  if (Object.keys(code).length === 0) return;
  const { cache } = createRequire(import.meta.url);
  // What is loaded already is found where it is, and needs no content.
  const kept = new Map(Object.entries(code).map(([url, source]) => [url, fileURLToPath(url) in cache ? '' : source]));
  registerHooks({
    resolve(specifier, context, next) {
      if (!specifier.startsWith('./') || context.parentURL === undefined) return next(specifier, context);
      const url = new URL(specifier, context.parentURL).href;
      return kept.has(url) ? { url, format: 'commonjs', shortCircuit: true } : next(specifier, context);
    },
    load(url, context, next) {
      const source = kept.get(url);
      return source === undefined ? next(url, context) : { format: 'commonjs', source, shortCircuit: true };
    },
  });
}
