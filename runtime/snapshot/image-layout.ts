// The frame of an image: header, records, trailer. All integers little-endian; FORMAT.md explains the whole.
//
//   header, 32 bytes          record, 32 bytes + payload            trailer, 64 bytes
//    0  magic 8               0  type u32                           0  magic 8
//    8  format version u32    4  sequence u32 (0, 1, 2, …)          8  total length u64, trailer included
//   12  header length u32     8  payload length u64                16  SHA-256 of all bytes before the trailer, 32
//   16  flags u32 = 0        16  checksum of the payload u64       48  reserved u64 = 0
//   20  reserved u32 = 0     24  checksum of bytes 0-23 u64        56  checksum of bytes 0-55 u64
//   24  checksum of 0-23 u64 32  payload, zeros to a multiple of 8
//
// Both magics begin with a byte above 7f and hold CR LF, ^Z and LF, so that a transfer as text shows at once.

import { assert } from '../base/assert.ts';
import { badImage } from './bad-image.ts';
import type { StripeKernel } from './image-ports.ts';
import { checksum } from './stripes.ts';

export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 32;
export const RECORD_HEADER_BYTES = 32;
export const TRAILER_BYTES = 64;
/** Contents of one page block; bounds the memory that a streaming reader or writer needs. */
export const MAX_CONTENTS_BYTES: number = 1 << 20;

// \x89 W V M \r \n ^Z \n and \x89 E N D \r \n ^Z \n
const HEADER_MAGIC = Uint8Array.of(0x89, 0x57, 0x56, 0x4d, 0x0d, 0x0a, 0x1a, 0x0a);
const TRAILER_MAGIC = Uint8Array.of(0x89, 0x45, 0x4e, 0x44, 0x0d, 0x0a, 0x1a, 0x0a);

/** Record types, in the order in which the records stand in an image. */
export const RecordType = {
  MACHINE: 1,
  TREE: 2,
  MODULE: 3,
  KERNEL: 4,
  INSTANCE: 5,
  THREAD: 6,
  PAGES: 7,
  CONTENTS: 8,
  END: 9,
} as const;
export type RecordType = number;

const MiB = 1 << 20;
/** The longest payload of each type. Each leaves room for far more than any machine has, and bounds what a reader takes. */
export const MAX_PAYLOAD_BYTES: Readonly<Record<RecordType, number>> = {
  [RecordType.MACHINE]: MiB,
  [RecordType.TREE]: 16 * MiB,
  // V8 takes no module above 1 GiB.
  [RecordType.MODULE]: 1025 * MiB,
  [RecordType.KERNEL]: 64 * MiB,
  [RecordType.INSTANCE]: 256 * MiB,
  [RecordType.THREAD]: 256 * MiB,
  [RecordType.PAGES]: 16 + (8 * MAX_CONTENTS_BYTES) / 4096,
  [RecordType.CONTENTS]: MAX_CONTENTS_BYTES,
  [RecordType.END]: 24,
};

const names: ReadonlyMap<RecordType, string> = new Map(Object.entries(RecordType).map(([name, type]) => [type, name]));

export function recordTypeName(type: RecordType): string {
  return names.get(type) ?? `type ${type}`;
}

/** Bytes from a payload's end to the next multiple of 8. */
export function paddingBytes(payloadBytes: number): number {
  return (8 - (payloadBytes % 8)) % 8;
}

export function encodeHeader(stripes: StripeKernel): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(HEADER_MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, HEADER_BYTES, true);
  seal(stripes, bytes);
  return bytes;
}

export function checkHeader(stripes: StripeKernel, bytes: Uint8Array): void {
  const view = viewOf(bytes);
  checkMagic(bytes, HEADER_MAGIC, 'header');
  // Before the checksum, which another version may compute in another way.
  const version = view.getUint32(8, true);
  if (version !== FORMAT_VERSION) {
    throw badImage('WVM_IMAGE_BAD_VERSION', 'header', `format version ${version}; this wvm reads ${FORMAT_VERSION}`);
  }
  checkSeal(stripes, bytes, 'header');
  const length = view.getUint32(12, true);
  if (length !== HEADER_BYTES)
    throw badImage('WVM_IMAGE_BAD_RECORD', 'header', `length ${length}, not ${HEADER_BYTES}`);
  checkZero(view.getBigUint64(16, true), 'header', 'flags');
}

export interface RecordHeader {
  readonly type: RecordType;
  readonly sequence: number;
  readonly payloadBytes: number;
  readonly payloadChecksum: bigint;
}

export function encodeRecordHeader(stripes: StripeKernel, header: RecordHeader): Uint8Array {
  const longest = MAX_PAYLOAD_BYTES[header.type]!;
  assert(header.payloadBytes <= longest, `${recordTypeName(header.type)} record of ${header.payloadBytes} bytes`);
  const bytes = new Uint8Array(RECORD_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header.type, true);
  view.setUint32(4, header.sequence, true);
  view.setBigUint64(8, BigInt(header.payloadBytes), true);
  view.setBigUint64(16, header.payloadChecksum, true);
  seal(stripes, bytes);
  return bytes;
}

/** Everything but the payload's checksum is checked: the length may be used. */
export function decodeRecordHeader(stripes: StripeKernel, bytes: Uint8Array, sequence: number): RecordHeader {
  const place = `header of record ${sequence}`;
  checkSeal(stripes, bytes, place);
  const view = viewOf(bytes);
  const type = view.getUint32(0, true);
  const longest = MAX_PAYLOAD_BYTES[type];
  if (longest === undefined) throw badImage('WVM_IMAGE_BAD_RECORD', place, `unknown type ${type}`);
  const found = view.getUint32(4, true);
  if (found !== sequence) throw badImage('WVM_IMAGE_BAD_RECORD', place, `sequence number ${found}`);
  const payloadBytes = view.getBigUint64(8, true);
  if (payloadBytes > BigInt(longest)) {
    throw badImage('WVM_IMAGE_LIMIT', place, `${recordTypeName(type)} of ${payloadBytes} bytes; at most ${longest}`);
  }
  return { type, sequence, payloadBytes: Number(payloadBytes), payloadChecksum: view.getBigUint64(16, true) };
}

export function encodeTrailer(stripes: StripeKernel, totalBytes: number, digest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(TRAILER_MAGIC);
  view.setBigUint64(8, BigInt(totalBytes), true);
  assert(digest.length === 32, `SHA-256 of ${digest.length} bytes`);
  bytes.set(digest, 16);
  seal(stripes, bytes);
  return bytes;
}

/** The SHA-256 that the trailer states. */
export function decodeTrailer(stripes: StripeKernel, bytes: Uint8Array, totalBytes: number): Uint8Array {
  checkMagic(bytes, TRAILER_MAGIC, 'trailer');
  checkSeal(stripes, bytes, 'trailer');
  const view = viewOf(bytes);
  const stated = view.getBigUint64(8, true);
  if (stated !== BigInt(totalBytes)) {
    throw badImage('WVM_IMAGE_CORRUPT', 'trailer', `total length ${stated}, but there are ${totalBytes} bytes`);
  }
  checkZero(view.getBigUint64(48, true), 'trailer', 'reserved field');
  return bytes.slice(16, 48);
}

/** The last 8 bytes of a header, record header or trailer are the checksum of the bytes before them. */
function seal(stripes: StripeKernel, bytes: Uint8Array): void {
  const sum = checksum(stripes, [bytes.subarray(0, bytes.length - 8)]);
  viewOf(bytes).setBigUint64(bytes.length - 8, sum, true);
}

function checkSeal(stripes: StripeKernel, bytes: Uint8Array, place: string): void {
  const stated = viewOf(bytes).getBigUint64(bytes.length - 8, true);
  checkSum(stated, checksum(stripes, [bytes.subarray(0, bytes.length - 8)]), place);
}

export function checkSum(stated: bigint, computed: bigint, place: string): void {
  if (stated === computed) return;
  const difference = `checksum ${computed.toString(16)}, but ${stated.toString(16)} is stated`;
  throw badImage('WVM_IMAGE_CORRUPT', place, difference);
}

/** Of the beginning of an image, as far as it goes. */
export function checkMagicOf(bytes: Uint8Array): void {
  checkMagic(bytes, HEADER_MAGIC.subarray(0, bytes.length), 'header');
}

function checkMagic(bytes: Uint8Array, magic: Uint8Array, place: string): void {
  for (let i = 0; i < magic.length; i++) {
    if (bytes[i] !== magic[i]) {
      const code = place === 'header' ? 'WVM_IMAGE_BAD_MAGIC' : 'WVM_IMAGE_CORRUPT';
      throw badImage(code, place, `does not begin with the ${place}'s magic number`);
    }
  }
}

function checkZero(value: bigint, place: string, what: string): void {
  if (value !== 0n) throw badImage('WVM_IMAGE_BAD_RECORD', place, `${what} 0x${value.toString(16)}, not 0`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
