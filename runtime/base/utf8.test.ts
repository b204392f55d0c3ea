import { describe, expect, test } from 'vitest';
import { MalformedBytes } from './leb128.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

describe('UTF-8', () => {
  test.each(['', 'plain', 'a\0b', '\ufeffbom', 'naïve 😀', 'x'.repeat(100), `${'y'.repeat(40)}é`])(
    '%j round-trips',
    (text) => {
      expect(decodeUtf8(encodeUtf8(text))).toBe(text);
    },
  );

  test('decodeUtf8() reads a range', () => {
    expect(decodeUtf8(encodeUtf8('abcdef'), 2, 4)).toBe('cd');
  });

  test.each([
    ['a stray continuation', [0x61, 0x80]],
    ['an overlong form', [0xc0, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut sequence', [0xe2, 0x82]],
  ])('decodeUtf8() refuses %s', (_, bytes) => {
    expect(() => decodeUtf8(Uint8Array.from(bytes))).toThrow(MalformedBytes);
  });
});
