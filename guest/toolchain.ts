// The compilers behind the guests: Debian's clang for C, npm's wabt for WAT, npm's asc for AssemblyScript.
//
// Modules must come out byte for byte the same on every machine, so:
// - sources are named by paths relative to guest/, and nothing of the build's surroundings is compiled in;
// - clang sees a PATH without node_modules/.bin: it runs any wasm-opt it finds there after linking;
// - the versions of the Debian packages are part of the result (built/toolchain.json); npm's are in package-lock.json.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import asc from 'assemblyscript/asc';
import loadWabt from 'wabt';
import type { Guest, GuestKind } from './manifest.ts';

const run = promisify(execFile);

/** The folder that holds this file; compilers run in it. */
export const guestRoot: string = import.meta.dirname;

export const DEBIAN_PACKAGES: readonly string[] = ['clang-19', 'lld-19', 'wasi-libc', 'libclang-rt-19-dev-wasm32'];

const CLANG = 'clang-19';
const CLANG_PATH = '/usr/bin:/bin';

// The name section stays (backtraces show it); only debug information, most of it of the library, goes.
const C_FLAGS = ['--target=wasm32-wasi', '-std=gnu17', '-Wall', '-Wextra', '-Werror', '-Iinclude'];
const LINK_FLAGS = ['-Wl,--strip-debug'];
// Shorter modules; wasm-ld 19 crashes of it with shared memory.
const COMPRESS_FLAG = '-Wl,--compress-relocations';
// Test guests are small for the sake of the repository, benchmarks fast for the sake of the comparison.
const OPTIMISATION: Record<GuestKind, string> = { test: '-Oz', tool: '-Oz', bench: '-O2', polybench: '-O2' };

const WAT_FEATURES = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  memory64: true,
  multi_memory: true,
  extended_const: true,
  relaxed_simd: true,
};

export type DebianVersions = Record<string, string>;

/** Versions of the installed packages, or undefined when one of them is missing. */
export async function installedVersions(): Promise<DebianVersions | undefined> {
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
    const { stdout } = await run('dpkg-query', ['-W', '-f', '${Package}=${Version}\n', ...DEBIAN_PACKAGES]);
    return Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split('=', 2) as [string, string]),
    );
  } catch {
    return undefined;
  }
}

/** Builds one guest into `output`. Rejects with what the compiler printed. */
export async function compile(guest: Guest, output: string): Promise<void> {
  const source = guest.sources[0]!;
  if (source.endsWith('.c')) return await compileC(guest, output);
  if (source.endsWith('.wat')) return await compileWat(source, output);
  return await compileAssemblyScript(source, output);
}

async function compileC(guest: Guest, output: string): Promise<void> {
  const linkFlags = guest.flags.includes('-matomics') ? LINK_FLAGS : [...LINK_FLAGS, COMPRESS_FLAG];
  const options = [...C_FLAGS, OPTIMISATION[guest.kind], ...guest.flags];
  await runClang([...options, ...guest.sources, ...linkFlags, '-o', output], guestRoot);
}

/** Runs clang in `folder`. Rejects with what it printed. */
export async function runClang(args: readonly string[], folder: string): Promise<void> {
  try {
    await run(CLANG, args, { cwd: folder, env: { PATH: CLANG_PATH } });
  } catch (error) {
    const printed = (error as { stderr?: string }).stderr || String(error);
    throw new Error(`${CLANG} failed in ${folder}\n${printed}`, { cause: error });
  }
}

async function compileWat(source: string, output: string): Promise<void> {
  await writeFile(output, await assembleWat(source, await readFile(join(guestRoot, source), 'utf8')));
}

/** Assembles a module written in WAT; `;; include report.wat` stands for include/report.wat. */
export async function assembleWat(name: string, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const included = await readFile(join(guestRoot, 'include/report.wat'), 'utf8');
  const wabt = await loadWabt();
  const module = wabt.parseWat(name, text.replace(/^ *;; include report\.wat\n/m, included), WAT_FEATURES);
  try {
    const bytes = new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
    // Not module.validate(): it knows neither extended constants nor several memories. V8 knows all that guests use.
    new WebAssembly.Module(bytes);
    return bytes;
  } finally {
    module.destroy();
  }
}

async function compileAssemblyScript(source: string, output: string): Promise<void> {
  const stderr = asc.createMemoryStream();
  const { error } = await asc.main(
    [source, '--baseDir', guestRoot, '--outFile', output, '--config', 'assembly/asconfig.json'],
    { stderr, stdout: stderr },
  );
  if (error) throw new Error(`${source}: asc failed\n${stderr.toString()}`, { cause: error });
}
