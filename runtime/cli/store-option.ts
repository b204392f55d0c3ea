// What the commands that work on a store share: --store, and how a snapshot is shown.

import type { Command } from 'commander';
import { defaultStoreDirectory, openStore, type Store, type StoredSnapshot } from '../index.ts';

export interface StoreFlags {
  readonly store?: string;
  readonly json?: true;
}

/** Enough of an id to be unique among millions. */
const shownIdDigits = 12;

export function addStoreOption(command: Command): Command {
  return command.option('--store <dir>', "the store (default: the user's own, $XDG_DATA_HOME/wvm/store)");
}

/** Runs `action` on the store of the flags, and closes it. */
export async function withStore<Value>(
  flags: StoreFlags,
  action: (store: Store) => Promise<Value>,
  options: { readonly create: boolean } = { create: false },
): Promise<Value> {
  const store = await openStore(flags.store ?? defaultStoreDirectory(), options);
  try {
    return await action(store);
  } finally {
    await store.close();
  }
}

export function shortId(id: string): string {
  return id.slice(0, shownIdDigits);
}

/** Length of the single-file image of a snapshot, but for headers. */
export function imageBytes({ manifest }: StoredSnapshot): number {
  let sizeBytes = 0;
  for (const record of manifest.records) sizeBytes += record.sizeBytes;
  for (const { usedPageCount } of manifest.memories) sizeBytes += usedPageCount * 4096;
  return sizeBytes;
}

/** Columns as wide as their longest cell. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ');
  return `${rows.map((row) => line(row).trimEnd()).join('\n')}\n`;
}

/** Names come from elsewhere, and may hold what moves a terminal's cursor. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
