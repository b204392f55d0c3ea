// The bytes of a file in memory: sparse, in pages of its file system.

import type { FateTable } from '../fate.ts';
import { Extents } from './extents.ts';
import { FILE_PAGE_BYTES, type FilePages, isZero } from './file-pages.ts';

/** As ext4 with blocks of 4 KiB; beyond it EFBIG. */
export const FILE_SIZE_MAX: number = 2 ** 44;

export class FileContents {
  static readonly fates: FateTable = { pages: 'derived', extents: 'saved', sizeBytes: 'saved' };

  /** Derived: those of the file system. */
  readonly pages: FilePages;
  readonly extents: Extents;
  sizeBytes: number;

  constructor(pages: FilePages, extents: Extents = new Extents(), sizeBytes = 0) {
    this.pages = pages;
    this.extents = extents;
    this.sizeBytes = sizeBytes;
  }

  /** Bytes read; 0 at the end. */
  read(target: Uint8Array, offset: number): number {
    const size = Math.min(target.length, this.sizeBytes - offset);
    if (size <= 0) return 0;
    for (let at = 0; at < size; ) {
      const inPage = (offset + at) % FILE_PAGE_BYTES;
      const count = Math.min(size - at, FILE_PAGE_BYTES - inPage);
      const page = this.extents.find((offset + at - inPage) / FILE_PAGE_BYTES);
      const part = target.subarray(at, at + count);
      if (page === undefined) part.fill(0);
      else this.pages.read(page, part, inPage);
      at += count;
    }
    return size;
  }

  /** Bytes written: fewer if the file system is full. */
  write(source: Uint8Array, offset: number): number {
    let at = 0;
    while (at < source.length) {
      const inPage = (offset + at) % FILE_PAGE_BYTES;
      const index = (offset + at - inPage) / FILE_PAGE_BYTES;
      const count = Math.min(source.length - at, FILE_PAGE_BYTES - inPage);
      let page = this.extents.find(index);
      if (page === undefined) {
        page = this.pages.allocate();
        if (page === undefined) break;
        this.extents.add(index, page);
      }
      this.pages.write(page, source.subarray(at, at + count), inPage);
      at += count;
    }
    if (at > 0) this.sizeBytes = Math.max(this.sizeBytes, offset + at);
    return at;
  }

  /** Appends what another file holds, up to a page at a time; zeros become holes. False if the file system is full. */
  append(bytes: Uint8Array): boolean {
    if (bytes.length > 0 && !isZero(bytes)) {
      return this.write(bytes, this.sizeBytes) === bytes.length;
    }
    this.sizeBytes += bytes.length;
    return true;
  }

  resize(sizeBytes: number): void {
    if (sizeBytes < this.sizeBytes) {
      this.extents.cut(Math.ceil(sizeBytes / FILE_PAGE_BYTES), (page) => this.pages.release(page));
      const inPage = sizeBytes % FILE_PAGE_BYTES;
      const last = this.extents.find((sizeBytes - inPage) / FILE_PAGE_BYTES);
      if (inPage > 0 && last !== undefined) this.pages.clear(last, inPage);
    }
    this.sizeBytes = sizeBytes;
  }
}
