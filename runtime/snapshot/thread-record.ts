// THREAD: one guest thread's stack and what it waits for. One record for each thread, in the order of the tree.
//
//   tid u32 · fuel left i64 · pending kind u8: 0 entry, 1 poll, 2 call, 3 self-snapshot
//   count of functions still to be called u32 · function index u32 each
//   activation count u32 · for each: frame count u32 · for each frame, outermost first:
//     function index u32 · code offset u32 · kind u8: 0 poll, 1 call; + 2 inside of legacy catch clauses
//     local count u32 · value each, tag 00 for a dead local · operand count u32 · value each
//     inside of catch clauses: count u32 · exception each, outermost first: tag index u32, ffffffff not needed, · count u32 ·
//     value each

import type { ActivationState, ExceptionState, FrameState, ValueState } from '../engine/state.ts';
import type { PendingState, ThreadState } from './machine-state.ts';
import type { RecordReader } from './record-reader.ts';
import type { RecordWriter } from './record-writer.ts';
import {
  decodeException,
  decodeOptionalValue,
  decodeValue,
  encodeException,
  encodeValue,
  NULL_INDEX,
} from './value-state.ts';

const PENDING_KINDS = ['entry', 'poll', 'call', 'self-snapshot'] as const;
const FRAME_KINDS = ['poll', 'call'] as const;
/** Added to the kind of a frame inside of catch clauses. */
const HAS_CAUGHT = 2;
/** Function index, code offset, kind and two counts. */
const MIN_FRAME_BYTES = 17;

export function encodeThreadRecord(out: RecordWriter, thread: ThreadState): void {
  out.u32(thread.tid);
  out.bits64(BigInt(thread.fuelLeft));
  out.u8(PENDING_KINDS.indexOf(thread.pending.kind));
  out.u32(thread.entries.length);
  for (const index of thread.entries) out.u32(index);
  out.u32(thread.activations.length);
  for (const { frames } of thread.activations) {
    out.u32(frames.length);
    for (const frame of frames) encodeFrame(out, frame);
  }
}

export function decodeThreadRecord(from: RecordReader): ThreadState {
  const tid = from.u32();
  const fuelLeft = Number(from.i64());
  if (!Number.isSafeInteger(fuelLeft)) throw from.bad(`fuel left is ${fuelLeft}`);
  const pending = decodePending(from);
  const entries: number[] = [];
  for (let left = from.count('entry functions', 4); left > 0; left--) entries.push(from.u32());
  const activations: ActivationState[] = [];
  for (let left = from.count('activations', 4); left > 0; left--) {
    const frames: FrameState[] = [];
    for (let more = from.count('frames', MIN_FRAME_BYTES); more > 0; more--) frames.push(decodeFrame(from));
    activations.push({ frames });
  }
  from.end();
  return { tid, activations, fuelLeft, pending, entries };
}

function decodePending(from: RecordReader): PendingState {
  const number = from.u8();
  const kind = PENDING_KINDS[number];
  if (kind === undefined) throw from.bad(`pending kind ${number}`);
  return { kind };
}

function encodeFrame(out: RecordWriter, frame: FrameState): void {
  out.u32(frame.functionIndex);
  out.u32(frame.codeOffset);
  const caught = frame.caught ?? [];
  out.u8(FRAME_KINDS.indexOf(frame.kind) + (caught.length > 0 ? HAS_CAUGHT : 0));
  out.u32(frame.locals.length);
  for (const value of frame.locals) encodeValue(out, value);
  out.u32(frame.stack.length);
  for (const value of frame.stack) encodeValue(out, value);
  if (caught.length === 0) return;
  out.u32(caught.length);
  for (const exception of caught) {
    if (exception === null) out.u32(NULL_INDEX);
    else encodeException(out, exception);
  }
}

function decodeFrame(from: RecordReader): FrameState {
  const functionIndex = from.u32();
  const codeOffset = from.u32();
  const number = from.u8();
  const kind = FRAME_KINDS[number & ~HAS_CAUGHT];
  if (kind === undefined) throw from.bad(`frame kind ${number}`);
  const locals: (ValueState | null)[] = [];
  for (let left = from.count('locals', 1); left > 0; left--) locals.push(decodeOptionalValue(from));
  const stack: ValueState[] = [];
  for (let left = from.count('operands', 1); left > 0; left--) stack.push(decodeValue(from));
  const frame = { functionIndex, codeOffset, kind, locals, stack };
  if ((number & HAS_CAUGHT) === 0) return frame;
  const caught: (ExceptionState | null)[] = [];
  for (let left = from.count('caught exceptions', 4); left > 0; left--) caught.push(decodeException(from));
  if (caught.length === 0) throw from.bad('a frame inside of no catch clause');
  return { ...frame, caught };
}
