// Builds the guests of the manifest, and before them the headers that are made of abi/:
// `npm run guests [-- --check] [-- --only NAME]`.
//
// Without --check the modules go to guest/built, where they are kept in the repository, so that nobody needs the C
// compiler to run the tests. With --check they go to a temporary folder and every module that differs from the kept one
// is a failure: someone changed a source without building, or the build depends on its surroundings.
// Modules of C programs can only be compared when the Debian packages are the ones they were built with; otherwise they
// are left out with a message, unless CI=true says that this machine is supposed to have them.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { generateHeaders } from './generate-headers.ts';
import { guests } from './manifest.ts';
import { compile, DEBIAN_PACKAGES, guestRoot, installedVersions } from './toolchain.ts';

// A kept module is a file of the repository for ever; larger ones belong to test/programs, which builds on demand.
const MAX_MODULE_BYTES = 60 * 1024;
const VERSIONS_FILE = join(guestRoot, 'built/toolchain.json');

const { values: options } = parseArgs({
  options: { check: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const wanted = guests.filter((guest) => options.only === undefined || guest.name === options.only);
if (wanted.length === 0) fail(`no guest is named ${options.only}`);

const versions = await installedVersions();
const isC = (source: string | undefined): boolean => source?.endsWith('.c') ?? false;
const target = options.check ? await mkdtemp(join(tmpdir(), 'wvm-guests-')) : guestRoot;
const problems: string[] = [];
let built = wanted;

if (options.check) {
  const kept: unknown = JSON.parse(await readFile(VERSIONS_FILE, 'utf8'));
  if (JSON.stringify(kept) !== JSON.stringify(versions)) {
    const message =
      `C guests were built with ${JSON.stringify(kept)}, ` +
      `this machine has ${versions ? JSON.stringify(versions) : `not all of ${DEBIAN_PACKAGES.join(', ')}`}`;
    if (process.env['CI'] === 'true') problems.push(message);
    console.error(`guests: ${message}; not compared.`);
    built = wanted.filter((guest) => !isC(guest.sources[0]));
  }
} else if (!versions && wanted.some((guest) => isC(guest.sources[0]))) {
  fail(`C guests need Debian packages: apt-get install ${DEBIAN_PACKAGES.join(' ')}`);
}

// Headers first: guests include them.
for (const { file, text } of await generateHeaders(guestRoot)) {
  const output = join(guestRoot, file);
  if (!options.check) await writeFile(output, text);
  else if ((await readFile(output, 'utf8').catch(() => '')) !== text) {
    problems.push(`${file} is not what abi/ says: run \`npm run guests\` and commit the result`);
  }
}

// One at a time: the whole list takes some twenty seconds, and compilers beside each other only take turns.
for (const guest of built) {
  const output = join(target, guest.file);
  await mkdir(dirname(output), { recursive: true });
  try {
    await compile(guest, output);
  } catch (error) {
    problems.push(`${guest.name}: ${error instanceof Error ? error.message : String(error)}`);
    continue;
  }
  const bytes = await readFile(output);
  if (bytes.length > MAX_MODULE_BYTES) {
    problems.push(`${guest.name}: ${bytes.length} bytes, more than the ${MAX_MODULE_BYTES} allowed in the repository`);
  }
  if (options.check && !bytes.equals(await readFile(join(guestRoot, guest.file)).catch(() => Buffer.alloc(0)))) {
    problems.push(`${guest.file} is not what its source builds to: run \`npm run guests\` and commit the result`);
  }
}

if (options.check) await rm(target, { recursive: true });
else if (versions) await writeFile(VERSIONS_FILE, `${JSON.stringify(versions, undefined, 2)}\n`);
for (const problem of problems) console.error(`guests: ${problem}`);
console.log(`guests: ${built.length} ${options.check ? 'compared' : 'built'}, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;

function fail(message: string): never {
  console.error(`guests: ${message}`);
  process.exit(1);
}
