// wvm rm: forgets snapshots.

import type { Command } from 'commander';
import type { SnapshotId } from '../index.ts';
import { toJson } from './report.ts';
import { addStoreOption, type StoreFlags, shortId, withStore } from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';

export function define(command: Command): void {
  addStoreOption(command)
    .description('Forget snapshots and their tags. wvm gc then frees what only they needed.')
    .argument('<snapshot...>', 'ids (or their beginnings), tags, or machines (the newest of each)')
    .option('--json', 'print the ids as JSON')
    .addHelpText('after', '\nExamples:\n  wvm rm 3f2a 90bc\n  wvm rm before-upgrade && wvm gc')
    .action(rm);
}

async function rm(snapshots: readonly string[], flags: StoreFlags): Promise<void> {
  await withStore(flags, async (store) => {
    const ids: SnapshotId[] = [];
    for (const snapshot of snapshots) ids.push(await store.resolve(snapshot));
    const unique = [...new Set(ids)];
    await store.remove(unique);
    if (flags.json) writeText(stdoutFd, `${toJson(unique)}\n`);
    else for (const id of unique) writeText(stdoutFd, `removed ${shortId(id)}\n`);
  });
}
