// What wvm push and wvm pull share: one snapshot from one store to another, of which only what is missing travels.

import { openStoreAt, type Store } from '../index.ts';
import { Progress } from './progress.ts';
import { formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { type StoreFlags, shortId, withStore } from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';

/** `place`: a folder, or s3://BUCKET/PREFIX. */
export async function transfer(
  direction: 'push' | 'pull',
  snapshot: string,
  place: string,
  flags: StoreFlags,
): Promise<void> {
  const isPull = direction === 'pull';
  await withStore(
    flags,
    async (own) => {
      const other = await openStoreAt(place, { create: !isPull });
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
  const copied = from.copyTo(to, id, (done, total) => progress.show(done * 4096, total * 4096));
  const { chunkCount, sentChunkCount, sentBytes } = await copied.finally(() => progress.clear());
  if (flags.json) {
    writeText(stdoutFd, `${toJson({ id, chunkCount, sentChunkCount, sentBytes })}\n`);
    return;
  }
  const verb = direction === 'push' ? 'pushed' : 'pulled';
  const what = `${sentChunkCount} of ${chunkCount} chunks (${formatSize(sentBytes)})`;
  writeText(stdoutFd, `${shortId(id)}: ${verb} ${what}\n`);
}
