// Before the tests of whole programs: assembles the guests that they run and builds the command line, once for all of them. A start
// from the sources loads two hundred files and takes four times as long. WVM_CLI names another one to test, e.g. that of an
// installed package.

import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeGuests } from './guests.ts';

const repository = join(import.meta.dirname, '../..');

export default async function build(): Promise<() => Promise<void>> {
  // Within the repository, whose packages it uses; of its own, for tests may run twice at once.
  const directory = join('.cache', 'test-cli', String(process.pid));
  if (process.env['WVM_CLI'] === undefined) await buildCommandLine(directory);
  const guests = join(repository, directory, 'guests');
  await mkdir(guests, { recursive: true });
  await writeGuests(guests);
  process.env['WVM_TEST_GUESTS'] = guests;
  return async () => {
    await rm(join(repository, directory), { recursive: true, force: true });
  };
}

async function buildCommandLine(directory: string): Promise<void> {
  await promisify(execFile)(join(repository, 'node_modules/.bin/rolldown'), ['-c', 'rolldown.config.ts'], {
    cwd: repository,
    env: { ...process.env, WVM_BUILD_DIRECTORY: directory },
  });
  const precompile = join(repository, 'runtime/cli/precompile.ts');
  await promisify(execFile)(process.execPath, [precompile, join(repository, directory)]);
  process.env['WVM_CLI'] = join(repository, directory, 'cli/main.js');
}
