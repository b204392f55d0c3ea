// Images taken apart and put together again with correct checksums, for tests of what a decoder does with contents that
// are wrong though nothing is damaged.

import { encodeEndRecord } from '../end-record.ts';
import {
  encodeHeader,
  encodeRecordHeader,
  encodeTrailer,
  HEADER_BYTES,
  paddingBytes,
  RECORD_HEADER_BYTES,
  RecordType,
  TRAILER_BYTES,
} from '../image-layout.ts';
import type { DecodePorts } from '../parse-image.ts';
import { RecordChain } from '../record-chain.ts';
import { RecordWriter } from '../record-writer.ts';
import { checksum } from '../stripes.ts';

export interface RawRecord {
  readonly type: RecordType;
  readonly payload: Uint8Array;
}

/** All records but END. */
export function splitImage(image: Uint8Array): RawRecord[] {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const records: RawRecord[] = [];
  let at = HEADER_BYTES;
  while (at < image.length - TRAILER_BYTES) {
    const type = view.getUint32(at, true);
    const payloadBytes = Number(view.getBigUint64(at + 8, true));
    at += RECORD_HEADER_BYTES;
    if (type !== RecordType.END) records.push({ type, payload: image.slice(at, at + payloadBytes) });
    at += payloadBytes + paddingBytes(payloadBytes);
  }
  return records;
}

export function joinImage(records: readonly RawRecord[], ports: DecodePorts): Uint8Array {
  const chunks: Uint8Array[] = [encodeHeader(ports.stripes)];
  const chain = new RecordChain();
  let pages = 0;
  const add = ({ type, payload }: RawRecord): void => {
    const payloadChecksum = checksum(ports.stripes, [payload]);
    const sequence = chain.recordCount;
    const header = encodeRecordHeader(ports.stripes, { type, sequence, payloadBytes: payload.length, payloadChecksum });
    chain.add(header);
    chunks.push(header, payload, new Uint8Array(paddingBytes(payload.length)));
  };
  for (const record of records) {
    add(record);
    if (record.type === RecordType.CONTENTS) pages += Math.floor(record.payload.length / 4096);
  }
  const end = new RecordWriter();
  encodeEndRecord(end, { recordCount: chain.recordCount, pageCount: pages, chain: chain.checksum(ports.stripes) });
  add({ type: RecordType.END, payload: end.bytes });
  const body = concat(chunks);
  const sha256 = ports.digest.sha256();
  sha256.update(body);
  return concat([body, encodeTrailer(ports.stripes, body.length + TRAILER_BYTES, sha256.digest())]);
}

export function concat(chunks: Iterable<Uint8Array>): Uint8Array {
  const list = [...chunks];
  const whole = new Uint8Array(list.reduce((size, chunk) => size + chunk.length, 0));
  let at = 0;
  for (const chunk of list) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
