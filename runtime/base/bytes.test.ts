import { describe, expect, test } from 'vitest';
import { ByteWriter } from './bytes.ts';

describe('ByteWriter', () => {
  test('grows over any capacity and keeps what was written', () => {
    const writer = new ByteWriter(1);
    const source = Uint8Array.from({ length: 5000 }, (_, i) => i);
    writer.bytes(source, 0, 3);
    writer.bytes(source);
    writer.u8(0xaa);
    expect(writer.position).toBe(5004);
    const bytes = writer.toBytes();
    expect(bytes.subarray(0, 3)).toEqual(source.subarray(0, 3));
    expect(bytes.subarray(3, 5003)).toEqual(source);
    expect(bytes[5003]).toBe(0xaa);
  });

  test('toBytes() is a copy, reset() forgets', () => {
    const writer = new ByteWriter();
    writer.fixed32(0x04030201);
    const first = writer.toBytes();
    writer.reset();
    writer.fixed64(0xff0e0d0c0b0a0908n);
    expect([...first]).toEqual([1, 2, 3, 4]);
    expect([...writer.toBytes()]).toEqual([8, 9, 10, 11, 12, 13, 14, 0xff]);
  });

  test.each([0, 1, 127, 128, 16383, 16384, 70_000])('sized() puts the shortest size before %i bytes', (size) => {
    const contents = Uint8Array.from({ length: size }, (_, i) => i * 7);
    const expected = new ByteWriter();
    expected.u8(9);
    expected.u32(size);
    expected.bytes(contents);
    expected.u8(1);
    const writer = new ByteWriter(16);
    writer.section(9, (w) => w.bytes(contents));
    writer.u8(1);
    expect(Buffer.compare(writer.toBytes(), expected.toBytes())).toBe(0);
  });

  test('sized runs nest', () => {
    const writer = new ByteWriter();
    writer.sized((outer) => {
      outer.u8(1);
      outer.sized((inner) => inner.bytes(new Uint8Array(200)));
      outer.u8(2);
    });
    expect([...writer.toBytes().subarray(0, 5)]).toEqual([0xcc, 0x01, 1, 0xc8, 0x01]);
    expect(writer.position).toBe(2 + 1 + 2 + 200 + 1);
  });

  test('patchU32() fills reserved room with five bytes', () => {
    const writer = new ByteWriter();
    const place = writer.reserveU32();
    writer.u8(0x55);
    writer.patchU32(place, 0xfedcba98);
    expect([...writer.toBytes()]).toEqual([0x98, 0xf5, 0xf2, 0xf6, 0x0f, 0x55]);
  });

  test('name() writes UTF-8 and refuses lone surrogates', () => {
    const writer = new ByteWriter();
    writer.name('é€');
    expect([...writer.toBytes()]).toEqual([5, 0xc3, 0xa9, 0xe2, 0x82, 0xac]);
    expect(() => writer.name('\ud800')).toThrow(RangeError);
  });
});
