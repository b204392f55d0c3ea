// What is in a directory, for readdir. Node's Dirent has no inode number, so every entry is looked at
// with lstat; one that vanishes meanwhile is left out, as if it had been removed first.

import { isUtf8 } from 'node:buffer';
import * as fs from 'node:fs';
import type { HostDirEntry } from '../../kernel/ports.ts';
import { fileTypeOf } from './host-stat.ts';

/** What Node puts for bytes that are not UTF-8, and also a character that a name may really have. */
const replacement = '\ufffd';

/** Every entry of the directory at `path` but '.' and '..', in code unit order; throws system errors. */
export function list(path: string): HostDirEntry[] {
  const entries: HostDirEntry[] = [];
  for (const name of namesIn(path).sort()) {
    const stat = fs.lstatSync(`${path}/${name}`, { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined) entries.push({ name, ino: stat.ino, type: fileTypeOf(Number(stat.mode)) });
  }
  return entries;
}

/** The names that are valid UTF-8. */
function namesIn(path: string): string[] {
  const names = fs.readdirSync(path);
  if (!names.some((name) => name.includes(replacement))) return names;
  const raw = fs.readdirSync(path, 'buffer');
  return raw.filter((name) => isUtf8(name)).map((name) => name.toString());
}
