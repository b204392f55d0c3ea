import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WvmError } from '../../base/wvm-error.ts';
import type { ProcessInfo } from '../machine/machine-status.ts';
import { ControlClient } from './control-client.ts';
import {
  decodeFrames,
  encodeImageHeader,
  encodeMessage,
  type MachineInfo,
  type StoredSnapshotInfo,
} from './control-protocol.ts';
import { type ControlImage, ControlServer, type ControlTarget, type SaveRequest } from './control-server.ts';

/** A machine that only remembers what was done to it. */
class RecordingTarget implements ControlTarget {
  readonly id = 'f0000001';
  readonly log: string[] = [];
  chunks: Uint8Array[] = [new Uint8Array(300_000).fill(1), new Uint8Array(0), new Uint8Array(5).fill(2)];

  info(): MachineInfo {
    return {
      id: this.id,
      name: 'app',
      pid: process.pid,
      program: 'app.wasm',
      state: 'running',
      startedAtMs: 1,
      memoryBytes: 65_536,
      fuelUsed: '18446744073709551615',
    };
  }

  async snapshot(options: { stop: boolean; includeModule: boolean }): Promise<ControlImage> {
    this.log.push(`snapshot ${options.stop ? 'stop' : 'run'}${options.includeModule ? ' module' : ''}`);
    let open = true;
    const conclude = (what: string): void => {
      if (open) this.log.push(what);
      open = false;
    };
    return {
      chunks: this.chunks,
      sizeBytes: this.chunks.reduce((sum, chunk) => sum + chunk.length, 0),
      stopNs: 5n,
      totalNs: 7n,
      commit: () => conclude('commit'),
      abort: () => conclude('abort'),
    };
  }

  async save({ store, stop, tag, onProgress }: SaveRequest): Promise<StoredSnapshotInfo> {
    this.log.push(`save ${store} ${stop ? 'stop' : 'run'} ${tag}`);
    if (tag === 'bad') throw new WvmError('WVM_STORE_CORRUPT', 'store: damaged');
    onProgress(4096);
    await sleep(500);
    return { id: 'abc', sequence: 3, sizeBytes: 9, newBytes: 5, stopNs: 1, totalNs: 2 };
  }

  async processes(): Promise<readonly ProcessInfo[]> {
    const process = (pid: number): ProcessInfo => ({
      pid,
      parentPid: pid === 1 ? 0 : 1,
      processGroup: 1,
      session: 1,
      args: ['app', '\u0001'.repeat(5000), 'more'],
      state: 'running',
      threadCount: 1,
      scheduling: '',
      fdCount: 3,
      memoryBytes: 65_536,
    });
    return Array.from({ length: 300 }, (_, k) => process(k + 1));
  }

  kill(signal: string): void {
    if (signal === 'SIGFOO') throw new WvmError('WVM_USAGE', 'kill: no such signal', { hint: 'use another' });
    this.log.push(`kill ${signal}`);
  }

  continue(): void {
    throw new WvmError('WVM_USAGE', 'continue: not frozen');
  }
}

let directory: string;
let socketPath: string;
let target: RecordingTarget;
let server: ControlServer;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'wvm-control-'));
  socketPath = join(directory, 'x.sock');
  target = new RecordingTarget();
  server = new ControlServer(target, { stallMs: 200 });
  await server.listen(socketPath);
});

afterEach(async () => {
  await server.close({ drain: false });
  rmSync(directory, { recursive: true, force: true });
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    expect(tries).toBeLessThan(1000);
    await sleep(5);
  }
}

function rawConnection(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => resolve(socket));
    socket.on('error', () => {});
  });
}

test('the socket is for its user only', () => {
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
});

describe('a conversation', () => {
  test('answers one request after the other, refusals too', async () => {
    const client = await ControlClient.connect(socketPath);
    expect(await client.info()).toEqual(target.info());
    await client.kill('SIGTERM');
    await expect(client.kill('SIGFOO')).rejects.toMatchObject({ code: 'WVM_USAGE', hint: 'use another' });
    await expect(client.continue()).rejects.toMatchObject({ code: 'WVM_USAGE', message: 'continue: not frozen' });
    expect(await client.info()).toEqual(target.info());
    expect(target.log).toEqual(['kill SIGTERM']);
    client.close();
  });

  test('has the machine put itself into a store, and tells how far it is', async () => {
    const client = await ControlClient.connect(socketPath);
    const progress: number[] = [];
    const saved = await client.save({ store: '/s', stop: true, tag: 'v1' }, (bytes) => progress.push(bytes));
    expect(saved).toEqual({ id: 'abc', sequence: 3, sizeBytes: 9, newBytes: 5, stopNs: 1, totalNs: 2 });
    expect(progress.length).toBeGreaterThan(0);
    expect(progress[0]).toBe(4096);
    const refused = client.save({ store: '/s', stop: false, tag: 'bad' });
    await expect(refused).rejects.toMatchObject({ code: 'WVM_STORE_CORRUPT' });
    expect(target.log).toEqual(['save /s stop v1', 'save /s run bad']);
    client.close();
  });

  test('tells of all processes, and of their arguments the beginning', async () => {
    const client = await ControlClient.connect(socketPath);
    const processes = await client.processes();
    expect(processes.map(({ pid }) => pid)).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    expect(processes[1]).toMatchObject({ pid: 2, parentPid: 1, state: 'running' });
    // A message has 64 KiB, and a control character takes six bytes of it.
    for (const { args } of processes) expect(args).toEqual(['app', '\u0001'.repeat(76)]);
    client.close();
  });

  test('brings an image over byte for byte, and the verdict back', async () => {
    const client = await ControlClient.connect(socketPath);
    const parts: Uint8Array[] = [];
    const { image, saved } = await client.saveSnapshot({ stop: true, includeModule: true }, async ({ chunks }) => {
      for await (const chunk of chunks) parts.push(Buffer.from(chunk));
      expect(target.log).toEqual(['snapshot stop module']);
      return 'saved';
    });
    expect(saved).toBe('saved');
    expect([image.sizeBytes, image.stopNs, image.totalNs]).toEqual([300_005, 5, 7]);
    expect(Buffer.concat(parts).equals(Buffer.concat(target.chunks))).toBe(true);
    expect(target.log).toEqual(['snapshot stop module', 'commit']);
    client.close();
  });

  test('aborts if saving fails at any point', async () => {
    for (const failAfter of [0, 1, 2]) {
      target.log.length = 0;
      const client = await ControlClient.connect(socketPath);
      const saving = client.saveSnapshot({ stop: true, includeModule: false }, async ({ chunks }) => {
        let count = 0;
        for await (const _ of chunks) if (count++ === failAfter) throw new Error('disk full');
        throw new Error('disk full');
      });
      await expect(saving).rejects.toThrow('disk full');
      await until(() => target.log.length === 2);
      expect(target.log).toEqual(['snapshot stop', 'abort']);
    }
  });

  test('aborts after silence, but waits for a client that says that it saves', async () => {
    const client = await ControlClient.connect(socketPath);
    const { chunks } = await client.snapshot({ stop: true, includeModule: true });
    for await (const _ of chunks);
    await until(() => target.log.includes('abort'));

    const socket = await rawConnection();
    socket.resume();
    socket.write(encodeMessage({ type: 'snapshot', stop: true, includeModule: true }));
    target.log.length = 0;
    for (let signs = 0; signs < 6; signs++) {
      await sleep(80);
      socket.write(encodeMessage({ type: 'saving' }));
    }
    expect(target.log).toEqual(['snapshot stop module']);
    socket.write(encodeMessage({ type: 'committed' }));
    await until(() => target.log.includes('commit'));
    socket.destroy();
  });

  test('gives up a client that takes no bytes, and serves others meanwhile', async () => {
    target.chunks = [new Uint8Array(8 * 1024 * 1024)];
    const stalled = await rawConnection();
    stalled.pause();
    stalled.write(encodeMessage({ type: 'snapshot', stop: true, includeModule: true }));
    await until(() => target.log.length === 1);
    const client = await ControlClient.connect(socketPath);
    expect((await client.info()).id).toBe('f0000001');
    await until(() => target.log.includes('abort'));
    client.close();
    stalled.destroy();
  });

  test('close({ drain: true }) lets an image reach its client', async () => {
    target.chunks = [new Uint8Array(4 * 1024 * 1024).fill(9)];
    const client = await ControlClient.connect(socketPath);
    const idle = await ControlClient.connect(socketPath);
    const { chunks, commit, sizeBytes } = await client.snapshot({ stop: false, includeModule: true });
    const closing = server.close({ drain: true });
    let receivedBytes = 0;
    for await (const chunk of chunks) receivedBytes += chunk.length;
    await commit();
    client.close();
    await closing;
    expect(receivedBytes).toBe(sizeBytes);
    await expect(idle.info()).rejects.toMatchObject({ code: 'WVM_CONTROL' });
  });
});

describe('the server', () => {
  const huge = Buffer.alloc(5);
  huge.writeUInt32LE(0xffff_ffff, 0);
  huge[4] = 1;

  test.each([
    ['noise', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a frame too large', huge],
    ['image bytes', encodeImageHeader(0)],
    ['what is no JSON', Buffer.concat([Buffer.from([2, 0, 0, 0, 1]), Buffer.from('{x')])],
    ['a message without type', Buffer.concat([Buffer.from([2, 0, 0, 0, 1]), Buffer.from('[]')])],
    ['an unknown request', encodeMessage({ type: 'reboot' } as never)],
    ['half a request', encodeMessage({ type: 'snapshot', stop: 1 } as never)],
    ['a verdict on nothing', encodeMessage({ type: 'committed' })],
  ])('refuses %s by closing that connection alone', async (_name, bytes) => {
    const socket = await rawConnection();
    socket.write(bytes);
    const types: string[] = [];
    for await (const frame of decodeFrames(socket)) {
      if (frame.kind === 'message') types.push(frame.message.type);
    }
    expect(types).toEqual(['hello', 'error']);
    const client = await ControlClient.connect(socketPath);
    expect((await client.info()).name).toBe('app');
    client.close();
    expect(target.log).toEqual([]);
  });

  test('survives clients that vanish at every byte of a request', async () => {
    const request = encodeMessage({ type: 'snapshot', stop: true, includeModule: true });
    for (let length = 0; length <= request.length; length++) {
      const socket = await rawConnection();
      socket.write(request.subarray(0, length), () => socket.destroy());
    }
    await until(() => target.log.filter((line) => line === 'abort').length === target.log.length / 2);
    const client = await ControlClient.connect(socketPath);
    expect((await client.info()).name).toBe('app');
    client.close();
  });
});

describe('the client', () => {
  async function answeredBy(...answers: Uint8Array[]): Promise<ControlClient> {
    const path = join(directory, `${Math.random()}.sock`);
    const fake = createServer((socket) => {
      for (const answer of answers) socket.write(answer);
      socket.end();
    });
    await new Promise<void>((resolve) => fake.listen(path, resolve));
    return await ControlClient.connect(path).finally(() => fake.close());
  }
  const hello = encodeMessage({ type: 'hello', protocol: 1, id: 'f0000001', pid: 1 });
  const image = encodeMessage({ type: 'image', sizeBytes: 4, stopNs: 1, totalNs: 1 });
  const pages = Buffer.concat([encodeImageHeader(3), Buffer.from([1, 2, 3])]);

  test('refuses another version by its number, and a machine that is gone', async () => {
    const other = encodeMessage({ type: 'hello', protocol: 2, id: 'f0000001', pid: 1 });
    await expect(answeredBy(other)).rejects.toThrow(/speaks version 2, this wvm speaks 1/);
    await expect(answeredBy()).rejects.toMatchObject({ code: 'WVM_CONTROL' });
    await expect(ControlClient.connect(join(directory, 'none'))).rejects.toMatchObject({ code: 'WVM_CONTROL' });
  });

  test.each([
    ['that is cut off', [pages]],
    ['that is shorter than announced', [pages, encodeMessage({ type: 'image-end' })]],
    ['that is longer than announced', [pages, pages]],
    ['with an error in the middle', [pages, encodeMessage({ type: 'error', code: 'WVM_FILE', message: 'x' })]],
  ])('refuses an image %s', async (_name, answers) => {
    const client = await answeredBy(hello, image, ...answers);
    const { chunks } = await client.snapshot({ stop: false, includeModule: true });
    const read = async (): Promise<void> => {
      for await (const _ of chunks);
    };
    await expect(read()).rejects.toBeInstanceOf(WvmError);
    client.close();
  });

  test('does not wait for ever', async () => {
    const path = join(directory, 'mute.sock');
    const mute = createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(path, resolve));
    await expect(ControlClient.connect(path, { timeoutMs: 50 })).rejects.toThrow(/no answer within 50 ms/);
    mute.close();
  });
});
