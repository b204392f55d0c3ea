// Opens the store of a folder: by default the user's own, `$XDG_DATA_HOME/wvm/store`.

import { hash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ChunkId } from '../../snapshot/store/chunk-id.ts';
import type { StorePorts } from '../../snapshot/store/ports.ts';
import { Store } from '../../snapshot/store/store.ts';
import { imagePorts } from '../image-ports.ts';
import { FolderFiles } from './folder-files.ts';
import { FolderLeases } from './folder-leases.ts';
import { nodeSystemCalls, type SystemCalls } from './system-calls.ts';
import { zstdCodec } from './zstd-codec.ts';

/** `$XDG_DATA_HOME/wvm/store`, or the same in ~/.local/share. */
export function defaultStoreDirectory(): string {
  const base = process.env['XDG_DATA_HOME'];
  return join(base?.startsWith('/') ? base : join(homedir(), '.local', 'share'), 'wvm', 'store');
}

/** Opens a store, and makes it if there is none. */
export async function openStore(directory: string = defaultStoreDirectory()): Promise<Store> {
  return await Store.open(await folderPorts(resolve(directory), nodeSystemCalls));
}

/** `patienceMs`: how long to wait for other processes before WVM_STORE_BUSY. */
export async function folderPorts(directory: string, calls: SystemCalls, patienceMs?: number): Promise<StorePorts> {
  const files = await FolderFiles.open(directory, calls);
  return {
    files,
    leases: new FolderLeases(directory, calls, patienceMs),
    codec: zstdCodec,
    digest: (bytes) => hash('sha256', bytes, 'hex') as ChunkId,
    nowMs: () => Date.now(),
    image: imagePorts(),
  };
}
