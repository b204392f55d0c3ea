// What wvm push and wvm pull share: one snapshot from one store to another, of which only what is missing travels.

import type { Command } from 'commander';
import { openStoreAt, type Store } from '../index.ts';
import { Progress } from './progress.ts';
import { formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { readStoreKeys, type StoreFlags, shortId, withStore } from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';

export interface TransferFlags extends StoreFlags {
  readonly otherKey?: string;
  readonly otherSign?: string;
  readonly otherVerify?: string;
}

export function addOtherOptions(command: Command): Command {
  return command
    .option('--other-key <file>', 'the key of the other store, if it is encrypted (or $WVM_OTHER_KEY)')
    .option('--other-sign <file>', 'sign what is added to the other store (or $WVM_OTHER_SIGN_KEY)')
    .option('--other-verify <file>', 'take from it only what is signed so (or $WVM_OTHER_VERIFY_KEY)');
}

/** `place`: a folder, or s3://BUCKET/PREFIX. */
export async function transfer(
  direction: 'push' | 'pull',
  snapshot: string,
  place: string,
  flags: TransferFlags,
): Promise<void> {
  const isPull = direction === 'pull';
  await withStore(
    flags,
    async (own) => {
      const files = { key: flags.otherKey, sign: flags.otherSign, verify: flags.otherVerify };
      const other = await openStoreAt(place, { create: !isPull, keys: readStoreKeys(files, 'WVM_OTHER') });
      try {
        await copy(direction, snapshot, isPull ? other : own, isPull ? own : other, flags);
      } finally {
        await other.close();
      }
    },
    { create: isPull },
  );
}

async function copy(direction: string, snapshot: string, from: Store, to: Store, flags: StoreFlags): Promise<void> {
  const progress = new Progress();
  const id = await from.resolve(snapshot);
  const copied = from.copyTo(to, id, progress.show);
  const { chunkCount, sentChunkCount, sentBytes } = await copied.finally(() => progress.clear());
  if (flags.json) {
    writeText(stdoutFd, `${toJson({ id, chunkCount, sentChunkCount, sentBytes })}\n`);
    return;
  }
  const verb = direction === 'push' ? 'pushed' : 'pulled';
  const what = `${sentChunkCount} of ${chunkCount} chunks (${formatSize(sentBytes)})`;
  writeText(stdoutFd, `${shortId(id)}: ${verb} ${what}\n`);
}
