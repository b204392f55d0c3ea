// wvm gc: frees what no snapshot needs, and snapshots that nothing keeps.

import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { Progress } from './progress.ts';
import { formatSize, parseDuration } from './quantities.ts';
import { toJson } from './report.ts';
import { addStoreOption, type StoreFlags, withStore } from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';

interface GcFlags extends StoreFlags {
  readonly keep?: number;
  readonly keepWithin?: number;
}

export function define(command: Command): void {
  addStoreOption(command)
    .description('Free what no snapshot needs. Snapshots go only if --keep or --keep-within says so.')
    .option('--keep <number>', 'of each machine keep so many of the newest', parseCount)
    .option('--keep-within <duration>', 'keep what is younger (12h, 7d)', parseDuration)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
A snapshot stays if one of the two options keeps it, if it has a tag, or if it is the newest of its
machine. Safe beside running machines and other wvm processes.

Examples:
  wvm gc
  wvm gc --keep 60 --keep-within 1d`,
    )
    .action(gc);
}

async function gc(flags: GcFlags): Promise<void> {
  const progress = new Progress();
  const policy = {
    ...(flags.keep === undefined ? {} : { keepCount: flags.keep }),
    ...(flags.keepWithin === undefined ? {} : { keepAgeMs: flags.keepWithin }),
  };
  const collect = withStore(flags, (store) => store.collect(policy, progress.show));
  const result = await collect.finally(() => progress.clear());
  if (flags.json) {
    writeText(stdoutFd, `${toJson(result, 2)}\n`);
    return;
  }
  const { removedSnapshots, removedChunkCount, freedBytes } = result;
  const what = `removed ${removedSnapshots.length} snapshots and ${removedChunkCount} chunks`;
  writeText(stdoutFd, `${what}, freed ${formatSize(Math.max(0, freedBytes))}\n`);
}

function parseCount(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('Write a whole number above 0.');
  return Number(text);
}
