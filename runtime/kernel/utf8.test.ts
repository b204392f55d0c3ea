import { describe, expect, it } from 'vitest';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

describe('decodeUtf8() and encodeUtf8()', () => {
  it('agree with the platform on every code point', () => {
    const encoder = new TextEncoder();
    for (let code = 0; code <= 0x10ffff; code += code < 0x900 ? 1 : 37) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const text = String.fromCodePoint(code);
      const bytes = encodeUtf8(text);
      expect([...bytes]).toEqual([...encoder.encode(text)]);
      expect(decodeUtf8(bytes, 0, bytes.length)).toBe(text);
    }
  });

  it('refuse what is no UTF-8, as the platform does', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const samples: number[][] = [];
    for (let first = 0; first < 256; first++) {
      for (const second of [[], [0x20], [0x80], [0x8f], [0x90], [0x9f], [0xa0], [0xbf], [0xc0]]) {
        for (const rest of [[], [0x80], [0x80, 0x80], [0xbf, 0xbf], [0x80, 0x80, 0x80]]) {
          samples.push([first, ...second, ...rest]);
        }
      }
    }
    for (const sample of samples) {
      let expected: string | undefined;
      try {
        expected = decoder.decode(Uint8Array.from(sample));
      } catch {
        expected = undefined;
      }
      expect([sample, decodeUtf8(Uint8Array.from(sample), 0, sample.length)]).toEqual([sample, expected]);
    }
  });

  it('a lone surrogate becomes U+FFFD', () => {
    expect([...encodeUtf8('a\ud800b')]).toEqual([0x61, 0xef, 0xbf, 0xbd, 0x62]);
  });
});
