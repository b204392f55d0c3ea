// wvm pull: copies a snapshot from another store.

import type { Command } from 'commander';
import { addStoreOption } from './store-option.ts';
import { addOtherOptions, type TransferFlags, transfer } from './transfer.ts';

export function define(command: Command): void {
  addOtherOptions(addStoreOption(command))
    .description('Copy a snapshot out of another store. Only what is missing here travels.')
    .argument('<snapshot>', 'id (or its beginning), tag or machine (its newest)')
    .argument('<place>', 'the other store: a folder, or s3://BUCKET/PREFIX')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExamples:\n  wvm pull app /mnt/backup/wvm\n  wvm pull 3f2a s3://bucket/wvm')
    .action((snapshot: string, place: string, flags: TransferFlags) => transfer('pull', snapshot, place, flags));
}
