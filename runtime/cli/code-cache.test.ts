import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodeCache } from './code-cache.ts';

let base: string;
beforeEach(() => {
  base = fs.mkdtempSync(path.join(tmpdir(), 'wvm-code-'));
  fs.writeFileSync(
    path.join(base, 'main.cjs'),
    "const other = require('./lib/other.cjs'); const os = require('node:os'); exports.lines = () => other.twice(os.EOL); exports.file = __filename;",
  );
  fs.mkdirSync(path.join(base, 'lib'));
  fs.writeFileSync(
    path.join(base, 'lib', 'other.cjs'),
    "exports.twice = (text) => text + text; exports.main = () => require('../main.cjs').file;",
  );
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

const cacheDirectory = (): string => path.join(base, 'cache');
const entries = (): string[] => (fs.existsSync(cacheDirectory()) ? fs.readdirSync(cacheDirectory()).sort() : []);

/** A process of its own: in one process V8 remembers what it has compiled. */
function run(): { value: unknown; accepted: boolean } {
  const code = `import { CodeCache } from ${JSON.stringify(new URL('./code-cache.ts', import.meta.url).href)};
    import { readdirSync, existsSync } from 'node:fs';
    const cache = new CodeCache(${JSON.stringify(cacheDirectory())});
    const { lines, file } = cache.load(${JSON.stringify(path.join(base, 'main.cjs'))});
    const value = [lines(), file];
    const list = () => existsSync(${JSON.stringify(cacheDirectory())}) ? readdirSync(${JSON.stringify(cacheDirectory())}, ).map((name) => name) : [];
    const before = JSON.stringify(list());
    cache.write();
    process.stdout.write(JSON.stringify({ value, accepted: before !== '[]' && before === JSON.stringify(list()) }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  if (stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('CodeCache', () => {
  it('loads files as require does: once each, relative to the file, cycles included', () => {
    const cache = new CodeCache(undefined);
    const main = cache.load(path.join(base, 'main.cjs')) as { lines(): string; file: string };
    const other = cache.load(path.join(base, 'lib', 'other.cjs')) as {
      main(): string;
    };
    expect(main.lines()).toBe('\n\n');
    expect(other.main()).toBe(main.file);
    expect(entries()).toEqual([]);
  });

  it('writes nothing in the first process, and what it has compiled in the second; the third takes it', () => {
    const value = ['\n\n', path.join(base, 'main.cjs')];
    expect(run()).toEqual({ value, accepted: false });
    expect(entries()).toEqual([]);
    expect(run()).toEqual({ value, accepted: false });
    expect(entries().length).toBe(2);
    expect(run()).toEqual({ value, accepted: true });
  });

  it('takes no entry of another file, and replaces one that V8 rejects', () => {
    run();
    run();
    for (const name of entries()) fs.truncateSync(path.join(cacheDirectory(), name), 100);
    expect(run().value).toEqual(['\n\n', path.join(base, 'main.cjs')]);
    for (const name of entries()) expect(fs.statSync(path.join(cacheDirectory(), name)).size).toBeGreaterThan(100);
    // As long as before, and something else.
    const other = path.join(base, 'lib', 'other.cjs');
    fs.writeFileSync(other, fs.readFileSync(other, 'utf8').replace('text + text', 'text + "::"'));
    expect(run().value).toEqual(['\n::', path.join(base, 'main.cjs')]);
  });

  it('does not use a directory that others can write to', () => {
    run();
    fs.chmodSync(cacheDirectory(), 0o777);
    expect(run().accepted).toBe(false);
    expect(entries()).toEqual([]);
  });
});
