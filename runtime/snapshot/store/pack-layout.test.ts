import { expect, test } from 'vitest';
import { type ChunkId, hexOf } from './chunk-id.ts';
import {
  type BlockEntry,
  decodePackFooter,
  decodePackIndex,
  encodePackFooter,
  encodePackHeader,
  encodePackIndex,
  type IndexedBlock,
  PACK_FOOTER_BYTES,
  PACK_HEADER_BYTES,
  packHeaderProblem,
} from './pack-layout.ts';

const id = (byte: number): ChunkId => String.fromCharCode(byte).repeat(32) as ChunkId;
const blocks: BlockEntry[] = [
  {
    offset: 16,
    storedBytes: 100,
    sizeBytes: 300,
    codec: 1,
    digest: id(200),
    ids: [id(1), id(2)],
    starts: Uint32Array.of(0, 100, 300),
  },
  {
    offset: 116,
    storedBytes: 50,
    sizeBytes: 50,
    codec: 0,
    digest: id(201),
    ids: [id(3)],
    starts: Uint32Array.of(0, 50),
  },
];
const index = encodePackIndex(blocks);
const fileBytes = PACK_HEADER_BYTES + 150 + index.length + PACK_FOOTER_BYTES;

test('what is encoded is decoded', () => {
  const decoded = decodePackIndex(index, fileBytes) as IndexedBlock[];
  const plain = decoded.map(({ offset, storedBytes, sizeBytes, codec, digest, ids, starts }) => {
    return { offset, storedBytes, sizeBytes, codec, digest, ids, starts };
  });
  expect(plain).toEqual(blocks);
  expect(decodePackFooter(encodePackFooter(index.length, id(9)))).toEqual({
    indexBytes: index.length,
    name: hexOf(id(9)),
  });
  expect(packHeaderProblem(encodePackHeader())).toBeUndefined();
});

test('an index that is cut short, or of another file, is refused', () => {
  for (let length = 0; length < index.length; length++) {
    expect(typeof decodePackIndex(index.subarray(0, length), fileBytes - (index.length - length))).toBe('string');
  }
  expect(typeof decodePackIndex(index, fileBytes + 1)).toBe('string');
});

test('any changed number of an index is refused, or says something that holds all the same', () => {
  for (let at = 0; at < index.length; at++) {
    for (const bit of [1, 0x80]) {
      const changed = index.slice();
      changed[at]! ^= bit;
      const decoded = decodePackIndex(changed, fileBytes);
      if (typeof decoded === 'string') continue;
      let end = PACK_HEADER_BYTES;
      for (const { offset, storedBytes, sizeBytes, ids, starts } of decoded) {
        expect([offset, starts[ids.length]]).toEqual([end, sizeBytes]);
        end += storedBytes;
      }
      expect(end).toBe(fileBytes - index.length - PACK_FOOTER_BYTES);
    }
  }
});
