// THREAD: one guest thread's stack and what it waits for. One record for each thread, in the order of the tree.
//
//   tid u32 · fuel left i64 · the stack that it runs on
//   globals: count u32, ffffffff if they are the instance's · value each, tag 00 for an immutable one
//   context count u32 · for each, ids ascending: id u64 · its stack
//
// A stack:
//   count of functions still to be called u32 · for each: function index u32 · count u32 · argument i32 each
//   activation count u32 · for each, outermost first:
//     entry function u32 · pending kind u8: 0 poll, 1 call, 2 result; + 4 runs a signal handler; + 8 has a stack pointer
//     of a result: value i32 · with a stack pointer: i32 · frames
//   checkpoint count u32 · for each: id u64 · value address u32 · activations below u32 · entry function u32 ·
//     has a stack pointer u8 · with one: i32 · frames
//
// Frames: frame count u32 · for each frame, outermost first:
//   function index u32 · code offset u32 · kind u8: 0 poll, 1 call; + 2 inside of legacy catch clauses
//   local count u32 · value each, tag 00 for a dead local · operand count u32 · value each
//   inside of catch clauses: count u32 · exception each, outermost first: tag index u32, ffffffff not needed, · count u32 ·
//   value each

import type {
  CheckpointState,
  ContextState,
  EntryState,
  ExceptionState,
  FrameState,
  PendingState,
  StackState,
  SuspendedState,
  ThreadState,
  ValueState,
} from '../engine/state.ts';
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

const PENDING_KINDS = ['poll', 'call', 'result'] as const;
/** Added to the kind of what is pending. */
const IS_HANDLER = 4;
const HAS_STACK_POINTER = 8;
const FRAME_KINDS = ['poll', 'call'] as const;
/** Added to the kind of a frame inside of catch clauses. */
const HAS_CAUGHT = 2;
/** Function index, code offset, kind and two counts. */
const MIN_FRAME_BYTES = 17;

export function encodeThreadRecord(out: RecordWriter, thread: ThreadState): void {
  out.u32(thread.tid);
  out.bits64(BigInt(thread.fuelLeft));
  encodeStack(out, thread);
  out.u32(thread.globals?.length ?? NULL_INDEX);
  for (const value of thread.globals ?? []) encodeValue(out, value);
  out.u32(thread.contexts.length);
  for (const context of thread.contexts) {
    out.u64(context.id);
    encodeStack(out, context);
  }
}

export function decodeThreadRecord(from: RecordReader): ThreadState {
  const tid = from.u32();
  const fuelLeft = Number(from.i64());
  if (!Number.isSafeInteger(fuelLeft)) throw from.bad(`fuel left is ${fuelLeft}`);
  const stack = decodeStack(from);
  const globals = decodeGlobals(from);
  const contexts: ContextState[] = [];
  for (let left = from.count('contexts', 20); left > 0; left--) {
    const id = from.u64();
    const previous = contexts[contexts.length - 1];
    if (previous !== undefined && id <= previous.id) throw from.bad(`context ${id} after ${previous.id}`);
    contexts.push({ id, ...decodeStack(from) });
  }
  from.end();
  return { tid, fuelLeft, ...stack, globals, contexts };
}

function encodeStack(out: RecordWriter, stack: StackState): void {
  out.u32(stack.entries.length);
  for (const { functionIndex, args } of stack.entries) {
    out.u32(functionIndex);
    out.u32(args.length);
    for (const arg of args) out.bits32(arg);
  }
  out.u32(stack.activations.length);
  for (const activation of stack.activations) encodeActivation(out, activation);
  out.u32(stack.checkpoints.length);
  for (const checkpoint of stack.checkpoints) encodeCheckpoint(out, checkpoint);
}

function decodeStack(from: RecordReader): StackState {
  const entries: EntryState[] = [];
  for (let left = from.count('entry functions', 8); left > 0; left--) {
    const functionIndex = from.u32();
    const args: number[] = [];
    for (let more = from.count('arguments', 4); more > 0; more--) args.push(from.u32() | 0);
    entries.push({ functionIndex, args });
  }
  const activations: SuspendedState[] = [];
  for (let left = from.count('activations', 9); left > 0; left--) activations.push(decodeActivation(from));
  const checkpoints: CheckpointState[] = [];
  for (let left = from.count('checkpoints', 25); left > 0; left--) checkpoints.push(decodeCheckpoint(from));
  return { activations, entries, checkpoints };
}

function encodeActivation(
  out: RecordWriter,
  { entry, pending, isHandler, stackPointer, frames }: SuspendedState,
): void {
  out.u32(entry);
  const flags = (isHandler ? IS_HANDLER : 0) + (stackPointer === null ? 0 : HAS_STACK_POINTER);
  out.u8(PENDING_KINDS.indexOf(pending.kind) + flags);
  if (pending.kind === 'result') out.bits32(pending.value);
  if (stackPointer !== null) out.bits32(stackPointer);
  encodeFrames(out, frames);
}

function decodeActivation(from: RecordReader): SuspendedState {
  const entry = from.u32();
  const number = from.u8();
  const kind = number < 16 ? PENDING_KINDS[number & 3] : undefined;
  if (kind === undefined) throw from.bad(`pending kind ${number}`);
  const pending: PendingState = kind === 'result' ? { kind, value: from.u32() | 0 } : { kind };
  const stackPointer = (number & HAS_STACK_POINTER) === 0 ? null : from.u32() | 0;
  return { entry, pending, isHandler: (number & IS_HANDLER) !== 0, stackPointer, frames: decodeFrames(from) };
}

function decodeGlobals(from: RecordReader): (ValueState | null)[] | null {
  const count = from.u32();
  if (count === NULL_INDEX) return null;
  from.fit('globals', count, 1);
  const globals: (ValueState | null)[] = [];
  for (let left = count; left > 0; left--) globals.push(decodeOptionalValue(from));
  return globals;
}

function encodeCheckpoint(out: RecordWriter, checkpoint: CheckpointState): void {
  out.bits64(checkpoint.id);
  out.u32(checkpoint.valueAddr);
  out.u32(checkpoint.depth);
  out.u32(checkpoint.entry);
  out.u8(checkpoint.stackPointer === null ? 0 : 1);
  if (checkpoint.stackPointer !== null) out.bits32(checkpoint.stackPointer);
  encodeFrames(out, checkpoint.activation.frames);
}

function decodeCheckpoint(from: RecordReader): CheckpointState {
  const id = from.u64();
  const valueAddr = from.u32();
  const depth = from.u32();
  const entry = from.u32();
  const flag = from.u8();
  if (flag > 1) throw from.bad(`stack pointer flag ${flag}`);
  const stackPointer = flag === 0 ? null : from.u32() | 0;
  return { id, valueAddr, depth, entry, stackPointer, activation: { frames: decodeFrames(from) } };
}

function encodeFrames(out: RecordWriter, frames: readonly FrameState[]): void {
  out.u32(frames.length);
  for (const frame of frames) encodeFrame(out, frame);
}

function decodeFrames(from: RecordReader): FrameState[] {
  const frames: FrameState[] = [];
  for (let left = from.count('frames', MIN_FRAME_BYTES); left > 0; left--) frames.push(decodeFrame(from));
  return frames;
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
