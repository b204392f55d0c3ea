// A store of each released version is read for ever: files as they were written then, plain and sealed. Before the first release
// WVM_WRITE_GOLDEN=1 writes them anew, together with the golden image.

import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { imagePorts } from '../../runtime/host/images/image-ports.ts';
import type { StoreKeys } from '../../runtime/host/seal/sealed-files.ts';
import { openStore } from '../../runtime/host/store/open-store.ts';
import { readVerifyKey } from '../../runtime/index.ts';
import { encodeImage, encodeStateRecords } from '../../runtime/snapshot/encode-image.ts';
import { wholeMemories } from '../../runtime/snapshot/store/store.ts';
import { sampleBlocks, sampleMachine } from '../../runtime/snapshot/testing/sample-machine.ts';
import { removeDirectory, temporaryDirectory } from './machines.ts';

interface Golden {
  /** Of the key that the sealed one is signed with. */
  readonly verifyKey: string;
  /** By path in the store: base64. */
  readonly plain: Readonly<Record<string, string>>;
  readonly sealed: Readonly<Record<string, string>>;
}

const goldenFile = fileURLToPath(new URL('golden-v1.json', import.meta.url));
const secret = new Uint8Array(32).fill(7);
const PARTS = ['wvm-store', 'packs', 'snapshots', 'tags'];

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => removeDirectory(directory));

async function write(place: string, keys?: StoreKeys): Promise<Record<string, string>> {
  const store = await openStore(place, keys === undefined ? {} : { keys });
  const state = sampleMachine();
  const { id } = await store.commit({
    machineId: 'a0000001',
    machineName: state.name,
    parent: null,
    reason: 'request',
    stopNs: 1_500_000,
    createdAtMs: 1_750_000_000_000,
    blocks: sampleBlocks(),
    describe: () => ({ records: encodeStateRecords(state), memories: wholeMemories(state) }),
  });
  await store.tag('golden', id);
  await store.close();
  const files: Record<string, string> = {};
  for (const entry of readdirSync(place, { recursive: true, withFileTypes: true })) {
    const path = relative(place, join(entry.parentPath, entry.name));
    if (entry.isFile() && PARTS.includes(path.split('/')[0]!)) files[path] = readFileSync(join(place, path), 'base64');
  }
  return files;
}

if (process.env['WVM_WRITE_GOLDEN'] === '1') {
  test('writes the golden store anew', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const golden: Golden = {
      verifyKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      plain: await write(join(directory, 'plain')),
      sealed: await write(join(directory, 'sealed'), { secret, signing: privateKey }),
    };
    writeFileSync(goldenFile, `${JSON.stringify(golden, undefined, 2)}\n`);
  });
}

for (const kind of ['plain', 'sealed'] as const) {
  test(`V06 the golden store of version 1 (${kind}) is whole, and gives its image byte for byte`, async () => {
    const golden = JSON.parse(readFileSync(goldenFile, 'utf8')) as Golden;
    for (const [path, contents] of Object.entries(golden[kind])) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), Buffer.from(contents, 'base64'));
    }
    for (const folder of ['leases', 'tmp', 'tags']) mkdirSync(join(directory, folder), { recursive: true });
    const keyFile = join(directory, 'tmp', 'verify.pem');
    writeFileSync(keyFile, golden.verifyKey);
    const verify = readVerifyKey({ file: keyFile, variable: 'WVM_NO_SUCH_VARIABLE' });
    const store = await openStore(directory, kind === 'plain' ? {} : { keys: { secret, verify } });
    const { problems, snapshotCount } = await store.verify({ deep: true });
    expect([problems, snapshotCount]).toEqual([[], 1]);
    const id = await store.resolve('golden');
    const image = Buffer.concat([...encodeImage(sampleMachine(), sampleBlocks(), imagePorts())]);
    expect(Buffer.concat(await Array.fromAsync(store.exportImage(id))).equals(image)).toBe(true);
    expect(await store.manifest(id)).toMatchObject({ sequence: 1, reason: 'request', stopNs: 1_500_000 });
    await store.close();
  });
}
