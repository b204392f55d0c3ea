// MODULE: one original module, its bytes included or not. One record for each, by ascending hash.
//
//    0  SHA-256 of the module's bytes, 32
//   32  flags u32: bit 0 = the bytes are included
//   36  length of the name u32
//   40  name, UTF-8, then (if included) the bytes of the module to the end of the record

import { badImage } from './bad-image.ts';
import { decodeHash, encodeHash } from './hash.ts';
import type { DigestPort } from './image-ports.ts';
import type { ModuleState } from './machine-state.ts';
import type { RecordReader } from './record-reader.ts';
import type { RecordWriter } from './record-writer.ts';
import { hexText } from './value-text.ts';

const INCLUDED = 1;

/** Writes all but the module's bytes, which the caller appends as they are. */
export function encodeModuleRecord(out: RecordWriter, module: ModuleState): void {
  out.raw(encodeHash(module.hash));
  out.u32(module.bytes === null ? 0 : INCLUDED);
  out.text(module.name);
}

/** The bytes are a view of the record, and are what the hash says. */
export function decodeModuleRecord(from: RecordReader, digest: DigestPort): ModuleState {
  const hash = decodeHash(from);
  const flags = from.u32();
  if (flags !== 0 && flags !== INCLUDED) throw from.bad(`flags 0x${flags.toString(16)}`);
  const name = from.text('the name of a module');
  if (flags === 0) {
    from.end();
    return { hash, name, bytes: null };
  }
  const bytes = from.raw(from.leftBytes);
  // The hash is the module's identity, in caches too: it must be true.
  const sha256 = digest.sha256();
  sha256.update(bytes);
  if (hexText(sha256.digest()) !== hash) {
    throw badImage('WVM_IMAGE_CORRUPT', `module ${hash}`, 'its bytes have another SHA-256');
  }
  return { hash, name, bytes };
}
