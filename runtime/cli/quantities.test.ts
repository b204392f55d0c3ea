import { describe, expect, test } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseFuel, parseSeed, parseSize } from './quantities.ts';

describe('parseSize()', () => {
  test.each([
    ['1', 1],
    ['65536', 65536],
    ['64k', 65536],
    ['64K', 65536],
    ['64KiB', 65536],
    ['64M', 64 * 2 ** 20],
    ['1G', 2 ** 30],
    ['2GB', 2 ** 31],
    ['1T', 2 ** 40],
  ])('reads %s as %d bytes', (text, sizeBytes) => {
    expect(parseSize(text)).toBe(sizeBytes);
  });

  test.each(['', '0', '0M', '-1', '1.5M', '64 M', 'M', '64X', '1e9', '0x10', 'NaN', '99999999999999T', '64M ', '６４'])(
    'refuses %j',
    (text) => {
      expect(() => parseSize(text)).toThrow(/size like/);
    },
  );
});

describe('parseDuration()', () => {
  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h30m', 5_400_000],
    ['1m500ms', 60_500],
    ['1d', 86_400_000],
  ])('reads %s as %d ms', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  test.each(['', '10', '0s', '0.0001ms', '-1s', '10 s', 's', '1s2', 'x1s', '1us', '1S', '1e3s', '.5s'])(
    'refuses %j',
    (text) => {
      expect(() => parseDuration(text)).toThrow(/duration like/);
    },
  );

  test('refuses what no timer can wait for', () => {
    expect(parseDuration('24d')).toBe(24 * 86_400_000);
    expect(() => parseDuration('25d')).toThrow(/longest/);
    expect(() => parseDuration('999999999999999999999999h')).toThrow(/longest/);
  });
});

describe('parseFuel() and parseSeed()', () => {
  test('read 64-bit numbers exactly', () => {
    expect(parseFuel('9223372036854775807')).toBe(2n ** 63n - 1n);
    expect(parseSeed('18446744073709551615')).toBe(2n ** 64n - 1n);
    expect(parseSeed('0xFFFFFFFFFFFFFFFF')).toBe(2n ** 64n - 1n);
    expect(parseSeed('0')).toBe(0n);
  });

  test.each(['', '0', '-5', '1.5', '1e9', '9223372036854775808', '0x10', '5k'])('parseFuel() refuses %j', (text) => {
    expect(() => parseFuel(text)).toThrow(/whole number/);
  });

  test.each(['', '-1', '1.5', '18446744073709551616', '0x', '0x10000000000000000', 'abc'])(
    'parseSeed() refuses %j',
    (text) => {
      expect(() => parseSeed(text)).toThrow(/number below/);
    },
  );
});

test('formatSize() and formatDuration() keep to three or four characters of number', () => {
  expect([0, 1023, 1024, 1_572_864, 64 * 2 ** 20, 2 ** 40].map(formatSize)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '64.0 MiB',
    '1.0 TiB',
  ]);
  expect([0.25, 12.4, 3400, 306_000, 7_500_000, 273_600_000].map(formatDuration)).toEqual([
    '0.3 ms',
    '12 ms',
    '3.4 s',
    '5m06s',
    '2h05m',
    '3d04h',
  ]);
});
