// Opens the store of a folder (by default the user's own, `$XDG_DATA_HOME/wvm/store`) or of a bucket.

import { createHmac, hash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WvmError } from '../../base/wvm-error.ts';
import type { ChunkId } from '../../snapshot/store/chunk-id.ts';
import type { StoreFiles, StoreLeases, StorePorts } from '../../snapshot/store/ports.ts';
import { Store } from '../../snapshot/store/store.ts';
import { dataDirectory } from '../data-directory.ts';
import { imagePorts } from '../images/image-ports.ts';
import { SealedFiles, type StoreKeys } from '../seal/sealed-files.ts';
import { FolderFiles } from './folder-files.ts';
import { FolderLeases } from './folder-leases.ts';
import { readThreads } from './read-threads.ts';
import { nodeSystemCalls, type SystemCalls } from './system-calls.ts';
import { zstdCodec } from './zstd-codec.ts';

/** `$XDG_DATA_HOME/wvm/store`, or the same in ~/.local/share. */
export function defaultStoreDirectory(): string {
  return join(dataDirectory(), 'store');
}

export interface OpenStoreOptions {
  /** Make it if there is none. Default: true. */
  readonly create?: boolean;
  /** Of a store that is encrypted or signed. */
  readonly keys?: StoreKeys;
}

export async function openStore(
  directory: string = defaultStoreDirectory(),
  options: OpenStoreOptions = {},
): Promise<Store> {
  return await Store.open(await folderPorts(resolve(directory), nodeSystemCalls, options));
}

/** A folder, or s3://BUCKET/PREFIX: an S3-compatible bucket, through the official SDK. */
export async function openStoreAt(place: string, options: OpenStoreOptions = {}): Promise<Store> {
  if (!place.startsWith('s3://')) return await openStore(place, options);
  const { openBucket } = await import('./bucket-files.ts');
  const files = sealedWith(await openBucket(place), options.keys);
  return await Store.open({ ...hostPorts(), files, leases: bucketLeases(place) });
}

/** A bucket has no locks: everybody may add, and nobody may remove. */
function bucketLeases(place: string): StoreLeases {
  return {
    async acquire(kind) {
      if (kind === 'shared') return { check: async () => {}, release: async () => {} };
      throw new WvmError('WVM_USAGE', `${place}: nothing can be removed from a bucket that others may be reading`, {
        hint: 'pull what shall stay into a new place, and remove the old one with the tools of the bucket',
      });
    },
  };
}

/** `patienceMs`: how long to wait for other processes before WVM_STORE_BUSY. */
export async function folderPorts(
  directory: string,
  calls: SystemCalls,
  options: OpenStoreOptions & { readonly patienceMs?: number } = {},
): Promise<StorePorts> {
  const keyCheck = options.keys?.secret === undefined ? null : keyCheckOf(options.keys.secret);
  const files = await FolderFiles.open(directory, calls, options.create ?? true, keyCheck);
  return {
    ...hostPorts(),
    files: sealedWith(files, options.keys),
    leases: new FolderLeases(directory, calls, options.patienceMs),
  };
}

function sealedWith(files: StoreFiles, keys: StoreKeys = {}): StoreFiles {
  const isSealed = keys.secret !== undefined || keys.signing !== undefined || keys.verify !== undefined;
  return isSealed ? new SealedFiles(files, keys) : files;
}

/** Tells one key from another, and nothing else of it. */
function keyCheckOf(secret: Uint8Array): string {
  return createHmac('sha256', secret).update('wvm store').digest('hex').slice(0, 16);
}

function hostPorts(): Omit<StorePorts, 'files' | 'leases'> {
  return {
    codec: zstdCodec,
    digest: (bytes) => hash('sha256', bytes, 'latin1') as ChunkId,
    aside: readThreads,
    nextTurn,
    nowMs: () => Date.now(),
    image: imagePorts(),
  };
}
