// A program as it comes, a file or bytes, becomes a binary core module: .wasm as it is, the text format through wabt.
// Everything else is refused by saying what it is.

import { isUtf8 } from 'node:buffer';
import * as fs from 'node:fs';
import { WvmError } from '../../base/wvm-error.ts';

const wasmMagic = [0x00, 0x61, 0x73, 0x6d];
const byteOrderMark = [0xef, 0xbb, 0xbf];
/** The core binary format of every WebAssembly version so far. */
const coreVersion = 1;

/** Reads a program from a file (.wasm or .wat, told apart by content). */
export async function readModule(path: string): Promise<Uint8Array> {
  return toBinaryModule(readBytes(path), path);
}

/** The binary module that `bytes` are, or are the text of; `place` names them in messages. */
export async function toBinaryModule(bytes: Uint8Array, place: string): Promise<Uint8Array> {
  if (startsWith(bytes, wasmMagic)) {
    checkPreamble(bytes, place);
    return bytes;
  }
  if (looksLikeWat(bytes)) return assembleText(bytes, place);
  const kind = describe(bytes);
  throw new WvmError('WVM_MODULE_INVALID', `${place}: not a WebAssembly module but ${kind.what}`, {
    hint: kind.hint ?? 'wvm runs .wasm and .wat files; compile the program for wasm32-wasip1',
  });
}

function readBytes(path: string): Uint8Array {
  try {
    return fs.readFileSync(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new WvmError('WVM_FILE', `${path}: no such file`, { cause, hint: 'check the path of the program' });
    }
    if (code === 'EISDIR') {
      throw new WvmError('WVM_FILE', `${path}: is a directory`, { cause, hint: 'name a .wasm or .wat file in it' });
    }
    if (code === 'EACCES') {
      throw new WvmError('WVM_FILE', `${path}: permission denied`, { cause, hint: 'make the file readable' });
    }
    throw new WvmError('WVM_FILE', `${path}: cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** The four bytes after the magic: version and, since components exist, layer. */
function checkPreamble(bytes: Uint8Array, place: string): void {
  if (bytes.length < 8) {
    throw new WvmError('WVM_MODULE_INVALID', `${place}: ends after ${bytes.length} bytes, in the preamble`, {
      hint: 'the file is cut off; build or copy it again',
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [version, layer] = [view.getUint16(4, true), view.getUint16(6, true)];
  if (layer === 1) {
    throw new WvmError('WVM_MODULE_UNSUPPORTED', `${place}: a component, not a core module`, {
      hint: 'compile for wasm32-wasip1 (WASI preview1) instead of wasm32-wasip2',
    });
  }
  if (layer !== 0 || version !== coreVersion) {
    throw new WvmError(
      'WVM_MODULE_INVALID',
      `${place}: binary format version ${version}, layer ${layer}; wvm knows 1, 0`,
    );
  }
}

/** Text that, after blanks and comments, opens a parenthesis. */
function looksLikeWat(bytes: Uint8Array): boolean {
  let index = startsWith(bytes, byteOrderMark) ? byteOrderMark.length : 0;
  for (let byte = bytes[index]; byte !== undefined; byte = bytes[index]) {
    if (byte === 0x28 && bytes[index + 1] !== 0x3b) break;
    if (byte === 0x28) index = endOfBlockComment(bytes, index);
    else if (byte === 0x3b && bytes[index + 1] === 0x3b) index = endOfLine(bytes, index);
    else if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) index++;
    else return false;
  }
  return index < bytes.length && isUtf8(bytes);
}

function endOfLine(bytes: Uint8Array, index: number): number {
  const end = bytes.indexOf(0x0a, index);
  return end < 0 ? bytes.length : end;
}

/** Block comments nest: (; … (; … ;) … ;). */
function endOfBlockComment(bytes: Uint8Array, index: number): number {
  for (let depth = 0; index < bytes.length; ) {
    const opens = bytes[index] === 0x28 && bytes[index + 1] === 0x3b;
    const closes = bytes[index] === 0x3b && bytes[index + 1] === 0x29;
    if (opens) depth++;
    if (closes) depth--;
    index += opens || closes ? 2 : 1;
    if (depth === 0) break;
  }
  return index;
}

async function assembleText(bytes: Uint8Array, place: string): Promise<Uint8Array> {
  const wabt = await loadWabt(place);
  let module: WabtModule | undefined;
  try {
    // A copy, because wabt takes the whole ArrayBuffer behind a view; its file names are ASCII.
    const text = new Uint8Array(bytes.subarray(startsWith(bytes, byteOrderMark) ? byteOrderMark.length : 0));
    module = wabt.parseWat(place.replaceAll(/[^ -~]/g, '?'), text, wabtFeatures);
    module.resolveNames();
    module.validate(wabtFeatures);
    return module.toBinary({ write_debug_names: true }).buffer;
  } catch (cause) {
    throw new WvmError('WVM_MODULE_INVALID', `${place}: ${(cause as Error).message.trim()}`, {
      cause,
      hint: 'correct the text at the line and column named',
    });
  } finally {
    module?.destroy();
  }
}

/** Everything that wabt can assemble; what wvm cannot run is refused later, by name. */
const wabtFeatures = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  function_references: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  annotations: true,
  gc: true,
  memory64: true,
  extended_const: true,
  relaxed_simd: true,
};

/** The part of wabt used here; its own types forget the argument of validate(). */
interface Wabt {
  parseWat(filename: string, text: Uint8Array, features: typeof wabtFeatures): WabtModule;
}
interface WabtModule {
  resolveNames(): void;
  validate(features: typeof wabtFeatures): void;
  toBinary(options: { write_debug_names: boolean }): { buffer: Uint8Array };
  destroy(): void;
}

async function loadWabt(place: string): Promise<Wabt> {
  try {
    const { default: start } = await import('wabt');
    return await start();
  } catch (cause) {
    throw new WvmError('WVM_MODULE_UNSUPPORTED', `${place}: the text format needs the package wabt`, {
      cause,
      hint: 'npm install wabt, or assemble the file to .wasm first',
    });
  }
}

interface Signature {
  readonly magic: readonly number[];
  readonly what: string;
  readonly hint?: string;
}

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

/** First bytes of what people hand over by mistake. */
const signatures: readonly Signature[] = [
  // runtime/snapshot/image-layout.ts
  { magic: [0x89, ...ascii('WVM')], what: 'an image of a machine', hint: 'wvm resume FILE continues it' },
  { magic: [0x7f, ...ascii('ELF')], what: 'an ELF file (a native program or object)' },
  { magic: [0xcf, 0xfa, 0xed, 0xfe], what: 'a Mach-O file (a native program of macOS)' },
  { magic: [0xca, 0xfe, 0xba, 0xbe], what: 'a Java class or a universal Mach-O file' },
  { magic: ascii('MZ'), what: 'a Windows program' },
  { magic: ascii('#!'), what: 'a script' },
  { magic: ascii('!<arch>'), what: 'a library archive (.a)', hint: 'link it to a program first' },
  { magic: ascii('BC\xc0\xde'), what: 'LLVM bitcode', hint: 'link it to a .wasm file first' },
  {
    magic: [0x00, ...ascii('aot')],
    what: 'a module that WAMR compiled ahead of time',
    hint: 'use the original .wasm file',
  },
  { magic: [0x1f, 0x8b], what: 'a gzip file', hint: 'unpack it first (gunzip)' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], what: 'a zstd file', hint: 'unpack it first (unzstd)' },
  { magic: [0xfd, ...ascii('7zXZ')], what: 'an xz file', hint: 'unpack it first (unxz)' },
  { magic: ascii('PK\x03\x04'), what: 'a zip file', hint: 'unpack it first (unzip)' },
];

function describe(bytes: Uint8Array): { what: string; hint?: string } {
  if (bytes.length === 0) return { what: 'an empty file' };
  const known = signatures.find((signature) => startsWith(bytes, signature.magic));
  if (known !== undefined) return known;
  if (isUtf8(bytes) && !bytes.some(isControl)) return { what: 'text of another kind' };
  const first = Buffer.from(bytes.subarray(0, 4)).toString('hex');
  return { what: `data of an unknown kind (it begins with ${first})` };
}

/** Bytes that no text has, blanks and line ends aside. */
function isControl(byte: number): boolean {
  return byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}
