import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Extents } from './extents.ts';
import { FileContents } from './file-contents.ts';
import { FILE_PAGE_BYTES, FilePages } from './file-pages.ts';

const bytes = (fill: number, size: number = FILE_PAGE_BYTES): Uint8Array => new Uint8Array(size).fill(fill);

/** Pages by number, and the first byte of each. */
const shown = (pages: FilePages, epoch = -1): [[number, number][], readonly number[]] => {
  const { changed, zeroed } = pages.changedSince(epoch);
  return [changed.map(({ page, bytes }) => [page, bytes[0]!]), zeroed];
};

describe('FilePages', () => {
  it('gives the lowest free number, and no more than there may be', () => {
    const pages = new FilePages(4);
    expect([0, 0, 0, 0].map(() => pages.allocate())).toEqual([0, 1, 2, 3]);
    expect(pages.allocate()).toBeUndefined();
    for (const page of [2, 0, 1]) pages.release(page);
    expect(pages.free).toEqual([{ first: 0, count: 3 }]);
    expect([pages.isUsed(2), pages.isUsed(3), pages.isUsed(4)]).toEqual([false, true, false]);
    expect(pages.allocate()).toBe(0);
    expect(pages.pageCount).toBe(4);
  });

  it('tells what has changed since an epoch, and what holds zeros now', () => {
    const pages = new FilePages(10);
    for (const page of [0, 1, 2]) pages.write(pages.allocate()!, bytes(page + 1), 0);
    const first = pages.freeze();
    expect(shown(pages)).toEqual([
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
      [],
    ]);
    expect(shown(pages, first)).toEqual([[], []]);
    pages.write(1, bytes(9), 0);
    pages.release(0);
    pages.write(2, bytes(0), 0);
    expect(shown(pages, first)).toEqual([[[1, 9]], [0, 2]]);
    const second = pages.freeze();
    // Given again, and not written yet: still zeros.
    expect(pages.allocate()).toBe(0);
    expect(shown(pages, first)).toEqual([[[1, 9]], [0, 2]]);
    pages.write(0, bytes(7), 0);
    expect(shown(pages, second)).toEqual([[[0, 7]], []]);
  });

  it('leaves bytes that were taken before freeze() as they were', () => {
    const pages = new FilePages(10);
    const page = pages.allocate()!;
    pages.write(page, bytes(1), 0);
    const [taken] = pages.changedSince(-1).changed;
    pages.freeze();
    pages.write(page, bytes(2, 1), 0);
    pages.clear(page, 100);
    expect(taken!.bytes.every((byte) => byte === 1)).toBe(true);
    const read = bytes(9, 2);
    pages.read(page, read, 0);
    expect([...read]).toEqual([2, 1]);
  });
});

describe('Extents', () => {
  it('a file that is written in order has one, whatever its length', () => {
    const pages = new FilePages(100);
    const contents = new FileContents(pages);
    for (let at = 0; at < 20; at++) contents.write(bytes(1, 3000), contents.sizeBytes);
    expect(contents.extents.save()).toEqual([0, 0, 15]);
  });

  it('restored ones are the same, and take the same pages', () => {
    const pages = new FilePages(100);
    const [one, two] = [new FileContents(pages), new FileContents(pages)];
    for (const at of [0, 5, 1, 9, 3]) {
      one.write(bytes(1, 10), at * FILE_PAGE_BYTES);
      two.write(bytes(2, 10), at * FILE_PAGE_BYTES);
    }
    one.resize(4 * FILE_PAGE_BYTES);
    const copy = new FilePages(100, pages.pageCount);
    const runs = [one, two].flatMap(({ extents }) => extents.list).sort((a, b) => a.page - b.page);
    for (const { page, count } of runs) copy.claim(page, count);
    expect(copy.free).toEqual(pages.free);
    expect(copy.usedCount).toBe(pages.usedCount);
    expect(Extents.restore(one.extents.save())).toEqual(one.extents);
  });
});

describe('FileContents', () => {
  it('holds what a plain array holds, in files that share their pages', () => {
    const step = fc.record({
      file: fc.nat(1),
      kind: fc.constantFrom('write', 'write', 'resize', 'freeze'),
      at: fc.nat(30_000),
      size: fc.nat(9000),
      fill: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const pages = new FilePages(1000);
        const files = [new FileContents(pages), new FileContents(pages)];
        const models: Uint8Array<ArrayBufferLike>[] = [new Uint8Array(0), new Uint8Array(0)];
        for (const { file, kind, at, size, fill } of steps) {
          const contents = files[file]!;
          if (kind === 'freeze') pages.freeze();
          else if (kind === 'resize') {
            contents.resize(at);
            models[file] = resized(models[file]!, at);
          } else {
            expect(contents.write(bytes(fill, size), at)).toBe(size);
            if (size > 0) models[file] = resized(models[file]!, Math.max(at + size, models[file]!.length));
            models[file]!.set(bytes(fill, size), Math.min(at, models[file]!.length - size));
          }
        }
        for (const [index, contents] of files.entries()) {
          const read = bytes(1, 50_000);
          expect(contents.read(read, 0)).toBe(models[index]!.length);
          expect(Buffer.compare(read.subarray(0, contents.sizeBytes), models[index]!)).toBe(0);
          Extents.check(contents.extents.save(), Math.ceil(contents.sizeBytes / FILE_PAGE_BYTES), pages.pageCount, '');
        }
        for (const contents of files) contents.resize(0);
        expect(pages.usedCount).toBe(0);
      }),
    );
  });
});

function resized(array: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(array.subarray(0, size));
  return copy;
}
