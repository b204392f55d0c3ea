import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from './bytes.ts';
import { MalformedBytes, readS32, readS33, readS64, readU32, readU64, skipS64, skipU64 } from './leb128.ts';

function cursor(bytes: number[], end = bytes.length) {
  return { bytes: Uint8Array.from(bytes), position: 0, end };
}

/** Reads one value and checks that the cursor is behind its last byte. */
function whole<T>(read: (at: ReturnType<typeof cursor>) => T, bytes: number[]): T {
  const at = cursor([...bytes, 0x55]);
  const value = read(at);
  expect(at.position).toBe(bytes.length);
  return value;
}

describe('LEB128 readers', () => {
  test('readU32() reads the bounds and padded forms', () => {
    expect(whole(readU32, [0x00])).toBe(0);
    expect(whole(readU32, [0x7f])).toBe(127);
    expect(whole(readU32, [0x80, 0x01])).toBe(128);
    expect(whole(readU32, [0xff, 0xff, 0xff, 0xff, 0x0f])).toBe(0xffffffff);
    expect(whole(readU32, [0x83, 0x80, 0x80, 0x80, 0x00])).toBe(3);
  });

  test('readS32() reads the bounds and padded forms', () => {
    expect(whole(readS32, [0x7f])).toBe(-1);
    expect(whole(readS32, [0x40])).toBe(-64);
    expect(whole(readS32, [0x80, 0x80, 0x80, 0x80, 0x78])).toBe(-0x80000000);
    expect(whole(readS32, [0xff, 0xff, 0xff, 0xff, 0x07])).toBe(0x7fffffff);
    expect(whole(readS32, [0xff, 0xff, 0xff, 0xff, 0x7f])).toBe(-1);
  });

  test('readS33() reads the bounds', () => {
    expect(whole(readS33, [0x70])).toBe(-16);
    expect(whole(readS33, [0xff, 0xff, 0xff, 0xff, 0x0f])).toBe(0xffffffff);
    expect(whole(readS33, [0x80, 0x80, 0x80, 0x80, 0x70])).toBe(-0x100000000);
  });

  test.each([
    ['readU32', readU32, [0xff, 0xff, 0xff, 0xff, 0x1f]],
    ['readU32', readU32, [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ['readS32', readS32, [0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['readS32', readS32, [0x80, 0x80, 0x80, 0x80, 0x70]],
    ['readS32', readS32, [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
    ['readS33', readS33, [0xff, 0xff, 0xff, 0xff, 0x1f]],
    ['readS33', readS33, [0x80, 0x80, 0x80, 0x80, 0x60]],
    ['readU64', readU64, [...Array(9).fill(0x80), 0x02]],
    ['readU64', readU64, [...Array(10).fill(0x80), 0x00]],
    ['readS64', readS64, [...Array(9).fill(0x80), 0x01]],
    ['readS64', readS64, [...Array(9).fill(0x80), 0x7e]],
    ['skipU64', skipU64, [...Array(9).fill(0xff), 0x7f]],
    ['skipS64', skipS64, [...Array(10).fill(0xff), 0x7f]],
  ] as [string, (at: ReturnType<typeof cursor>) => unknown, number[]][])(
    '%s() refuses bits outside its type',
    (_, read, bytes) => {
      const at = cursor([...bytes, 0, 0]);
      expect(() => read(at)).toThrow(MalformedBytes);
      expect(at.position).toBe(0);
    },
  );

  test.each([readU32, readS32, readS33, readU64, readS64, skipU64, skipS64])('%o stops at the end', (read) => {
    expect(() => read(cursor([]))).toThrow('past the end');
    expect(() => read(cursor([0x80, 0x80]))).toThrow('past the end');
    // The bytes go on behind `end`.
    expect(() => read(cursor([0x80, 0x80, 0x01], 2))).toThrow('past the end');
  });

  test('what ByteWriter writes is read back, in the shortest form', () => {
    const writer = new ByteWriter();
    const check = <T>(value: T, write: (value: T) => void, read: (at: ReturnType<typeof cursor>) => T) => {
      writer.reset();
      write(value);
      const bytes = [...writer.toBytes()];
      expect(whole(read, bytes)).toBe(value);
      // Shortest: the last group cannot be dropped.
      if (bytes.length > 1) {
        const shorter = bytes.slice(0, -1);
        shorter[shorter.length - 1]! &= 0x7f;
        expect(read(cursor(shorter))).not.toBe(value);
      }
    };
    fc.assert(
      fc.property(
        fc.integer(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.nat(63),
        (int, big, shift) => {
          const narrow = int >> (shift & 31);
          check(narrow >>> 0, (v) => writer.u32(v), readU32);
          check(narrow, (v) => writer.s32(v), readS32);
          check(narrow >>> 0, (v) => writer.s33(v), readS33);
          check(BigInt.asUintN(64, big) >> BigInt(shift), (v) => writer.u64(v), readU64);
          check(big >> BigInt(shift), (v) => writer.s64(v), readS64);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('skipU64() and skipS64() step as far as the readers', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 10, maxLength: 12 }), (bytes) => {
        for (const [read, skip] of [
          [readU64, skipU64],
          [readS64, skipS64],
        ] as const) {
          const a = { bytes, position: 0, end: bytes.length };
          const b = { bytes, position: 0, end: bytes.length };
          let failed = false;
          try {
            read(a);
          } catch {
            failed = true;
          }
          if (failed) expect(() => skip(b)).toThrow(MalformedBytes);
          else skip(b);
          expect(b.position).toBe(a.position);
        }
      }),
      { numRuns: 200 },
    );
  });
});
