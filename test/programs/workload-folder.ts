// The folder that a workload runs in: made with its input files, and compared afterwards with what it must have written.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Workload } from './programs.ts';

/** Makes a folder to be granted as /, with the files of the workload in it. The caller removes it. */
export async function makeWorkloadFolder(workload: Workload): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'wvm-workload-'));
  for (const [guestPath, contents] of Object.entries(workload.files)) {
    const path = join(folder, guestPath);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
  }
  return folder;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What differs from the recorded result, one line each; nothing when the workload came out right. */
export async function workloadDifferences(workload: Workload, folder: string, stdout: Uint8Array): Promise<string[]> {
  const differences: string[] = [];
  const compare = (what: string, digest: string, expected: string): void => {
    if (digest !== expected) differences.push(`${what}: sha256 ${digest}, expected ${expected}`);
  };
  compare('standard output', sha256(stdout), workload.stdoutSha256);
  for (const [guestPath, expected] of Object.entries(workload.writes)) {
    const contents = await readFile(join(folder, guestPath)).catch(() => undefined);
    compare(guestPath, contents ? sha256(contents) : 'of no file', expected);
  }
  return differences;
}
