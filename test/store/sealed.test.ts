import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../runtime/host/store/open-store.ts';
import { removeDirectory, TestMachine, temporaryDirectory } from './machines.ts';

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => removeDirectory(directory));

const secret = randomBytes(32);
const pair = generateKeyPairSync('ed25519');
const signing = { signing: pair.privateKey, verify: pair.publicKey };
const kinds = { encrypted: { secret }, signed: signing, 'encrypted and signed': { secret, ...signing } };

for (const [kind, keys] of Object.entries(kinds)) {
  test(`a store that is ${kind} gives back what it got, collects, copies, and refuses every edited file`, async () => {
    const store = await openStore(directory, { keys });
    const machine = new TestMachine(32);
    machine.bytes.fill(0x41, 0, 200_000);
    machine.fill(100, 120);
    const one = await store.commit(machine.increment(null));
    machine.tracker.confirm();
    machine.fill(0, 3);
    const two = await store.commit(machine.increment(one.id));
    await store.tag('kept', two.id);
    const again = await openStore(directory, { keys });
    const image = Buffer.concat(await Array.fromAsync(again.exportImage(await again.resolve('kept'))));
    expect(image.equals(machine.image())).toBe(true);
    await again.remove([one.id]);
    await again.collect();
    expect((await again.verify({ deep: true })).problems).toEqual([]);
    const plainDirectory = temporaryDirectory();
    const plain = await openStore(plainDirectory);
    await again.copyTo(plain, two.id);
    expect((await plain.verify({ deep: true })).problems).toEqual([]);
    removeDirectory(plainDirectory);

    if ('secret' in keys) {
      const all = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      for (const { parentPath, name } of all) {
        expect(readFileSync(join(parentPath, name)).includes('counter')).toBe(false);
      }
    }
    for (const folder of ['packs', 'snapshots', 'tags']) {
      for (const name of readdirSync(join(directory, folder))) {
        const path = join(directory, folder, name);
        const good = readFileSync(path);
        for (let k = 0; k < 12; k++) {
          const edited = Buffer.from(good);
          edited[Math.floor((good.length - 1) * (k / 11))]! ^= 4;
          writeFileSync(path, edited);
          const victim = await openStore(directory, { keys }).catch(() => undefined);
          const result = await victim?.verify({ deep: true }).then(
            ({ problems }) => problems.length,
            () => 1,
          );
          expect(result ?? 1, `${folder}, ${k}`).toBeGreaterThan(0);
        }
        writeFileSync(path, good);
      }
    }
  });
}

test('a store says which key it wants', async () => {
  await openStore(directory, { keys: { secret } });
  await expect(openStore(directory)).rejects.toThrow(/is encrypted$/);
  await expect(openStore(directory, { keys: { secret: randomBytes(32) } })).rejects.toThrow(/another key/);
  const plain = join(directory, 'packs', 'x');
  await openStore(plain);
  await expect(openStore(plain, { keys: { secret } })).rejects.toThrow(/not encrypted, but a key was given/);
});

test('without the key to sign, a signed store can be read and not added to', async () => {
  const store = await openStore(directory, { keys: signing });
  const machine = new TestMachine(1);
  machine.fill(0, 1);
  const { id } = await store.commit(machine.whole());
  const reader = await openStore(directory, { keys: { verify: pair.publicKey } });
  expect(Buffer.concat(await Array.fromAsync(reader.exportImage(id))).equals(machine.image())).toBe(true);
  await expect(reader.commit(machine.whole({ createdAtMs: 1 }))).rejects.toMatchObject({ code: 'WVM_KEY' });
  const stranger = generateKeyPairSync('ed25519').publicKey;
  const other = await openStore(directory, { keys: { verify: stranger } }).catch((error: Error) => error);
  expect(other).toMatchObject({ code: 'WVM_IMAGE_SIGNATURE' });
  expect((other as Error).message).toContain(`store ${directory}: packs/`);
});
