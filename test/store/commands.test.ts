import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../runtime/host/store/open-store.ts';
import { Bench, type Result } from '../cli/wvm.ts';
import { TestMachine } from './machines.ts';

let bench: Bench;
let ids: string[];
let image: Buffer;

beforeAll(async () => {
  bench = new Bench();
  const store = await openStore(bench.path('store'));
  const machine = new TestMachine(64);
  machine.fill(0, 200);
  ids = [];
  for (let round = 0; round < 4; round++) {
    machine.tick = round;
    const parent = (ids.at(-1) ?? null) as never;
    ids.push((await store.commit(machine.increment(parent, { createdAtMs: 1e12 + round * 1000, stopNs: 1e6 }))).id);
    machine.tracker.confirm();
    image = machine.image();
    machine.fill(round * 20, 4);
  }
  await store.close();
});
afterAll(() => bench.close());

function wvm(...args: string[]): Promise<Result> {
  return bench.run(args, { env: { XDG_DATA_HOME: bench.path('data') } });
}

async function json<Value = never>(...args: string[]): Promise<Value> {
  const { code, stdout, stderr } = await wvm(...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Value;
}

test('log lists snapshots, newest first', async () => {
  const { stdout } = await wvm('log', 'counter', '--store', 'store');
  const lines = stdout.trim().split('\n');
  expect(lines.length).toBe(5);
  expect(lines[1]).toMatch(
    new RegExp(`^${ids[3]!.slice(0, 12)}  counter +4 .* ${ids[2]!.slice(0, 12)} .* 1.0 ms +request$`),
  );
  const entries: { id: string; sequence: number; newBytes: number }[] = await json('log', '--store', 'store');
  expect(entries.map(({ id }) => id)).toEqual(ids.toReversed());
  expect(entries[0]!.newBytes).toBeLessThan(entries[3]!.newBytes / 10);
  expect((await wvm('log', 'nobody', '--store', 'store')).stdout.trim().split('\n').length).toBe(1);
});

test('--json prints the fields that STORE.md names', async () => {
  const document = readFileSync(new URL('../../runtime/snapshot/store/STORE.md', import.meta.url), 'utf8');
  const fieldsOf = (command: string): string[] => {
    const row = document
      .split('\n')
      .find((line) => line.startsWith('| `') && line.split('|')[1]!.includes(`\`${command}\``));
    const text = row!.split('|')[2]!.replaceAll(/\([^)]*\)/g, '');
    return text.replace('of each: ', '').trim().split(/ *, */);
  };
  const store = ['--store', 'store'];
  const printed: Record<string, object> = {
    log: (await json<object[]>('log', ...store))[0]!,
    diff: await json('diff', ids[0]!, ids[1]!, ...store),
    export: await json('export', ids[0]!, 'fields.wvm', ...store),
    import: await json('import', 'fields.wvm', '--store', 'fields'),
    push: await json('push', ids[0]!, 'fields', ...store),
    pull: await json('pull', ids[0]!, 'fields', ...store),
    verify: await json('verify', ...store),
    gc: await json('gc', '--store', 'fields'),
  };
  for (const [command, value] of Object.entries(printed)) {
    expect(Object.keys(value).sort(), command).toEqual(fieldsOf(command).sort());
  }
  expect(await json('tag', 'fields', ids[0]!, ...store)).toEqual({ tag: 'fields', id: ids[0] });
  expect(await json('tag', ...store)).toMatchObject({ fields: ids[0] });
  expect(await json('tag', '-d', 'fields', ...store)).toEqual({ removed: 'fields' });
  expect(await json('rm', ids[0]!, '--store', 'fields')).toEqual([ids[0]]);
});

test('diff tells pages and state, and draws a map', async () => {
  const { stdout } = await wvm('diff', ids[0]!.slice(0, 8), ids[2]!, '--store', 'store', '--pages');
  expect(stdout).toContain('process 1 memory 0: 8 of 1024 pages differ, 32.0 KiB');
  expect(stdout).toContain('fuel used: 0 -> 2');
  expect(stdout).toContain('####................####');
  const same = await wvm('diff', ids[0]!, ids[0]!, '--store', 'store');
  expect(same.stdout).toContain('no difference');
});

test('tags name snapshots and keep them', async () => {
  await wvm('tag', 'start', ids[0]!, '--store', 'store');
  expect(await json('tag', '--store', 'store')).toEqual({ start: ids[0] });
  expect((await wvm('tag', 'start', '--store', 'store')).code).toBe(2);
  expect((await wvm('tag', 'abcdef', ids[0]!, '--store', 'store')).stderr).toContain('WVM_USAGE');
});

test('export gives the image, import takes it; - is a pipe', async () => {
  await wvm('export', 'counter', 'a.wvm', '--store', 'store');
  expect(readFileSync(bench.path('a.wvm')).equals(image)).toBe(true);
  expect(Buffer.from((await wvm('export', ids[3]!, '-', '--store', 'store')).stdout, 'latin1').equals(image)).toBe(
    true,
  );
  const { id }: { id: string } = await json('import', 'a.wvm');
  expect(readdirSync(bench.path('data/wvm/store/snapshots'))).toEqual([id]);
  const piped = await bench.run(['import', '-', '--store', 'other'], { input: image });
  expect([piped.code, piped.stderr]).toEqual([0, '']);
  writeFileSync(bench.path('bad.wvm'), image.subarray(0, 5000));
  const bad = await wvm('import', 'bad.wvm');
  expect([bad.code, bad.stderr]).toEqual([125, expect.stringContaining('WVM_IMAGE_TRUNCATED')]);
});

test('push and pull copy what is missing', async () => {
  await wvm('push', ids[1]!, 'remote', '--store', 'store');
  const pushed: { chunkCount: number; sentChunkCount: number } = await json(
    'push',
    ids[2]!,
    'remote',
    '--store',
    'store',
  );
  expect(pushed.sentChunkCount).toBeLessThan(20);
  expect(pushed.chunkCount).toBeGreaterThan(200);
  await wvm('pull', 'counter', 'remote', '--store', 'third');
  expect((await wvm('log', '--store', 'third')).stdout).toContain(ids[2]!.slice(0, 12));
  expect(await json('verify', '--deep', '--store', 'third')).toMatchObject({ problems: [], snapshotCount: 1 });
  expect((await wvm('pull', 'counter', 'nowhere')).stderr).toMatch(/WVM_FILE: .*nowhere: there is no store/);
});

test('verify finds damage, and says so in its exit code', async () => {
  expect((await wvm('verify', '--deep', '--store', 'store')).stdout).toContain('nothing is wrong');
  await wvm('push', ids[0]!, 'damaged', '--store', 'store');
  const packs = bench.path('damaged/packs');
  const file = join(packs, readdirSync(packs)[0]!);
  copyFileSync(file, bench.path('whole'));
  const bytes = readFileSync(file);
  bytes[1000]! ^= 1;
  writeFileSync(file, bytes);
  expect((await wvm('verify', '--store', 'damaged')).code).toBe(0);
  const deep = await wvm('verify', '--deep', '--store', 'damaged');
  expect([deep.code, deep.stdout]).toEqual([125, expect.stringContaining('has another SHA-256')]);
});

test('rm forgets, gc frees', async () => {
  await wvm('push', ids[1]!, 'small', '--store', 'store');
  await wvm('push', ids[3]!, 'small', '--store', 'store');
  await wvm('rm', ids[1]!, '--store', 'small');
  const { removedSnapshots }: { removedSnapshots: string[] } = await json('gc', '--keep', '1', '--store', 'small');
  expect(removedSnapshots).toEqual([]);
  expect(await json('verify', '--deep', '--store', 'small')).toMatchObject({ problems: [], snapshotCount: 1 });
  expect((await wvm('rm', 'ffffffff', '--store', 'small')).stderr).toContain('WVM_NO_SUCH_SNAPSHOT');
  expect((await wvm('gc', '--keep', '0', '--store', 'small')).code).toBe(2);
});

test('images and stores may be encrypted and signed', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(bench.path('sign.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(bench.path('verify.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(bench.path('key'), 'ab'.repeat(32));
  await wvm('export', 'counter', 'sealed.wvm', '--store', 'store', '--key', 'key', '--sign', 'sign.pem');
  const store = ['--store', 'sealed', '--store-key', 'key'];
  expect((await wvm('import', 'sealed.wvm', ...store)).stderr).toContain('WVM_KEY');
  const keys = ['--key', 'key', '--verify', 'verify.pem'];
  expect((await wvm('import', 'sealed.wvm', ...keys, ...store)).code).toBe(0);
  const bytes = readFileSync(bench.path('sealed.wvm'));
  bytes[5000]! ^= 1;
  writeFileSync(bench.path('sealed.wvm'), bytes);
  expect((await wvm('import', 'sealed.wvm', ...keys, ...store)).stderr).toContain('WVM_IMAGE_SIGNATURE');
  expect((await wvm('log', '--store', 'sealed')).stderr).toContain('is encrypted');
  await wvm('pull', 'sämple', 'sealed', '--other-key', 'key', '--store', 'plain');
  await wvm('export', 'sämple', 'b.wvm', '--store', 'plain');
  expect(readFileSync(bench.path('b.wvm')).equals(image)).toBe(true);
});
