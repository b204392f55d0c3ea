// Finds the scripts of the specification's test suite in a folder: `.wast` files, or what wast2json made of them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Command } from './script.ts';
import { readWastJson } from './wast-json.ts';
import { readWast } from './wast-script.ts';

export interface ScriptFile {
  /** Path below the suite's folder. */
  readonly name: string;
  /** Where it is counted in the report: its directory below `core`, for example `core/simd`. */
  readonly group: string;
  read(): Command[];
}

export function findScripts(folder: string): ScriptFile[] {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(wast|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path.endsWith('.wast') || isPrepared(path))
    .sort();
  return paths.map((path) => {
    const name = relative(folder, path);
    const directories = name.split('/').slice(0, -1);
    return {
      name,
      group: directories.slice(directories.indexOf('core') + 1).join('/') || 'core',
      read: () => (path.endsWith('.wast') ? readWast(readFileSync(path, 'utf8')) : readWastJson(path)),
    };
  });
}

/** A folder may hold other JSON too; and where the script itself is at hand, that is what counts. */
function isPrepared(path: string): boolean {
  if (existsSync(path.replace(/\.json$/, '.wast'))) return false;
  return readFileSync(path, 'utf8').slice(0, 200).includes('"source_filename"');
}
