import { mkdirSync, mkdtempSync, readdirSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FolderLeases } from './folder-leases.ts';
import { newOwnerName } from './owner.ts';
import { nodeSystemCalls } from './system-calls.ts';

const HOUR_MS = 3_600_000;
let directory: string;
let leases: FolderLeases;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wvm-leases-test-'));
  mkdirSync(join(directory, 'leases'));
  leases = new FolderLeases(directory, nodeSystemCalls, 50);
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

function held(): string[] {
  return readdirSync(join(directory, 'leases'));
}

/** A lease as another host would have made it, that was touched so long ago. */
function foreign(kind: string, agedMs: number): string {
  const path = join(directory, 'leases', `${kind}-${newOwnerName().replace(/^[0-9a-f]{8}/, '00000000')}`);
  writeFileSync(path, '');
  const touched = new Date(Date.now() - agedMs);
  utimesSync(path, touched, touched);
  return path;
}

test('many hold shared leases, or one an exclusive one', async () => {
  const [one, two] = [await leases.acquire('shared'), await leases.acquire('shared')];
  await expect(leases.acquire('exclusive')).rejects.toMatchObject({ code: 'WVM_STORE_BUSY' });
  await one.release();
  await two.release();
  const exclusive = await leases.acquire('exclusive');
  await expect(leases.acquire('shared')).rejects.toMatchObject({ code: 'WVM_STORE_BUSY' });
  await exclusive.release();
  expect(held()).toEqual([]);
});

test('a lease of a process that is no more is void', async () => {
  const own = newOwnerName();
  const [host, boot] = own.split('-');
  writeFileSync(join(directory, 'leases', `exclusive-${host}-${boot}-${process.pid}-1-0123456789ab`), '');
  writeFileSync(join(directory, 'leases', `exclusive-${host}-00000000-${process.pid}-1-0123456789ab`), '');
  await (await leases.acquire('exclusive')).release();
  expect(held()).toEqual([]);
});

test('a lease of another host counts while it is touched, whatever the clock here says', async () => {
  const path = foreign('shared', HOUR_MS / 2);
  await expect(leases.acquire('exclusive')).rejects.toMatchObject({ code: 'WVM_STORE_BUSY' });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 24 * HOUR_MS });
  await expect(leases.acquire('exclusive')).rejects.toMatchObject({ code: 'WVM_STORE_BUSY' });
  vi.useRealTimers();
  unlinkSync(path);
  foreign('exclusive', HOUR_MS * 1.1);
  await (await leases.acquire('shared')).release();
  expect(held()).toEqual([]);
});

test('waiting takes as long as it takes, also when the clock is set anew meanwhile', async () => {
  const exclusive = await leases.acquire('exclusive');
  const patient = new FolderLeases(directory, nodeSystemCalls, 60_000);
  const waiting = patient.acquire('shared');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 24 * HOUR_MS });
  await exclusive.release();
  await (await waiting).release();
});

test('who has lost a lease learns it; who holds one touches it', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const touched: string[] = [];
  const calls = { ...nodeSystemCalls, touch: async (path: string) => void touched.push(path) };
  const lease = await new FolderLeases(directory, calls).acquire('shared');
  await lease.check();
  vi.advanceTimersByTime(HOUR_MS);
  expect(touched.length).toBeGreaterThan(3);
  for (const name of held()) unlinkSync(join(directory, 'leases', name));
  await expect(lease.check()).rejects.toMatchObject({ code: 'WVM_STORE_BUSY' });
  await lease.release();
  touched.length = 0;
  vi.advanceTimersByTime(HOUR_MS);
  expect(touched).toEqual([]);
});
