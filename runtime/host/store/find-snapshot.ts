// The snapshot that a user means: what he calls it, and, of a machine with many, when.

import { WvmError } from '../../base/wvm-error.ts';
import type { Store, StoredSnapshot } from '../../snapshot/store/store.ts';

/** Which of a machine's snapshots: the one of this number, so many before the newest, or the newest that is as old. */
export type SnapshotMoment =
  | { readonly kind: 'sequence'; readonly sequence: number }
  | { readonly kind: 'back'; readonly count: number }
  | { readonly kind: 'before'; readonly timeMs: number };

/** `text`: the beginning of an id, a tag, or the name or id of a machine. Throws WVM_NO_SUCH_SNAPSHOT. */
export async function findSnapshot(store: Store, text: string, moment?: SnapshotMoment): Promise<StoredSnapshot> {
  const id = await store.resolve(text);
  const found = { id, manifest: await store.manifest(id) };
  if (moment === undefined) return found;
  const { machineId, machineName } = found.manifest;
  // Newest first.
  const history = await store.log(machineId);
  const wanted = history.find(({ manifest }, index) => {
    if (moment.kind === 'back') return index === moment.count;
    return moment.kind === 'sequence' ? manifest.sequence === moment.sequence : manifest.createdAtMs <= moment.timeMs;
  });
  if (wanted !== undefined) return wanted;
  throw new WvmError('WVM_NO_SUCH_SNAPSHOT', `${text}: ${machineName} has no snapshot ${momentText(moment)}`, {
    hint: `see wvm log ${machineId}`,
  });
}

function momentText(moment: SnapshotMoment): string {
  if (moment.kind === 'back') return `${moment.count} before its newest`;
  return moment.kind === 'sequence'
    ? `number ${moment.sequence}`
    : `that is as old as ${new Date(moment.timeMs).toISOString()}`;
}
