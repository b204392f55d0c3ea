// wvm verify: whether everything that a store promises is there.

import type { Command } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { Progress } from './progress.ts';
import { formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { addStoreOption, printable, type StoreFlags, withStore } from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';

interface VerifyFlags extends StoreFlags {
  readonly deep?: true;
}

export function define(command: Command): void {
  addStoreOption(command)
    .description('Check a store: indexes, snapshots, and that every page they name is there.')
    .option('--deep', 'also read every byte and compare every SHA-256')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `\nExit code ${exitCodes.failure} if anything is wrong.\n\nExamples:\n  wvm verify\n  wvm verify --deep`,
    )
    .action(verify);
}

async function verify(flags: VerifyFlags): Promise<void> {
  const progress = new Progress();
  const verified = withStore(flags, (store) => store.verify({ deep: flags.deep === true, onProgress: progress.show }));
  const result = await verified.finally(() => progress.clear());
  const { problems, snapshotCount, packCount, chunkCount, unusedChunkCount, packBytes } = result;
  if (flags.json) {
    writeText(stdoutFd, `${toJson(result, 2)}\n`);
  } else {
    for (const { place, what } of problems) writeText(stdoutFd, `${printable(`${place}: ${what}`)}\n`);
    const unused = unusedChunkCount === 0 ? '' : `, ${unusedChunkCount} of them unused`;
    const verdict = problems.length === 0 ? 'nothing is wrong' : `${problems.length} problems`;
    const size = `${chunkCount} chunks${unused} in ${packCount} packs (${formatSize(packBytes)})`;
    writeText(stdoutFd, `${snapshotCount} snapshots, ${size}: ${verdict}\n`);
  }
  if (problems.length > 0) process.exitCode = exitCodes.failure;
}
