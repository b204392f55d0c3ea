// wvm push: copies a snapshot to another store.

import type { Command } from 'commander';
import { addStoreOption } from './store-option.ts';
import { addOtherOptions, type TransferFlags, transfer } from './transfer.ts';

export function define(command: Command): void {
  addOtherOptions(addStoreOption(command))
    .description('Copy a snapshot into another store. Only what is missing there travels.')
    .argument('<snapshot>', 'id (or its beginning), tag or machine (its newest)')
    .argument('<place>', 'the other store: a folder, or s3://BUCKET/PREFIX')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExamples:\n  wvm push app /mnt/backup/wvm\n  wvm push 3f2a s3://bucket/wvm')
    .action((snapshot: string, place: string, flags: TransferFlags) => transfer('push', snapshot, place, flags));
}
