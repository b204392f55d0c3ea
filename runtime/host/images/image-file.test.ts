import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeImageFile, writeStream } from './image-file.ts';
import { writeNumberedImage } from './image-series.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wvm-image-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const partial = (pid: number): string =>
  `.a.wvm.${hostname().replace(/[^A-Za-z0-9]/g, '')}-${pid}-00000000.wvm-partial`;

describe('writeImageFile()', () => {
  test('writes every chunk and says how many bytes, for its owner only', async () => {
    const path = join(directory, 'a.wvm');
    const seen: number[] = [];
    const onProgress = (written: number): number => seen.push(written);
    expect(await writeImageFile(path, [bytes('ab'), bytes(''), bytes('cde')], { onProgress })).toBe(5);
    expect(readFileSync(path, 'utf8')).toBe('abcde');
    expect(seen).toEqual([2, 2, 5]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['a.wvm']);
  });

  test('keeps the old content until the new one is whole, and if there is none', async () => {
    const path = join(directory, 'a.wvm');
    writeFileSync(path, 'old');
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield bytes('new');
      expect(readFileSync(path, 'utf8')).toBe('old');
      expect(readdirSync(directory)).toHaveLength(2);
      throw new Error('the machine is gone');
    }
    await expect(writeImageFile(path, breaking())).rejects.toThrow('the machine is gone');
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(directory)).toEqual(['a.wvm']);
  });

  test('replaces the target of a link, not the link', async () => {
    mkdirSync(join(directory, 'far'));
    writeFileSync(join(directory, 'far', 'b.wvm'), 'old');
    symlinkSync('far/b.wvm', join(directory, 'a.wvm'));
    await writeImageFile(join(directory, 'a.wvm'), [bytes('new')]);
    expect(lstatSync(join(directory, 'a.wvm')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(directory, 'far', 'b.wvm'), 'utf8')).toBe('new');
  });

  test('writes to a device instead of replacing it', async () => {
    await writeImageFile('/dev/null', [bytes('x')]);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    await expect(writeImageFile('/dev/full', [bytes('x')])).rejects.toMatchObject({
      code: 'WVM_FILE',
      hint: expect.stringContaining('free some space'),
    });
  });

  test('names the place that cannot be written', async () => {
    await expect(writeImageFile(directory, [])).rejects.toMatchObject({
      code: 'WVM_FILE',
      message: /it is a directory/,
    });
    const missing = join(directory, 'none', 'a.wvm');
    await expect(writeImageFile(missing, [])).rejects.toMatchObject({ code: 'WVM_FILE' });
    await expect(writeImageFile(join(directory, 'a'.repeat(300)), [])).rejects.toMatchObject({ code: 'WVM_FILE' });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('removes what a killed writer of this host left, and nothing of a living one', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    for (const name of [partial(dead), partial(process.ppid), '.a.wvm.elsewhere-1-00000000.wvm-partial']) {
      writeFileSync(join(directory, name), '');
    }
    await writeImageFile(join(directory, 'a.wvm'), [bytes('x')]);
    expect(existsSync(join(directory, partial(dead)))).toBe(false);
    expect(readdirSync(directory)).toHaveLength(3);
  });
});

test.each([0, 1, 2, 4, 8, 16])('a process that ends after %i turns of its loop leaves no partial file', (turns) => {
  const script = `
    import { writeImageFile } from ${JSON.stringify(new URL('./image-file.ts', import.meta.url).href)};
    async function* endless() { for (;;) { yield new Uint8Array(100); await new Promise(setImmediate); } }
    void writeImageFile(${JSON.stringify(join(directory, 'a.wvm'))}, endless());
    let turns = 0;
    const turn = () => { if (turns++ === ${turns}) process.exit(7); setImmediate(turn); };
    turn();`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  expect([status, stderr.toString()]).toEqual([7, '']);
  expect(readdirSync(directory)).toEqual([]);
});

describe('writeNumberedImage()', () => {
  test('continues the numbers that are there, and replaces nothing', async () => {
    const nested = join(directory, 'x', 'y');
    expect(await writeNumberedImage(nested, 'app', [bytes('1')])).toMatchObject({ sequence: 1, sizeBytes: 1 });
    writeFileSync(join(nested, 'app-0007.wvm'), 'keep');
    writeFileSync(join(nested, 'app-x-0100.wvm'), 'other machine');
    const { file, sequence } = await writeNumberedImage(nested, 'app', [bytes('8')]);
    expect([file, sequence]).toEqual([join(nested, 'app-0008.wvm'), 8]);
    expect(await writeNumberedImage(nested, 'app', [], { firstSequence: 20 })).toMatchObject({ sequence: 20 });
  });

  test('gives writers at the same time numbers of their own', async () => {
    const texts = Array.from({ length: 12 }, (_, index) => `image ${index}`);
    const written = await Promise.all(texts.map((text) => writeNumberedImage(directory, 'app', [bytes(text)])));
    for (const [index, { file }] of written.entries()) expect(readFileSync(file, 'utf8')).toBe(texts[index]);
    expect(new Set(written.map(({ sequence }) => sequence)).size).toBe(12);
    expect(readdirSync(directory)).toHaveLength(12);
  });
});

test('writeStream() goes at the pace of the reader, and fails with it', async () => {
  const stream = new PassThrough({ highWaterMark: 4 });
  let produced = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (; produced < 1000; produced++) yield bytes('0123456789');
  }
  const writing = writeStream(stream, endless());
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(produced).toBeLessThan(5);
  stream.destroy(new Error('reader gone'));
  await expect(writing).rejects.toThrow(/reader gone|destroyed/);
});
