import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WvmError } from '../base/wvm-error.ts';
import { WasmPageScanner, WasmStripes } from '../engine/page-scanner.ts';
import { digestPort } from '../host/digest.ts';
import { decodeImage, decodeImageStream } from './decode-image.ts';
import { encodeImage } from './encode-image.ts';
import { encodeRecordHeader, RECORD_HEADER_BYTES, RecordType, TRAILER_BYTES } from './image-layout.ts';
import type { MemorySource } from './image-ports.ts';
import type { MachineState } from './machine-state.ts';
import { collectPages, contentsBytes, copyPages, type PageBlock, splitPages } from './page-block.ts';
import { portablePageScanner } from './page-scanner.ts';
import { encodePlainData } from './plain-data.ts';
import { RecordWriter } from './record-writer.ts';
import { portableStripes } from './stripes.ts';
import { anyMachine } from './testing/any-machine.ts';
import { concat, joinImage, splitImage } from './testing/image-surgery.ts';
import { BytesSink } from './testing/memory-sink.ts';
import { sampleBlocks, sampleMachine, sampleMemories } from './testing/sample-machine.ts';

const ports = { digest: digestPort, stripes: new WasmStripes(), scanner: portablePageScanner };
const goldenFile = new URL('testing/golden-v1.hex', import.meta.url);

function encode(machine: MachineState, blocks: Iterable<PageBlock>): Uint8Array {
  return concat(encodeImage(machine, blocks, ports));
}

function decode(image: Uint8Array): { machine: MachineState; sink: BytesSink } {
  const sink = new BytesSink();
  return { machine: decodeImage(image, sink, ports, { maxMemoryBytes: 1 << 20 }), sink };
}

/** decode, then encode what came out. */
function recode(image: Uint8Array): Uint8Array {
  const { machine, sink } = decode(image);
  return encode(machine, collectPages(sink.memories, portablePageScanner));
}

/** toEqual() takes a second for so many bytes. */
function expectMemories(sink: BytesSink, memories: readonly MemorySource[]): void {
  expect(sink.memories.length).toBe(memories.length);
  for (const [i, memory] of memories.entries()) {
    const found = sink.memories[i]!;
    expect([found.processIndex, found.memoryIndex]).toEqual([memory.processIndex, memory.memoryIndex]);
    expect(Buffer.compare(found.bytes, memory.bytes), `memory ${i} differs`).toBe(0);
  }
}

/** The code with which `image` is refused; undefined if it is not. Anything but a WvmError is a failure of the test. */
function refusal(image: Uint8Array): string | undefined {
  const start = performance.now();
  try {
    decodeImage(image, { open: () => {}, write: () => {} }, ports, { maxMemoryBytes: 1 << 20 });
    return undefined;
  } catch (error) {
    if (error instanceof WvmError && error.code.startsWith('WVM_IMAGE_')) return error.code;
    throw error;
  } finally {
    if (performance.now() - start > 1000) expect.unreachable('took more than a second');
  }
}

const sample = encode(sampleMachine(), sampleBlocks());
const onePage = encode(sampleMachine(), sampleBlocks().slice(0, 1));
const pageless = encode(sampleMachine(), []);

describe('round trip', () => {
  test('every field comes back, and the same bytes are written again', () => {
    const { machine, sink } = decode(sample);
    expect(machine).toEqual(sampleMachine());
    expectMemories(sink, sampleMemories());
    expect(Buffer.compare(recode(sample), sample)).toBe(0);
  });

  test('of generated machines', () => {
    fc.assert(
      fc.property(anyMachine, ({ machine, memories }) => {
        const image = encode(machine, collectPages(memories, portablePageScanner));
        const back = decode(image);
        expect(back.machine).toEqual(machine);
        expectMemories(back.sink, memories);
        expect(Buffer.compare(recode(image), image)).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test('V06 the golden image of version 1 is read for ever, and written again byte for byte', () => {
    if (process.env['WVM_WRITE_GOLDEN'] === '1') {
      writeFileSync(
        goldenFile,
        `${Buffer.from(sample)
          .toString('hex')
          .replaceAll(/.{120}/g, '$&\n')}\n`,
      );
    }
    const golden = Uint8Array.from(Buffer.from(readFileSync(goldenFile, 'utf8').replaceAll('\n', ''), 'hex'));
    expect(decode(golden).machine).toEqual(sampleMachine());
    expect(sample).toEqual(golden);
  });

  test('the order of properties in the kernel state does not show', () => {
    const reversed = Object.fromEntries(Object.entries(sampleMachine().kernel as object).reverse());
    expect(encode({ ...sampleMachine(), kernel: reversed }, sampleBlocks())).toEqual(sample);
  });

  test('copied pages give the same image as live ones', () => {
    const blocks = sampleBlocks();
    const copied = copyPages(blocks, new Uint8Array(contentsBytes(blocks)));
    expect(encode(sampleMachine(), copied)).toEqual(sample);
  });

  // V16 (all addresses, then all pages) is superseded by V23: blocks of both.
  test('V16 V23 a memory of more than one block', () => {
    const bytes = new Uint8Array(64 * 65536);
    for (let i = 0; i < bytes.length; i += 4096) if (i % 12288 !== 0) bytes[i] = 1 + (i >> 12);
    bytes.fill(7, 65536, 65536 + 2_500_000);
    const [root] = sampleMachine().processes;
    const memories = [{ pageCount: 64, maxPageCount: null, shared: false, is64: false }];
    const machine = { ...sampleMachine(), processes: [{ ...root!, instance: { ...root!.instance, memories } }] };
    const blocks = collectPages([{ processIndex: 0, memoryIndex: 0, bytes }], portablePageScanner);
    expect(blocks.length).toBeGreaterThan(3);
    const image = encode(machine, blocks);
    const sink = new BytesSink();
    decodeImage(image, sink, ports);
    expect(Buffer.compare(sink.memories[0]!.bytes, bytes)).toBe(0);
  });

  test('V29 any set of pages comes back, whatever is left over of its blocks', () => {
    const pageCount = 640;
    const blockPages = 256;
    const [root] = sampleMachine().processes;
    const memories = [{ pageCount: pageCount / 16, maxPageCount: null, shared: false, is64: false }];
    const machine = { ...sampleMachine(), processes: [{ ...root!, instance: { ...root!.instance, memories } }] };
    const bytes = new Uint8Array(pageCount * 4096);
    const sizes = fc.constantFrom(0, 1, 2, 3, blockPages - 1, blockPages, blockPages + 1, 2 * blockPages);
    fc.assert(
      fc.property(sizes, fc.nat(pageCount), fc.nat(7), (size, start, gap) => {
        bytes.fill(0);
        const pages = new Set(
          Array.from({ length: size }, (_, k) => (start + k + Math.floor((k * gap) / 32)) % pageCount),
        );
        for (const page of pages) bytes[page * 4096 + ((page * 37) % 4096)] = 1 + (page % 255);
        const blocks = collectPages([{ processIndex: 0, memoryIndex: 0, bytes }], portablePageScanner);
        const sorted = [...pages].sort((x, y) => x - y);
        const single = sorted.map((page) => ({ page, bytes: bytes.subarray(page * 4096, page * 4096 + 4096) }));
        const image = encode(machine, blocks);
        const again = encode(machine, [...splitPages({ processIndex: 0, memoryIndex: 0 }, single)]);
        expect(Buffer.compare(again, image)).toBe(0);
        expect(blocks.length).toBe(Math.ceil(pages.size / blockPages));
        const sink = new BytesSink();
        decodeImage(image, sink, ports);
        expect(Buffer.compare(sink.memories[0]!.bytes, bytes)).toBe(0);
      }),
      { numRuns: 10 },
    );
  });
});

describe('the WebAssembly loops', () => {
  test('the checksum equals the portable one at every length', () => {
    const bytes = Uint8Array.from({ length: 700 }, (_, i) => (i * 31) ^ (i >> 3));
    const portable = { ...ports, stripes: portableStripes() };
    for (let size = 0; size < bytes.length; size++) {
      const blocks: PageBlock[] = [];
      const machine = { ...sampleMachine(), kernel: bytes.subarray(0, size) };
      const same = Buffer.compare(concat(encodeImage(machine, blocks, portable)), encode(machine, blocks));
      expect(same, `${size} bytes`).toBe(0);
    }
  });

  test.each([
    ['32-bit', { initial: 4 }],
    ['32-bit shared', { initial: 4, maximum: 8, shared: true }],
    ['64-bit', { initial: 4n, address: 'i64' }],
    ['64-bit shared', { initial: 4n, maximum: 8n, shared: true, address: 'i64' }],
  ])('the scanner finds what the portable one finds: %s memory', (_, descriptor) => {
    const memory = new WebAssembly.Memory(descriptor as unknown as WebAssembly.MemoryDescriptor);
    const bytes = new Uint8Array(memory.buffer);
    const scanner = new WasmPageScanner();
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length - 1), { maxLength: 80 }), fc.nat(255), (addresses, value) => {
        bytes.fill(0);
        for (const address of addresses) bytes[address] = value;
        const source = { processIndex: 0, memoryIndex: 0, bytes, memory };
        expect(scanner.nonZeroRuns(source)).toEqual(portablePageScanner.nonZeroRuns(source));
      }),
      { numRuns: 50 },
    );
  });
});

describe('damaged images are refused', () => {
  test('truncated at every byte', () => {
    for (let size = 0; size < onePage.length; size++) {
      if (refusal(onePage.subarray(0, size)) !== 'WVM_IMAGE_TRUNCATED') expect.unreachable(`the first ${size} bytes`);
    }
  });

  function flip(image: Uint8Array, at: number, bit: number): void {
    image[at]! ^= 1 << bit;
    if (refusal(image) === undefined) expect.unreachable(`bit ${bit} of byte ${at} may be flipped`);
    image[at]! ^= 1 << bit;
  }

  test('any one bit flipped', () => {
    const image = pageless.slice();
    for (let at = 0; at < image.length; at++) for (let bit = 0; bit < 8; bit++) flip(image, at, bit);
    expect(image).toEqual(pageless);
    expect(refusal(image)).toBeUndefined();
  });

  test('one bit of every byte of an image with pages flipped', () => {
    const image = onePage.slice();
    for (let at = 0; at < image.length; at++) flip(image, at, (at * 5) % 8);
    expect(image).toEqual(onePage);
    expect(refusal(image)).toBeUndefined();
  });

  test('something after the end; two images one after the other', () => {
    expect(refusal(concat([sample, Uint8Array.of(0)]))).toBe('WVM_IMAGE_CORRUPT');
    expect(refusal(concat([sample, sample]))).toBe('WVM_IMAGE_CORRUPT');
  });

  test('a record of another image in place of its own', () => {
    const other = encode({ ...sampleMachine(), fuelUsed: 1n }, sampleBlocks());
    expect(other.length).toBe(sample.length);
    const spliced = concat([other.subarray(0, 1000), sample.subarray(1000)]);
    expect(refusal(spliced)).toBe('WVM_IMAGE_CORRUPT');
  });

  test('another version, another kind of file, nothing', () => {
    const version = sample.slice();
    version[8] = 2;
    expect(refusal(version)).toBe('WVM_IMAGE_BAD_VERSION');
    expect(refusal(new Uint8Array(200))).toBe('WVM_IMAGE_BAD_MAGIC');
    expect(refusal(new Uint8Array(0))).toBe('WVM_IMAGE_TRUNCATED');
    expect(refusal(new TextEncoder().encode('text\n'))).toBe('WVM_IMAGE_BAD_MAGIC');
  });
});

describe('hostile images with correct checksums', () => {
  // Whatever a decoder accepts must be the only encoding of what it yields.
  function refusedOrCanonical(image: Uint8Array, what: string): boolean {
    if (refusal(image) !== undefined) return true;
    if (Buffer.compare(recode(image), image) !== 0) expect.unreachable(`${what}: accepted, but not canonical`);
    return false;
  }

  test('every byte of every record set to hostile values', { timeout: 60_000 }, () => {
    const records = splitImage(onePage);
    let refused = 0;
    let tried = 0;
    for (const [index, record] of records.entries()) {
      if (record.type === RecordType.CONTENTS) continue;
      for (let at = 0; at < record.payload.length; at++) {
        for (const value of [0x00, 0x80, 0xff, record.payload[at]! + 1]) {
          const payload = record.payload.slice();
          payload[at] = value;
          const hostile = joinImage(records.with(index, { type: record.type, payload }), ports);
          if (refusedOrCanonical(hostile, `record ${index} byte ${at} = ${value}`)) refused++;
          tried++;
        }
      }
    }
    expect(tried).toBeGreaterThan(4000);
    expect(refused).toBeGreaterThan(tried / 4);
  });

  test('every 32-bit field of every record set to huge counts', () => {
    const records = splitImage(pageless);
    for (const [index, record] of records.entries()) {
      for (let at = 0; at + 4 <= record.payload.length; at++) {
        for (const value of [0xffff_ffff, 0x7fff_ffff, 0x1000_0000]) {
          const payload = record.payload.slice();
          new DataView(payload.buffer).setUint32(at, value, true);
          refusedOrCanonical(
            joinImage(records.with(index, { type: record.type, payload }), ports),
            `record ${index} at ${at}`,
          );
        }
      }
    }
  });

  test('every record cut short, and with a byte too many', () => {
    const records = splitImage(onePage);
    for (const [index, { type, payload }] of records.entries()) {
      const longer = concat([payload, Uint8Array.of(0)]);
      // A module's bytes end where its record ends, so its hash tells.
      if (payload.length < 4096)
        expect(refusal(joinImage(records.with(index, { type, payload: longer }), ports))).toBeDefined();
      for (let size = 0; size < Math.min(payload.length, 400); size++) {
        const image = joinImage(records.with(index, { type, payload: payload.subarray(0, size) }), ports);
        expect(refusal(image), `record ${index}, ${size} bytes`).toBeDefined();
      }
    }
  });

  test('records left out, doubled or exchanged', () => {
    const records = splitImage(sample);
    for (let i = 0; i < records.length; i++) {
      expect(refusal(joinImage(records.toSpliced(i, 1), ports)), `without record ${i}`).toBeDefined();
      expect(refusal(joinImage(records.toSpliced(i, 0, records[i]!), ports)), `record ${i} twice`).toBeDefined();
      if (i + 1 === records.length) continue;
      const exchanged = records.toSpliced(i, 2, records[i + 1]!, records[i]!);
      expect(refusal(joinImage(exchanged, ports)), `records ${i} and ${i + 1} exchanged`).toBeDefined();
    }
  });

  function kernelImage(payload: Uint8Array): Uint8Array {
    const records = splitImage(pageless);
    const index = records.findIndex(({ type }) => type === RecordType.KERNEL);
    return joinImage(records.with(index, { type: RecordType.KERNEL, payload }), ports);
  }

  test.each([
    ['an extension', [0xd4, 0x72, 0x40]],
    ['a date', [0xd6, 0xff, 0, 0, 0, 5]],
    ['a reserved tag', [0xc1]],
    ['a 32-bit float', [0xca, 0, 0, 0, 0]],
    ['a fraction', [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]],
    ['NaN', [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
    ['a small number as a float', [0xcb, 0x40, 0x14, 0, 0, 0, 0, 0, 0]],
    ['a number in too long a form', [0xcc, 0x05]],
    ['a positive number in a signed form', [0xd0, 0x05]],
    ['a bigint in the wrong form', [0xcf, 0, 0, 0, 0, 0, 0, 0, 5]],
    ['a string in too long a form', [0xd9, 1, 0x61]],
    ['bad UTF-8', [0xa2, 0xff, 0xfe]],
    ['an array of 2^31 entries', [0xdd, 0x7f, 0xff, 0xff, 0xff]],
    ['a record of 2^31 properties', [0xdf, 0x7f, 0xff, 0xff, 0xff]],
    ['bytes that are not there', [0xc6, 0x7f, 0xff, 0xff, 0xff]],
    ['a key twice', [0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2]],
    ['keys out of order', [0x82, 0xa1, 0x62, 1, 0xa1, 0x61, 2]],
    ['a number as a key', [0x81, 1, 1]],
    ['__proto__', [0x81, 0xa9, ...Buffer.from('__proto__'), 1]],
    ['two values', [1, 2]],
    ['nothing', []],
    ['a nest of 100,000 arrays', new Array<number>(100_000).fill(0x91)],
  ])('in the kernel record: %s', (_, bytes) => {
    expect(refusal(kernelImage(Uint8Array.from(bytes)))).toBe('WVM_IMAGE_BAD_RECORD');
  });

  const root = sampleMachine().processes[0]!;
  function withMemory(memory: object): MachineState {
    const memories = [{ pageCount: 1, maxPageCount: null, shared: false, is64: true, ...memory }];
    return { ...sampleMachine(), processes: [{ ...root, instance: { ...root.instance, memories } }] };
  }

  test('more memory than the limit allows is refused before the sink hears of it', () => {
    const image = concat(encodeImage(withMemory({ pageCount: 2 ** 20 }), [], ports));
    let opened = false;
    const sink = { open: () => (opened = true), write: () => {} };
    expect(() => decodeImage(image, sink as never, ports)).toThrow(
      expect.objectContaining({ code: 'WVM_IMAGE_LIMIT' }),
    );
    expect(opened).toBe(false);
  });

  test('a page list and its contents that do not fit each other or the memory', () => {
    const list = (...numbers: number[]): Uint8Array => {
      const writer = new RecordWriter();
      for (const number of numbers) writer.u32(number);
      return writer.bytes.slice();
    };
    const records = splitImage(pageless);
    const tryBlocks = (...blocks: [Uint8Array, number][]): string | undefined => {
      const added = blocks.flatMap(([payload, size]) => [
        { type: RecordType.PAGES, payload },
        { type: RecordType.CONTENTS, payload: new Uint8Array(size).fill(1) },
      ]);
      return refusal(joinImage([...records, ...added], ports));
    };
    expect(tryBlocks([list(0, 0, 1, 2, 3, 2), 8192])).toBeUndefined();
    expect(tryBlocks([list(0, 0, 1, 1, 16, 1), 4096]), 'outside the memory').toBe('WVM_IMAGE_BAD_RECORD');
    expect(tryBlocks([list(0, 0, 1, 1, 0xffff_ffff, 1), 4096]), 'far outside').toBe('WVM_IMAGE_BAD_RECORD');
    expect(tryBlocks([list(0, 2, 1, 1, 0, 1), 4096]), 'no such memory').toBe('WVM_IMAGE_BAD_RECORD');
    expect(tryBlocks([list(9, 0, 1, 1, 0, 1), 4096]), 'no such process').toBe('WVM_IMAGE_BAD_RECORD');
    expect(tryBlocks([list(0, 0, 2, 2, 3, 1, 4, 1), 8192]), 'touching runs').toBe('WVM_IMAGE_BAD_RECORD');
    expect(tryBlocks([list(0, 0, 2, 2, 5, 1, 3, 1), 8192]), 'descending runs').toBe('WVM_IMAGE_BAD_RECORD');
    expect(tryBlocks([list(0, 0, 1, 0, 3, 0), 0]), 'an empty run').toBe('WVM_IMAGE_BAD_RECORD');
    expect(tryBlocks([list(0, 0, 0, 0), 0]), 'no run').toBe('WVM_IMAGE_BAD_RECORD');
    expect(tryBlocks([list(0, 0, 1, 2, 3, 1), 4096]), 'a wrong sum').toBe('WVM_IMAGE_BAD_RECORD');
    expect(tryBlocks([list(0, 0, 1, 1, 3, 1), 8192]), 'more contents').toBe('WVM_IMAGE_BAD_RECORD');
    expect(tryBlocks([list(0, 0, 1, 1, 3, 1), 4096], [list(0, 0, 1, 1, 3, 1), 4096]), 'twice').toBe(
      'WVM_IMAGE_BAD_RECORD',
    );
    expect(tryBlocks([list(0, 1, 1, 1, 3, 1), 4096], [list(0, 0, 1, 1, 3, 1), 4096]), 'order').toBe(
      'WVM_IMAGE_BAD_RECORD',
    );
  });

  test('a machine that breaks a rule cannot be written either', () => {
    const machine = sampleMachine();
    const write = (changed: object) => () => concat(encodeImage({ ...machine, ...changed }, [], ports));
    expect(write({ processes: [] })).toThrow('no process');
    expect(write({ processes: [root, root] })).toThrow('pid 1 is there twice');
    expect(write({ processes: [{ ...root, threads: [] }] })).toThrow('has no thread');
    expect(write({ processes: [{ ...root, parentPid: 7 }] })).toThrow('not the root');
    expect(write({ processes: [root, { ...machine.processes[1]!, parentPid: 9 }] })).toThrow('parent 9');
    expect(write({ modules: [] })).toThrow('is not in the image');
    expect(write({ modules: machine.modules.toReversed() })).toThrow('modules are out of order');
    expect(write({ features: { used: ['x'], available: [] } })).toThrow('"x" is used but not available');
    expect(write(withMemory({ pageCount: 3, maxPageCount: 2 }))).toThrow('more than its greatest');
    expect(write({ kernel: { a: { b: 0.5 } } })).toThrow('value.a.b');
    expect(write({ kernel: new Map() })).toThrow('an object of a class');
  });
});

describe('streams', () => {
  async function* chunksOf(image: Uint8Array, sizes: () => number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < image.length; ) {
      const size = sizes();
      yield image.subarray(at, at + size);
      at += size;
    }
  }

  test.each([
    ['of one byte', () => 1],
    ['of 7 bytes', () => 7],
    ['of 5000 bytes', () => 5000],
    ['of random sizes, empty ones too', (): number => Math.floor(Math.random() ** 4 * 9000)],
    ['one of all bytes', () => sample.length],
  ])('chunks %s give what the whole gives', async (_, sizes) => {
    const sink = new BytesSink();
    const machine = await decodeImageStream(chunksOf(sample, sizes), sink, ports);
    expect(machine).toEqual(sampleMachine());
    expectMemories(sink, sampleMemories());
  });

  test('a stream that ends early or late is refused, and closed', async () => {
    for (const size of [0, 1, 31, 32, 100, sample.length - 1]) {
      const early = decodeImageStream(
        chunksOf(sample.subarray(0, size), () => 64),
        new BytesSink(),
        ports,
      );
      await expect(early).rejects.toMatchObject({ code: 'WVM_IMAGE_TRUNCATED' });
    }
    let closed = false;
    async function* late(): AsyncGenerator<Uint8Array> {
      try {
        yield sample;
        for (;;) yield new Uint8Array(10);
      } finally {
        closed = true;
      }
    }
    await expect(decodeImageStream(late(), new BytesSink(), ports)).rejects.toMatchObject({
      code: 'WVM_IMAGE_CORRUPT',
    });
    expect(closed).toBe(true);
  });

  test('a record that claims a gigabyte and brings a hundred bytes costs no memory', async () => {
    const claim = { type: RecordType.MODULE, sequence: 2, payloadBytes: 2 ** 30, payloadChecksum: 0n };
    const header = encodeRecordHeader(ports.stripes, claim);
    const [machine, tree] = splitImage(pageless);
    const twoRecords = joinImage([machine!, tree!], ports);
    const end = twoRecords.length - TRAILER_BYTES - 24 - RECORD_HEADER_BYTES;
    const image = concat([twoRecords.subarray(0, end), header, new Uint8Array(100)]);
    const before = process.memoryUsage().arrayBuffers;
    expect(refusal(image)).toBe('WVM_IMAGE_TRUNCATED');
    const stream = decodeImageStream(
      chunksOf(image, () => 10),
      new BytesSink(),
      ports,
    );
    await expect(stream).rejects.toMatchObject({ code: 'WVM_IMAGE_TRUNCATED' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 24);
  });
});

test('other MessagePack decoders read the kernel record', async () => {
  const { Unpackr } = await import('msgpackr');
  const { kernel } = sampleMachine();
  const writer = new RecordWriter();
  encodePlainData(writer, kernel);
  const read = new Unpackr({ int64AsType: 'bigint', mapsAsObjects: true }).unpack(writer.bytes) as object;
  expect(JSON.parse(JSON.stringify(read, bigintText))).toEqual(JSON.parse(JSON.stringify(kernel, bigintText)));
});

function bigintText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? [...value] : value;
}
