// Bytes -> a sealed file, as a stream: sealed-layout.ts draws it.

import { createCipheriv, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { digestOf, encodeSealHeader, fileKey, segmentNonce, signedMessage, signerOf } from './sealed-layout.ts';

export interface SealKeys {
  /** 32 bytes: encrypt. */
  readonly secret?: Uint8Array | undefined;
  /** An Ed25519 private key: sign. */
  readonly signing?: KeyObject | undefined;
}

/** Large enough that hashing and encrypting, not calling, is what takes the time. */
const SEGMENT_BYTES: number = 1 << 20;

/** `keys` has one of the two at least. The result depends on nothing but the bytes, the keys and the salt. */
export async function* seal(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  keys: SealKeys,
  options: { readonly segmentBytes?: number } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
  const sealer = new Sealer(keys, segmentBytes);
  yield sealer.header;
  const room = Buffer.alloc(segmentBytes);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      // A full segment waits until there is more: it may be the last.
      if (filled === segmentBytes) {
        yield sealer.segment(room, false);
        filled = 0;
      }
      const count = Math.min(chunk.length - at, segmentBytes - filled);
      room.set(chunk.subarray(at, at + count), filled);
      filled += count;
      at += count;
    }
  }
  yield sealer.segment(room.subarray(0, filled), true);
}

class Sealer {
  readonly header: Uint8Array;
  readonly #key: Buffer | undefined;
  readonly #signing: KeyObject | undefined;
  readonly #headerDigest: Buffer;
  #count = 0;

  constructor({ secret, signing }: SealKeys, segmentBytes: number) {
    this.#signing = signing;
    this.header = encodeSealHeader({
      isEncrypted: secret !== undefined,
      isSigned: signing !== undefined,
      segmentBytes,
      salt: randomBytes(32),
      signer: signing === undefined ? new Uint8Array(8) : signerOf(createPublicKey(signing)),
    });
    this.#headerDigest = digestOf(this.header);
    this.#key = secret === undefined ? undefined : fileKey(secret, this.header);
  }

  segment(bytes: Uint8Array, isLast: boolean): Uint8Array {
    const nonce = segmentNonce(this.#count++, isLast);
    let stored: Uint8Array;
    if (this.#key === undefined) {
      stored = Buffer.from(bytes);
    } else {
      const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
      stored = Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    }
    if (this.#signing === undefined) return stored;
    const signature = sign(null, signedMessage(this.#headerDigest, nonce, stored), this.#signing);
    return Buffer.concat([stored, signature]);
  }
}
