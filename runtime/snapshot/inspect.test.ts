import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import wabtModule from 'wabt';
import { WasmStripes } from '../engine/page-scanner.ts';
import { digestPort } from '../host/digest.ts';
import type { RandomAccess } from './decode-image.ts';
import { encodeImage } from './encode-image.ts';
import { checkFeatures } from './features.ts';
import { TRAILER_BYTES } from './image-layout.ts';
import { inspectImageFile, inspectImageStream, inspectTreeFile } from './inspect.ts';
import { concat } from './testing/image-surgery.ts';
import { sampleBlocks, sampleHash, sampleMachine } from './testing/sample-machine.ts';

const ports = { digest: digestPort, stripes: new WasmStripes() };

class CountingFile implements RandomAccess {
  readBytes = 0;
  endOfReads = 0;
  readonly #bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  read(offset: number, sizeBytes: number): Uint8Array {
    const bytes = this.#bytes.subarray(offset, offset + sizeBytes);
    this.readBytes += bytes.length;
    this.endOfReads = Math.max(this.endOfReads, offset + bytes.length);
    return bytes;
  }
}

const sample = concat(encodeImage(sampleMachine(), sampleBlocks(), ports));

describe('inspectImageFile()', () => {
  test('describes modules, memories, globals and threads, and reads no page', () => {
    const file = new CountingFile(sample);
    const description = inspectImageFile(file, ports);
    expect(file.readBytes).toBe(sample.length - 4 * 4096);
    expect(description).toMatchObject({
      formatVersion: 1,
      producer: 'wvm 0.1.0',
      name: 'sämple',
      sizeBytes: sample.length,
      features: sampleMachine().features,
      modules: [{ hash: sampleHash, sizeBytes: 24 }, { sizeBytes: null }],
    });
    const [root] = description.processes;
    expect(root!.memories).toEqual([
      expect.objectContaining({
        sizeBytes: 65536,
        maxSizeBytes: 131072,
        savedBytes: 4096,
        runs: [{ addr: 20480, sizeBytes: 4096 }],
      }),
      expect.objectContaining({
        savedBytes: 12288,
        runs: [
          { addr: 0, sizeBytes: 8192 },
          { addr: 126976, sizeBytes: 4096 },
        ],
      }),
    ]);
    expect(root!.globals.map(({ index, value }) => `${index} ${value!.type} ${value!.value}`)).toEqual([
      '1 i32 -1',
      '2 i64 -9223372036854775808',
      '3 f32 nan:0x200001',
      '4 f64 -nan:0xfffffffffffff',
      '5 v128 0x00112233445566778899aabbccddeeff',
      '6 funcref func 7',
      '7 funcref null',
      '8 externref null',
    ]);
    expect(root!.threads[0]).toMatchObject({ pending: 'poll', call: null, entries: ['func 1', 'func 0'] });
    expect(description.sections.reduce((sum, section) => sum + section.sizeBytes, 32 + TRAILER_BYTES)).toBe(
      sample.length,
    );
    expect(() => JSON.stringify(description)).not.toThrow();
  });

  test('names functions and locals from the module', async () => {
    const wabt = await wabtModule();
    const wat = '(module (global $depth (mut i32) (i32.const 0)) (func $count (param $n i32) (local $sum i64)))';
    const bytes = new Uint8Array(wabt.parseWat('names', wat).toBinary({ write_debug_names: true }).buffer);
    const hash = createHash('sha256').update(bytes).digest('hex');
    const [root] = sampleMachine().processes;
    const frame = {
      functionIndex: 0,
      codeOffset: 3,
      kind: 'poll' as const,
      locals: [{ type: 'i32' as const, bits: 5 }, null],
      stack: [],
    };
    const process = {
      ...root!,
      instance: { ...root!.instance, moduleHash: hash, globals: [{ type: 'i32' as const, bits: 2 }] },
      threads: [{ ...root!.threads[0]!, activations: [{ ...root!.threads[0]!.activations[0]!, frames: [frame] }] }],
    };
    const inspect = (stored: Uint8Array | null, found?: Uint8Array) => {
      const machine = { ...sampleMachine(), modules: [{ hash, name: 'names', bytes: stored }], processes: [process] };
      const image = concat(encodeImage(machine, [], ports));
      return inspectImageFile(new CountingFile(image), ports, { findModule: () => found }).processes[0]!;
    };
    for (const named of [inspect(bytes), inspect(null, bytes)]) {
      expect(named.globals[0]).toMatchObject({ name: 'depth', value: { value: '2' } });
      expect(named.threads[0]!.activations[0]![0]).toMatchObject({
        functionName: 'count',
        locals: [
          { name: 'n', value: { type: 'i32', value: '5' } },
          { name: 'sum', value: null },
        ],
      });
    }
    expect(inspect(null).threads[0]!.activations[0]![0]).toMatchObject({ functionName: null, moduleOffset: null });
  });

  test('says which call a thread waits in', () => {
    const call = { name: 'poll_oneoff', args: [1024] };
    const kernel = {
      processes: [
        {
          pid: 1,
          threads: [
            { tid: 1, call: null },
            { tid: 4, call, restart: { deadlineNs: 5n } },
          ],
        },
      ],
    };
    const image = concat(encodeImage({ ...sampleMachine(), kernel }, [], ports));
    const [first, second] = inspectImageFile(new CountingFile(image), ports).processes[0]!.threads;
    expect(first!.call).toBeNull();
    expect(second).toMatchObject({ pending: 'call', call: { call, restart: { deadlineNs: '5' } } });
  });

  test('lists descriptors with the guest paths of their files, and survives a record of another shape', () => {
    const kernel = {
      grants: [{ guestPath: '/data', readOnly: false }],
      openFiles: [
        { kind: 'stream', stream: 0, canRead: true, canWrite: false },
        { kind: 'file', grant: 0, path: 'a/b', offset: 7n, canRead: true, canWrite: true },
      ],
      processes: [
        {
          pid: 1,
          fds: [{ fd: 0, file: 0, preopen: null }, { fd: 4, file: 1, preopen: null }, { fd: 5, file: 9 }, null],
        },
      ],
    };
    const inspect = (kernelState: unknown) => {
      const image = concat(encodeImage({ ...sampleMachine(), kernel: kernelState }, [], ports));
      return inspectImageFile(new CountingFile(image), ports).processes[0]!.fds;
    };
    expect(inspect(kernel)).toEqual([
      expect.objectContaining({ fd: 0, kind: 'stream', path: null, canWrite: false }),
      expect.objectContaining({ fd: 4, kind: 'file', path: '/data/a/b', offset: '7' }),
    ]);
    for (const odd of [null, 5, [], { processes: 5 }, { processes: [{ pid: 1, fds: { a: 1 } }] }]) {
      expect(inspect(odd)).toEqual([]);
    }
  });

  test('verify finds a changed page that only the digest can tell, and a stream is read as a file is', async () => {
    async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
    }
    const description = inspectImageFile(new CountingFile(sample), ports, { verify: true });
    expect(await inspectImageStream(stream(sample), ports)).toEqual(description);
    // Another machine's records with this one's trailer of the same length.
    const other = concat(encodeImage({ ...sampleMachine(), fuelUsed: 1n }, sampleBlocks(), ports));
    const forged = concat([other.subarray(0, -TRAILER_BYTES), sample.subarray(-TRAILER_BYTES)]);
    const corrupt = expect.objectContaining({ code: 'WVM_IMAGE_CORRUPT' });
    expect(() => inspectImageFile(new CountingFile(forged), ports, { verify: true })).toThrow(corrupt);
  });

  test('a file that ends within pages that are skipped is refused', () => {
    for (const size of [sample.length - 1, sample.length - 200, sample.length - 5000]) {
      const file = new CountingFile(sample.subarray(0, size));
      expect(() => inspectImageFile(file, ports)).toThrow(expect.objectContaining({ code: 'WVM_IMAGE_TRUNCATED' }));
    }
  });
});

test('inspectTreeFile() reads a prefix only', () => {
  const file = new CountingFile(sample);
  expect(inspectTreeFile(file, ports).processes).toEqual([
    { pid: 1, parentPid: null, name: 'sample.wasm', scheduling: 'FIFO 50, nice 5', tids: [1, 4] },
    { pid: 3, parentPid: 1, name: '', scheduling: '', tids: [2, 3] },
  ]);
  expect(file.endOfReads).toBeLessThan(300);
});

test('checkFeatures() strict needs what was available, lenient what was used', () => {
  const features = { used: ['a'], available: ['a', 'b'] };
  const lacks = (name: string) =>
    expect.objectContaining({ code: 'WVM_IMAGE_FEATURE', message: expect.stringContaining(name) });
  expect(() => checkFeatures(features, ['a', 'b', 'c'], 'strict')).not.toThrow();
  expect(() => checkFeatures(features, ['a'], 'strict')).toThrow(lacks('offered b,'));
  expect(() => checkFeatures(features, ['a'], 'lenient')).not.toThrow();
  expect(() => checkFeatures(features, ['b'], 'lenient')).toThrow(lacks('used a,'));
});
