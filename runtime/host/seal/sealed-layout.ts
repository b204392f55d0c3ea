// A sealed file: any bytes, encrypted (AES-256-GCM) or signed (Ed25519) or both, in segments that are checked one by one, so
// that nothing unchecked is ever given out and memory stays bounded.
//
//   header, 64 bytes                          segments
//    0  magic 8                                the bytes, or their ciphertext: all of them as long as the header says,
//    8  version u32 = 1                        the last one may be shorter, also empty
//   12  flags u32: 1 encrypted, 2 signed       16  GCM tag, if encrypted
//   16  segment length u32                     64  Ed25519 signature, if signed
//   20  reserved u32 = 0
//   24  salt, 32 random bytes
//   56  first 8 bytes of the SHA-256 of the signer's public key (SPKI), or zeros
//
//   key of the file = HKDF-SHA-256(key, salt: the whole header, info: "wvm sealed 1"), 32 bytes
//   nonce, 12 bytes = number of the segment u64 · 0 0 0 · 1 if it is the last one, else 0
//   signed message  = "wvm segment\0" · SHA-256 of the header · nonce · SHA-256 of the segment with its tag
//
// The number and the last flag are in nonce and message: segments cannot be left out, swapped or taken from another file, and a file
// that was cut short does not end with a last one. Each file has a key of its own, so a nonce is never used twice with one.

import { createHash, hkdfSync, type KeyObject } from 'node:crypto';
import { badImage } from '../../snapshot/bad-image.ts';

export const SEAL_HEADER_BYTES = 64;
export const TAG_BYTES = 16;
export const SIGNATURE_BYTES = 64;
const NONCE_BYTES = 12;
const VERSION = 1;
const ENCRYPTED = 1;
const SIGNED = 2;
const SALT_BYTES = 32;
const MAX_SEGMENT_BYTES: number = 1 << 24;

// \x89 W V S \r \n ^Z \n
const MAGIC = Buffer.of(0x89, 0x57, 0x56, 0x53, 0x0d, 0x0a, 0x1a, 0x0a);

export interface SealHeader {
  readonly isEncrypted: boolean;
  readonly isSigned: boolean;
  readonly segmentBytes: number;
  readonly salt: Uint8Array;
  /** 8 bytes. */
  readonly signer: Uint8Array;
}

export function isSealed(start: Uint8Array): boolean {
  return start.length >= MAGIC.length && MAGIC.equals(start.subarray(0, MAGIC.length));
}

export function encodeSealHeader(header: SealHeader): Buffer {
  const bytes = Buffer.alloc(SEAL_HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE((header.isEncrypted ? ENCRYPTED : 0) | (header.isSigned ? SIGNED : 0), 12);
  bytes.writeUInt32LE(header.segmentBytes, 16);
  bytes.set(header.salt.subarray(0, SALT_BYTES), 24);
  bytes.set(header.signer.subarray(0, 8), 56);
  return bytes;
}

export function decodeSealHeader(bytes: Uint8Array): SealHeader {
  const place = 'header of the sealed file';
  if (bytes.length < SEAL_HEADER_BYTES) throw badImage('WVM_IMAGE_TRUNCATED', place, `${bytes.length} bytes`);
  if (!isSealed(bytes)) throw badImage('WVM_IMAGE_BAD_MAGIC', place, 'it is not sealed');
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, SEAL_HEADER_BYTES);
  const version = view.readUInt32LE(8);
  if (version !== VERSION)
    throw badImage('WVM_IMAGE_BAD_VERSION', place, `version ${version}; this wvm reads ${VERSION}`);
  const flags = view.readUInt32LE(12);
  const segmentBytes = view.readUInt32LE(16);
  if (flags === 0 || flags > (ENCRYPTED | SIGNED) || view.readUInt32LE(20) !== 0) {
    throw badImage('WVM_IMAGE_BAD_RECORD', place, `flags ${flags}`);
  }
  if (segmentBytes === 0 || segmentBytes > MAX_SEGMENT_BYTES) {
    throw badImage('WVM_IMAGE_BAD_RECORD', place, `segments of ${segmentBytes} bytes`);
  }
  return {
    isEncrypted: (flags & ENCRYPTED) !== 0,
    isSigned: (flags & SIGNED) !== 0,
    segmentBytes,
    salt: view.subarray(24, 24 + SALT_BYTES),
    signer: view.subarray(56, 64),
  };
}

/** What a segment is longer than its bytes. */
export function overheadBytes({ isEncrypted, isSigned }: SealHeader): number {
  return (isEncrypted ? TAG_BYTES : 0) + (isSigned ? SIGNATURE_BYTES : 0);
}

export function fileKey(key: Uint8Array, header: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', key, header, 'wvm sealed 1', 32));
}

export function segmentNonce(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeBigUInt64LE(BigInt(number), 0);
  nonce.writeUInt8(isLast ? 1 : 0, 11);
  return nonce;
}

export function signedMessage(headerDigest: Uint8Array, nonce: Uint8Array, segment: Uint8Array): Buffer {
  const digest = createHash('sha256').update(segment).digest();
  return Buffer.concat([Buffer.from('wvm segment\0'), headerDigest, nonce, digest]);
}

export function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** What tells one signer from another. */
export function signerOf(publicKey: KeyObject): Buffer {
  return digestOf(publicKey.export({ type: 'spki', format: 'der' })).subarray(0, 8);
}
