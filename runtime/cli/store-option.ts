// What the commands that work on a store share: --store, and how a snapshot is shown.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import {
  defaultStoreDirectory,
  openStore,
  readSecretKey,
  readSigningKey,
  readVerifyKey,
  type Store,
  type StoredSnapshot,
  type StoreKeys,
} from '../index.ts';
import { exitOnStopSignals } from './stop-signals.ts';

/** Which store, and how it is sealed. */
export interface PlaceFlags {
  readonly store?: string;
  readonly storeKey?: string;
  readonly storeSign?: string;
  readonly storeVerify?: string;
}

export interface StoreFlags extends PlaceFlags {
  readonly json?: true;
}

/** Enough of an id to be unique among millions. */
const shownIdDigits = 12;

export function addStoreOption(command: Command): Command {
  command.option('--store <dir>', "the store (default: the user's own, $XDG_DATA_HOME/wvm/store)");
  return addStoreKeys(command);
}

export function addStoreKeys(command: Command): Command {
  return command
    .option('--store-key <file>', 'the key of an encrypted store (or $WVM_STORE_KEY)')
    .option('--store-sign <file>', 'sign what is added to the store (or $WVM_STORE_SIGN_KEY)')
    .option('--store-verify <file>', 'take from the store only what is signed so (or $WVM_STORE_VERIFY_KEY)');
}

/** Keys of the files that flags name, or of the environment: `WVM_STORE_KEY` and so on for the prefix `WVM_STORE`. */
export function readStoreKeys(
  files: {
    readonly key?: string | undefined;
    readonly sign?: string | undefined;
    readonly verify?: string | undefined;
  },
  prefix: string,
): StoreKeys {
  return {
    secret: readSecretKey({ file: files.key, variable: `${prefix}_KEY` }),
    signing: readSigningKey({ file: files.sign, variable: `${prefix}_SIGN_KEY` }),
    verify: readVerifyKey({ file: files.verify, variable: `${prefix}_VERIFY_KEY` }),
  };
}

export function storeKeys(flags: PlaceFlags): StoreKeys {
  return readStoreKeys({ key: flags.storeKey, sign: flags.storeSign, verify: flags.storeVerify }, 'WVM_STORE');
}

export function storePlace(flags: PlaceFlags): string {
  return flags.store === undefined
    ? defaultStoreDirectory()
    : isBucket(flags.store)
      ? flags.store
      : resolve(flags.store);
}

function isBucket(place: string): boolean {
  return place.startsWith('s3://');
}

/** Runs `action` on the store of the flags, and closes it. */
export async function withStore<Value>(
  flags: StoreFlags,
  action: (store: Store) => Promise<Value>,
  options: { readonly create: boolean } = { create: false },
): Promise<Value> {
  exitOnStopSignals();
  const store = await openStore(flags.store ?? defaultStoreDirectory(), { ...options, keys: storeKeys(flags) });
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
