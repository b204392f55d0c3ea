// Before the tests of whole programs: builds the command line, once for all of them. A start from the sources loads two
// hundred files and takes four times as long. WVM_CLI names another one to test, e.g. that of an installed package.

import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const repository = join(import.meta.dirname, '../..');

export default async function build(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['WVM_CLI'] !== undefined) return undefined;
  // Within the repository, whose packages it uses; of its own, for tests may run twice at once.
  const directory = join('.cache', 'test-cli', String(process.pid));
  await promisify(execFile)(join(repository, 'node_modules/.bin/rolldown'), ['-c', 'rolldown.config.ts'], {
    cwd: repository,
    env: { ...process.env, WVM_BUILD_DIRECTORY: directory },
  });
  const precompile = join(repository, 'runtime/cli/precompile.ts');
  await promisify(execFile)(process.execPath, [precompile, join(repository, directory)]);
  process.env['WVM_CLI'] = join(repository, directory, 'cli/main.js');
  return async () => {
    await rm(join(repository, directory), { recursive: true, force: true });
  };
}
