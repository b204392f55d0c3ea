// Runs every guest of the manifest under node:wasi and compares its output with guest/expected/NAME.txt:
// `node guest/verify.ts [--update] [--only NAME]`. With --update the files are written instead, to be read before they
// are committed.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { guests } from './manifest.ts';
import { runUnderNodeWasi } from './node-wasi.ts';
import { guestRoot } from './toolchain.ts';

const { values: options } = parseArgs({
  options: { update: { type: 'boolean', default: false }, only: { type: 'string' } },
});

let failures = 0;
for (const guest of guests) {
  if (options.only !== undefined && guest.name !== options.only) continue;
  if (guest.notUnderNodeWasi !== undefined) {
    console.log(`${guest.name}: not run: ${guest.notUnderNodeWasi}`);
    continue;
  }
  const { end, stdout, stderr, milliseconds } = runUnderNodeWasi(await readFile(join(guestRoot, guest.file)), guest);
  const expectedFile = join(guestRoot, 'expected', `${guest.name}.txt`);
  const problems: string[] = [];
  if (end.kind !== guest.expected.kind) problems.push(`ended with ${JSON.stringify(end)}`);
  else if (end.kind === 'exit' && guest.expected.kind === 'exit' && end.code !== guest.expected.code) {
    problems.push(`exit status ${end.code}, expected ${guest.expected.code}`);
  }
  if (stderr.length > 0) problems.push(`wrote to stderr: ${new TextDecoder().decode(stderr)}`);
  if (options.update) {
    await mkdir(dirname(expectedFile), { recursive: true });
    await writeFile(expectedFile, stdout);
  } else if (!(await readFile(expectedFile)).equals(stdout)) {
    problems.push(`printed something else than ${expectedFile}:\n${new TextDecoder().decode(stdout)}`);
  }
  if (problems.length > 0) failures++;
  console.log(`${guest.name}: ${problems.length > 0 ? problems.join('; ') : 'ok'} (${milliseconds.toFixed(1)} ms)`);
}
process.exitCode = failures > 0 ? 1 : 0;
