// Builds one real program into the cache; what is there already stays.

import { copyFile, mkdir, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { guestRoot, runClang } from '../../guest/toolchain.ts';
import { fetchSource } from './fetch.ts';
import type { Program } from './programs.ts';

/** Where modules and sources go; git ignores it. */
export const programsCache: string = join(import.meta.dirname, '../../.cache/programs');

const OWN_SOURCES = join(import.meta.dirname, 'sources');

/** The path that a program is built to. */
export function programPath(program: Program, folder: string = programsCache): string {
  return join(folder, `${program.name}.wasm`);
}

/** Builds the program unless it is there. Returns the path of the module. */
export async function buildProgram(program: Program, folder: string = programsCache): Promise<string> {
  const output = programPath(program, folder);
  if (await isFresh(output)) return output;
  await mkdir(folder, { recursive: true });
  const sourceFolder = program.source ? await fetchSource(program.source, programsCache) : OWN_SOURCES;
  const partial = `${output}.${process.pid}.partial`;
  if ('module' in program.build) {
    await copyFile(join(sourceFolder, program.build.module), partial);
  } else {
    const { files, flags, libraries } = program.build;
    // Other people's code is not ours to warn about.
    const usual = ['--target=wasm32-wasi', '-O2', '-w', '-DNDEBUG', `-I${join(guestRoot, 'include')}`];
    const link = ['-Wl,--strip-debug', '-Wl,--compress-relocations', ...libraries, '-lm'];
    await runClang([...usual, ...flags.map(resolve), ...files.map(resolve), ...link, '-o', partial], sourceFolder);
  }
  await rename(partial, output);
  return output;
}

function resolve(argument: string): string {
  return argument.replace(/^own:/, `${OWN_SOURCES}/`).replace(/^guest:/, `${guestRoot}/`);
}

/** Whether the module is newer than the list of programs and all sources of our own. */
async function isFresh(module: string): Promise<boolean> {
  const built = await stat(module).catch(() => undefined);
  if (!built) return false;
  const inputs = [
    join(import.meta.dirname, 'programs.ts'),
    ...(await readdir(OWN_SOURCES)).map((name) => join(OWN_SOURCES, name)),
  ];
  const times = await Promise.all(inputs.map(async (path) => (await stat(path)).mtimeMs));
  return Math.max(...times) <= built.mtimeMs;
}
