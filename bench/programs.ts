// The whole programs that figures are measured on: those kept in guest/, and QuickJS, which is built on demand.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GuestKind, guests } from '../guest/manifest.ts';
import { repositoryRoot } from './repository.ts';

export interface Program {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
  readonly readModule: () => Uint8Array;
}

/** The guests of one kind, without arguments: that is how they run for 0.2 to 1 s. */
export function programsOfKind(kind: Extract<GuestKind, 'bench' | 'polybench'>): Program[] {
  const found = guests.filter((guest) => guest.kind === kind);
  if (found.length === 0) throw new Error(`guest/manifest.ts has no guest of kind ${kind}`);
  return found.map((guest) => program(guest.name.replace(/^.*\//, ''), join(repositoryRoot, 'guest', guest.file), []));
}

/** QuickJS, of about 1 MB; it runs the script that its argument names. */
export function quickjs(): Program {
  const path = join(repositoryRoot, '.cache', 'programs', 'quickjs.wasm');
  if (!existsSync(path)) {
    throw new Error(`${path} is missing: node test/programs/build.ts --only quickjs (Debian's clang, a network)`);
  }
  return program('quickjs', path, ['/script.js']);
}

/** Every whole program there is; QuickJS only where it has been built. */
export function allPrograms(): Program[] {
  const kept = [...programsOfKind('bench'), ...programsOfKind('polybench')];
  try {
    return [...kept, quickjs()];
  } catch {
    return kept;
  }
}

function program(name: string, path: string, args: readonly string[]): Program {
  return { name, path, args, readModule: () => new Uint8Array(readFileSync(path)) };
}
