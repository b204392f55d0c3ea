// A sealed file -> its bytes, as a stream. Each segment is checked before any byte of it is given out, and the end of the file
// before the last one is.
//
// The keys say what is expected, not the file: with a secret key only what was encrypted with it is taken, with a key for
// signatures only what was signed with that, however the file calls itself. Otherwise who edits an image would
// simply leave the seal away.

import { createDecipheriv, type KeyObject, verify } from 'node:crypto';
import { WvmError } from '../../base/wvm-error.ts';
import { badImage } from '../../snapshot/bad-image.ts';
import { ChunkQueue } from '../../snapshot/decode-image.ts';
import {
  decodeSealHeader,
  digestOf,
  fileKey,
  isSealed,
  overheadBytes,
  SEAL_HEADER_BYTES,
  type SealHeader,
  SIGNATURE_BYTES,
  segmentNonce,
  signedMessage,
  signerOf,
  TAG_BYTES,
} from './sealed-layout.ts';

export interface UnsealKeys {
  /** 32 bytes. */
  readonly secret?: Uint8Array | undefined;
  /** An Ed25519 public key. */
  readonly verify?: KeyObject | undefined;
}

/** A file that is not sealed comes out as it is, if no key asks for more. */
export async function* unseal(
  chunks: AsyncIterable<Uint8Array>,
  keys: UnsealKeys,
): AsyncGenerator<Uint8Array, void, undefined> {
  const queue = new ChunkQueue(chunks);
  try {
    const start = (await queue.answer({ kind: 'probe', sizeBytes: SEAL_HEADER_BYTES }))!;
    if (!isSealed(start)) {
      refusePlain(keys);
      yield* rest(queue, start);
      return;
    }
    const opener = new SegmentOpener(start, keys);
    let segment = await opener.read(queue);
    for (let number = 0; ; number++) {
      // Whether it is the last one shows only when there is no more.
      const next = segment.length === opener.storedBytes ? await opener.read(queue) : new Uint8Array(0);
      const isLast = next.length === 0;
      yield opener.open(segment, number, isLast);
      if (isLast) return;
      segment = next;
    }
  } finally {
    await queue.close();
  }
}

function refusePlain({ secret, verify: verifyKey }: UnsealKeys): void {
  if (secret !== undefined) throw badImage('WVM_IMAGE_SIGNATURE', 'seal', 'it is not encrypted, but a key was given');
  if (verifyKey !== undefined)
    throw badImage('WVM_IMAGE_SIGNATURE', 'seal', 'it is not signed, but a signature is asked for');
}

const REST_BYTES = 65536;

async function* rest(queue: ChunkQueue, start: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes: Uint8Array = start;
  while (bytes.length > 0) {
    yield bytes;
    bytes = (await queue.answer({ kind: 'probe', sizeBytes: REST_BYTES }))!;
  }
}

/** Checks and decrypts the segments of one file, in any order. */
export class SegmentOpener {
  readonly header: SealHeader;
  /** Of a full segment. */
  readonly storedBytes: number;
  readonly #keys: UnsealKeys;
  readonly #key: Buffer | undefined;
  readonly #headerDigest: Buffer;

  /** `header`: SEAL_HEADER_BYTES bytes. Throws if the keys ask for what the file does not have. */
  constructor(header: Uint8Array, keys: UnsealKeys) {
    this.header = decodeSealHeader(header);
    this.#keys = keys;
    const { isEncrypted, isSigned, segmentBytes, signer } = this.header;
    if (!isEncrypted && keys.secret !== undefined) refusePlain({ secret: keys.secret });
    if (!isSigned && keys.verify !== undefined) refusePlain({ verify: keys.verify });
    if (isEncrypted && keys.secret === undefined) {
      throw new WvmError('WVM_KEY', 'image: it is encrypted', { hint: 'give the key: --key FILE, or WVM_KEY' });
    }
    if (keys.verify !== undefined && !signerOf(keys.verify).equals(signer)) {
      throw badImage('WVM_IMAGE_SIGNATURE', 'seal', `signed with another key, ${Buffer.from(signer).toString('hex')}`);
    }
    this.storedBytes = segmentBytes + overheadBytes(this.header);
    this.#key = isEncrypted ? fileKey(keys.secret!, header.subarray(0, SEAL_HEADER_BYTES)) : undefined;
    this.#headerDigest = digestOf(header.subarray(0, SEAL_HEADER_BYTES));
  }

  /** A full segment, or fewer bytes at the end of the file. */
  async read(queue: ChunkQueue): Promise<Uint8Array> {
    return (await queue.answer({ kind: 'probe', sizeBytes: this.storedBytes }))!;
  }

  open(stored: Uint8Array, number: number, isLast: boolean): Uint8Array {
    const place = `segment ${number}`;
    const { isEncrypted, isSigned } = this.header;
    if (stored.length < overheadBytes(this.header)) {
      throw badImage('WVM_IMAGE_TRUNCATED', place, `${stored.length} bytes: the file was cut short`);
    }
    const nonce = segmentNonce(number, isLast);
    let body = stored;
    if (isSigned) {
      body = stored.subarray(0, stored.length - SIGNATURE_BYTES);
      const verifyKey = this.#keys.verify;
      const signature = stored.subarray(body.length);
      if (
        verifyKey !== undefined &&
        !verify(null, signedMessage(this.#headerDigest, nonce, body), verifyKey, signature)
      ) {
        throw badImage(
          'WVM_IMAGE_SIGNATURE',
          place,
          'its signature is wrong: the image was edited, cut short or damaged',
        );
      }
    }
    if (!isEncrypted) return body;
    const text = body.subarray(0, body.length - TAG_BYTES);
    const cipher = createDecipheriv('aes-256-gcm', this.#key!, nonce, { authTagLength: TAG_BYTES });
    cipher.setAuthTag(body.subarray(text.length));
    try {
      const bytes = cipher.update(text);
      return Buffer.concat([bytes, cipher.final()]);
    } catch (cause) {
      const what = 'it cannot be decrypted: another key, or the image was edited, cut short or damaged';
      throw new WvmError('WVM_IMAGE_SIGNATURE', `image: ${place}: ${what}`, { cause });
    }
  }
}
