// What goes over the control socket of a running machine, in both directions: frames.
//
//   offset  size  meaning
//   0       4     length of the payload in bytes, little-endian
//   4       1     kind: 1 = message (JSON in UTF-8), 2 = image bytes
//   5       n     payload
//
// 1. The server speaks first: `hello` with the protocol version.
// 2. The client sends one request and reads its answer; then it may send another.
// 3. `snapshot` is answered by `image`, image frames, `image-end`. The client makes the bytes durable, then sends
//    `committed` (or `aborted`) and reads `done`. With `stop: true` the guest stands still from `image` until that
//    verdict: it ends on `committed`, and goes on after `aborted`, a lost connection or a stall. While it makes the
//    bytes durable the client sends `saving` now and then to show that it lives.
// 4. `save` is answered by `saving` now and then, and `saved`: the machine has put itself into a store. With `stop: true` it has
//    ended then; if it fails the answer is `error`, and the guest goes on.
// Invariant: no peer can make the other allocate more than one bounded frame.

import { WvmError, type WvmErrorCode } from '../../base/wvm-error.ts';
import type { ProcessInfo } from '../machine/machine-status.ts';
import type { KeyTexts } from '../seal/key-text.ts';

/** Raised when a peer of the previous version would misunderstand this one. */
export const protocolVersion = 1;

/** A peer that neither takes bytes nor says a word for this long is given up. */
export const stallTimeoutMs = 30_000;

export interface MachineInfo {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  /** The program as it was named on the command line. */
  readonly program: string;
  readonly state: string;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly memoryBytes: number;
  /** Decimal: 64 bits do not fit a JSON number. */
  readonly fuelUsed: string;
}

/** A snapshot that a machine has put into a store. */
export interface StoredSnapshotInfo {
  readonly id: string;
  /** Of its machine, from 1. */
  readonly sequence: number;
  /** What an image of it would take, but for headers. */
  readonly sizeBytes: number;
  /** What it added to the store. */
  readonly newBytes: number;
  /** How long the guest stood still. */
  readonly stopNs: number;
  readonly totalNs: number;
}

export type ControlRequest =
  | { readonly type: 'info' }
  | { readonly type: 'snapshot'; readonly stop: boolean; readonly includeModule: boolean }
  | {
      readonly type: 'save';
      readonly store: string;
      readonly keys: KeyTexts;
      readonly stop: boolean;
      readonly tag: string | null;
    }
  | { readonly type: 'tree' }
  | { readonly type: 'saving' }
  | { readonly type: 'committed' }
  | { readonly type: 'aborted' }
  | { readonly type: 'kill'; readonly signal: string }
  | { readonly type: 'continue' };

export type ControlReply =
  | { readonly type: 'hello'; readonly protocol: number; readonly id: string; readonly pid: number }
  | { readonly type: 'info'; readonly machine: MachineInfo }
  | { readonly type: 'image'; readonly sizeBytes: number; readonly stopNs: number; readonly totalNs: number }
  | { readonly type: 'image-end' }
  | { readonly type: 'saving'; readonly takenBytes: number }
  | { readonly type: 'saved'; readonly snapshot: StoredSnapshotInfo }
  /** `hasMore`: others follow in another message. */
  | { readonly type: 'tree'; readonly processes: readonly ProcessInfo[]; readonly hasMore: boolean }
  | { readonly type: 'done' }
  | { readonly type: 'error'; readonly code: WvmErrorCode; readonly message: string; readonly hint?: string };

export type ControlFrame =
  | { readonly kind: 'message'; readonly message: { readonly type: string } }
  | { readonly kind: 'image'; readonly bytes: Uint8Array };

const headerBytes = 5;
const kindMessage = 1;
const kindImage = 2;
/** Requests and answers are a few hundred bytes; names and paths bound them. */
const maxMessageBytes = 64 * 1024;
/** Large enough that the cost per frame vanishes, small enough to queue one per client. */
export const maxImageFrameBytes: number = 256 * 1024;

/** Encodes one message with its header. */
export function encodeMessage(message: ControlRequest | ControlReply): Uint8Array {
  const payload = Buffer.from(JSON.stringify(message));
  return Buffer.concat([encodeHeader(payload.length, kindMessage), payload]);
}

/** The header of an image frame whose payload of `sizeBytes` follows. */
export function encodeImageHeader(sizeBytes: number): Uint8Array {
  return encodeHeader(sizeBytes, kindImage);
}

/** Decodes a byte stream to frames; ends with the stream, throws WVM_CONTROL on anything malformed or cut off. */
export async function* decodeFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<ControlFrame> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    pending = pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([pending, chunk]);
    for (;;) {
      if (pending.length < headerBytes) break;
      const sizeBytes = pending.readUInt32LE(0);
      const kind = pending[4];
      checkHeader(sizeBytes, kind);
      if (pending.length < headerBytes + sizeBytes) break;
      const payload = pending.subarray(headerBytes, headerBytes + sizeBytes);
      pending = pending.subarray(headerBytes + sizeBytes);
      yield kind === kindImage
        ? { kind: 'image', bytes: payload }
        : { kind: 'message', message: parseMessage(payload) };
    }
  }
  if (pending.length > 0) throw controlError(`connection closed within a frame (${pending.length} bytes of it came)`);
}

/** Checks a message of the client; everything else in the protocol trusts its result. */
export function decodeRequest(message: { readonly type: string }): ControlRequest {
  const fields = message as Readonly<Record<string, unknown>>;
  switch (message.type) {
    case 'info':
    case 'tree':
    case 'saving':
    case 'committed':
    case 'aborted':
    case 'continue':
      return { type: message.type };
    case 'kill':
      if (typeof fields['signal'] === 'string') return { type: 'kill', signal: fields['signal'] };
      break;
    case 'save': {
      const { store, stop, tag, keys } = fields;
      const isWhole = typeof store === 'string' && typeof stop === 'boolean' && isKeyTexts(keys);
      if (isWhole && (tag === null || typeof tag === 'string')) return { type: 'save', store, keys, stop, tag };
      break;
    }
    case 'snapshot': {
      const { stop, includeModule } = fields;
      if (typeof stop === 'boolean' && typeof includeModule === 'boolean') {
        return { type: 'snapshot', stop, includeModule };
      }
      break;
    }
  }
  throw controlError(`request '${message.type.slice(0, 40)}' is unknown or incomplete`);
}

function isKeyTexts(value: unknown): value is KeyTexts {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string');
}

export function controlError(what: string): WvmError {
  return new WvmError('WVM_CONTROL', `control socket: ${what}`, {
    hint: 'are both sides the same version of wvm?',
  });
}

function encodeHeader(sizeBytes: number, kind: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(sizeBytes, 0);
  header[4] = kind;
  return header;
}

function checkHeader(sizeBytes: number, kind: number | undefined): void {
  const limitBytes = kind === kindMessage ? maxMessageBytes : kind === kindImage ? maxImageFrameBytes : -1;
  if (limitBytes < 0) throw controlError(`frame of unknown kind ${kind}`);
  if (sizeBytes > limitBytes) throw controlError(`frame of ${sizeBytes} bytes, at most ${limitBytes} are allowed`);
}

function parseMessage(payload: Buffer): { readonly type: string } {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch (cause) {
    throw new WvmError('WVM_CONTROL', 'control socket: message is not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') {
    throw controlError('message without a type');
  }
  return value as { type: string };
}
