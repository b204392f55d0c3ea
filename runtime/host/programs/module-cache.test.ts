import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256Hex } from '../digest.ts';
import { defaultCacheDirectory, ModuleCache } from './module-cache.ts';

const keyOf = (name: string): string => `${sha256Hex(name)}-10000`;

describe('ModuleCache', () => {
  let base: string;
  let lines: string[];
  const trace = (line: string): void => void lines.push(line);
  const module = randomBytes(10_000);
  const fileOf = (key: string): string => path.join(base, 'cache', 'modules', key);
  const open = (maxBytes?: number): ModuleCache =>
    new ModuleCache(path.join(base, 'cache'), maxBytes === undefined ? { trace } : { trace, maxBytes });

  beforeEach(() => {
    base = fs.mkdtempSync(path.join(os.tmpdir(), 'wvm-cache-'));
    lines = [];
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    fs.rmSync(base, { recursive: true, force: true });
  });

  it('get() gives what put() stored, in another process too, and nothing else', () => {
    const cache = open();
    const key = keyOf('a');
    expect(cache.get(key)).toBeUndefined();
    cache.put(key, module);
    expect(Buffer.from(open().get(key)!).equals(module)).toBe(true);
    expect(cache.get(keyOf('b'))).toBeUndefined();
    expect(fs.readdirSync(path.join(base, 'cache', 'modules'))).toEqual([key]);
    expect([fs.statSync(fileOf(key)).mode & 0o777, fs.statSync(path.join(base, 'cache')).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    expect(lines).toEqual([]);
  });

  it('mayHold() knows without a hash what is not there', () => {
    const cache = open();
    expect(cache.mayHold(10_000)).toBe(false);
    cache.put(keyOf('a'), module);
    expect([10_000, 1000, 0, 100_000].map((length) => open().mayHold(length))).toEqual([true, false, false, false]);
    expect(new ModuleCache(null).mayHold(10_000)).toBe(false);
  });

  it('an entry with any damage is a miss, and put() replaces it', () => {
    const cache = open();
    const key = keyOf('a');
    cache.put(key, module);
    const whole = fs.readFileSync(fileOf(key));
    const damaged = [0, 1, 79, 80, whole.length - 1].map((length) => whole.subarray(0, length));
    damaged.push(Buffer.concat([whole, Buffer.from([0])]));
    for (const offset of [0, 3, 4, 8, 39, 40, 71, 72, 79, 80, 5000, whole.length - 1]) {
      const flipped = Buffer.from(whole);
      flipped[offset]! ^= 0x10;
      damaged.push(flipped);
    }
    for (const bytes of damaged) {
      fs.writeFileSync(fileOf(key), bytes);
      expect(cache.get(key)).toBeUndefined();
    }
    expect(lines.length).toBe(damaged.length);
    cache.put(key, module);
    expect(cache.get(key)).toBeDefined();
  });

  it('an entry renamed to another key is a miss', () => {
    const cache = open();
    cache.put(keyOf('a'), module);
    fs.renameSync(fileOf(keyOf('a')), fileOf(keyOf('b')));
    expect(cache.get(keyOf('b'))).toBeUndefined();
  });

  it('a directory or an entry that others may write to counts as absent', () => {
    const key = keyOf('a');
    open().put(key, module);
    fs.chmodSync(fileOf(key), 0o620);
    expect(open().get(key)).toBeUndefined();
    fs.chmodSync(fileOf(key), 0o600);
    for (const directory of ['cache', 'cache/modules']) {
      for (const mode of [0o720, 0o702]) {
        fs.chmodSync(path.join(base, directory), mode);
        expect(open().get(key)).toBeUndefined();
        open().put(keyOf('b'), module);
        expect(fs.existsSync(fileOf(keyOf('b')))).toBe(false);
      }
      fs.chmodSync(path.join(base, directory), 0o700);
    }
    expect(open().get(key)).toBeDefined();
    expect(lines.length).toBe(9);
  });

  it.runIf(process.getuid?.() === 0)('a directory or an entry of another user counts as absent', () => {
    const key = keyOf('a');
    open().put(key, module);
    fs.chownSync(fileOf(key), 12345, 12345);
    expect(open().get(key)).toBeUndefined();
    fs.chownSync(fileOf(key), 0, 0);
    fs.chownSync(path.join(base, 'cache'), 12345, 12345);
    expect(open().get(key)).toBeUndefined();
  });

  it('a link in place of an entry is not followed', () => {
    const cache = open();
    const key = keyOf('a');
    cache.put(key, module);
    fs.renameSync(fileOf(key), path.join(base, 'elsewhere'));
    fs.symlinkSync(path.join(base, 'elsewhere'), fileOf(key));
    expect(cache.get(key)).toBeUndefined();
    cache.put(key, module);
    expect(fs.lstatSync(fileOf(key)).isFile()).toBe(true);
  });

  it('a directory that cannot be made is skipped, and null is no cache', () => {
    fs.writeFileSync(path.join(base, 'cache'), 'a file');
    const cache = open();
    cache.put(keyOf('a'), module);
    expect(cache.get(keyOf('a'))).toBeUndefined();
    expect(lines.length).toBe(1);
    new ModuleCache(null).put(keyOf('a'), module);
    expect(new ModuleCache(null).get(keyOf('a'))).toBeUndefined();
  });

  it('the least recently used entries go when there is too much, and what died half-written', () => {
    const cache = open(100_000);
    const old = path.join(base, 'cache', 'modules', 'x.tmp');
    fs.writeFileSync(old, '');
    fs.utimesSync(old, 1, 1);
    const keys = Array.from({ length: 200 }, (_, index) => keyOf(`module ${index}`));
    for (const [index, key] of keys.entries()) {
      cache.put(key, module);
      fs.utimesSync(fileOf(key), 1000 + index, 1000 + index);
      // Used on every turn, so never the oldest.
      cache.get(keys[0]!);
    }
    const left = fs.readdirSync(path.join(base, 'cache', 'modules'));
    // One put in sixteen makes room; 75 is far beyond the longest pause between two of them.
    expect(left.length).toBeLessThan(75);
    expect(left).toContain(keys[0]);
    expect(left).toContain(keys.at(-1));
    expect(left).not.toContain(keys[1]);
    expect(left).not.toContain('x.tmp');
  });

  it('many processes write the same entries at once, and every read is whole or a miss', async () => {
    const code = `import { ModuleCache } from ${JSON.stringify(new URL('./module-cache.ts', import.meta.url).href)};
      const lines = []; const cache = new ModuleCache(${JSON.stringify(path.join(base, 'cache'))}, { trace: (line) => lines.push(line) });
      for (let i = 0; i < 150; i++) {
        const key = String(i % 5).repeat(64) + '-50000';
        cache.put(key, new Uint8Array(50000 + (i % 5)).fill(i % 5));
        const got = cache.get(key);
        if (got?.length !== 50000 + (i % 5) || got.some((byte) => byte !== i % 5)) lines.push('wrong ' + got?.length);
      }
      if (lines.length > 0) throw new Error(lines.join());`;
    const runs = Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      return new Promise((resolve) => child.on('exit', resolve));
    });
    expect(await Promise.all(runs)).toEqual([0, 0, 0, 0]);
    expect(fs.readdirSync(path.join(base, 'cache', 'modules')).length).toBe(5);
  }, 60_000); // Four processes share whatever is left of the machine.

  it('defaultCacheDirectory() obeys XDG_CACHE_HOME if it is absolute', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/some/cache');
    expect(defaultCacheDirectory()).toBe('/some/cache/wvm');
    vi.stubEnv('XDG_CACHE_HOME', 'relative');
    vi.stubEnv('HOME', '/home/someone');
    expect(defaultCacheDirectory()).toBe('/home/someone/.cache/wvm');
  });
});
