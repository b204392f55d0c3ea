// Waits for a time that go on in another machine, on clocks of the host: what is left of them is waited for, however long the
// machine was an image. (On clocks of the machine alone they are in test/guest, at every place.)

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { guestNamed } from '../../guest/manifest.ts';
import { Machine, type ResumeOptions } from '../../runtime/index.ts';
import { moduleOf } from '../guest/modes.ts';

/** As in guest/programs/timeouts.c. */
const WAIT_MS = 600;
const AT_MS = 250;
/** Longer than what is left. */
const AS_IMAGE_MS = 800;

it('O06 sleep, poll, epoll, futex, sigtimedwait, alarm, ticks and a thread’s futex wait for the rest of their time', {
  retry: 2,
}, async () => {
  const chunks: Uint8Array[] = [];
  const options: ResumeOptions = {
    stdin: 'null',
    stdout: (chunk) => chunks.push(chunk),
    stderr: 'null',
    cacheDirectory: null,
  };
  const text = (): string => Buffer.concat(chunks).toString();
  const machine = await Machine.load(moduleOf(guestNamed('timeouts')), options);
  const running = machine.run();
  while (text() !== 'all wait\n') await sleep(5);
  await sleep(AT_MS);
  const taken = await machine.snapshot({ stop: true });
  expect(await running).toEqual({ kind: 'stopped', reason: 'snapshot' });
  const image = Buffer.concat(taken.chunks);
  machine.kill();
  expect(machine.processes().filter(({ state }) => state === 'zombie')).toEqual([]);
  await sleep(AS_IMAGE_MS);

  const copy = await Machine.resume(image, options);
  const start = performance.now();
  expect(await copy.run()).toEqual({ kind: 'exit', code: 0 });
  const tookMs = performance.now() - start;
  // The guest itself finds that no wait was too short or too long.
  expect(text()).toBe('all wait\nPASS\n');
  expect(tookMs).toBeGreaterThan(50);
  expect(tookMs).toBeLessThan(WAIT_MS);
});
