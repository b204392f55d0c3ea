// Images of real guests with correct checksums that say what no machine could have been: refused by name before any guest
// code runs. What an image may say, a value of a local, does no harm.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EntryState, FrameState, InstanceState, ThreadState, ValueState } from '../../runtime/engine/state.ts';
import type { MachineState } from '../../runtime/snapshot/machine-state.ts';
import { GuestImage } from './guest-image.ts';

const images: Record<string, GuestImage> = {};
/** Name of a guest and a place where it has what the cases below change. */
const PLACES = {
  recursion: 300,
  operands: 130,
  globals: 100,
  tables: 100,
  'stdin-lines': 120,
  'open-files': 900,
  'bulk-memory': 60,
  'multi-memory': 100,
  'exceptions-legacy': 150,
} as const;
type Name = keyof typeof PLACES;

beforeAll(async () => {
  for (const [name, place] of Object.entries(PLACES)) images[name] = await GuestImage.take(name, place);
});
afterAll(() => {
  for (const image of Object.values(images)) image.remove();
});

type Writable<T> = { -readonly [Key in keyof T]: T[Key] extends object ? Writable<T[Key]> : T[Key] };

/** The image of a machine with a changed instance, thread or frames; the callbacks change what they are given. */
function withMachine(name: Name, change: (machine: Writable<MachineState>) => void): Uint8Array {
  return images[name]!.changed((machine) => {
    const copy = structuredClone(machine) as Writable<MachineState>;
    change(copy);
    return copy as MachineState;
  });
}
const withInstance = (name: Name, change: (instance: Writable<InstanceState>) => void): Uint8Array =>
  withMachine(name, ({ processes }) => change(processes[0]!.instance as Writable<InstanceState>));
const withThread = (name: Name, change: (thread: Writable<ThreadState>) => void): Uint8Array =>
  withMachine(name, ({ processes }) => change(processes[0]!.threads[0] as Writable<ThreadState>));
const withFrames = (name: Name, change: (frames: Writable<FrameState>[]) => void): Uint8Array =>
  withThread(name, ({ activations }) => change(activations[0]!.frames as Writable<FrameState>[]));
const first = <Item>(items: readonly Item[]): Item => items[0]!;
const last = <Item>(items: readonly Item[]): Item => items[items.length - 1]!;

const entry = (functionIndex: number, ...args: number[]): Writable<EntryState> => ({ functionIndex, args });

const OTHER_VALUE: ValueState = { type: 'v128', bytes: new Uint8Array(16) };

async function expectRefused(name: Name, image: Uint8Array, code: string): Promise<void> {
  expect(await images[name]!.refusal(image)).toBe(code);
}

describe('V27 frames: an image brings no code, and enters its module where that can be entered', () => {
  it.each<[string, Name, (frames: Writable<FrameState>[]) => void]>([
    ['an offset that is no site', 'recursion', (frames) => (frames[1]!.codeOffset += 1)],
    ['an offset of a site of the other kind', 'recursion', (frames) => (frames[1]!.kind = 'poll')],
    ['an offset behind the function', 'recursion', (frames) => (frames[1]!.codeOffset = 0xffff_fff0)],
    ['an imported function', 'recursion', (frames) => (frames[1]!.functionIndex = 0)],
    ['a function that is not there', 'recursion', (frames) => (frames[1]!.functionIndex = 0xffff_fff0)],
    ['a local too many', 'recursion', (frames) => last(frames).locals.push(null)],
    ['a local too few', 'recursion', (frames) => last(frames).locals.pop()],
    ['a local of another type', 'recursion', (frames) => (last(frames).locals[0] = OTHER_VALUE)],
    ['an operand too many', 'operands', (frames) => last(frames).stack.push({ type: 'i32', bits: 0 })],
    ['an operand too few', 'operands', (frames) => first(frames.filter(({ stack }) => stack.length > 0)).stack.pop()],
    [
      'an operand of another type',
      'operands',
      (frames) => (first(frames.filter(({ stack }) => stack.length > 0)).stack[0] = OTHER_VALUE),
    ],
    ['other frames below than call those above', 'operands', (frames) => frames.reverse()],
    ['no frame of the entry function', 'operands', (frames) => frames.splice(0, frames.length - 1)],
    ['no innermost frame', 'operands', (frames) => frames.pop()],
    ['a caught exception where none can be', 'recursion', (frames) => (frames[0]!.caught = [null])],
  ])('%s', async (_case, name, change) => {
    await expectRefused(name, withFrames(name, change), 'WVM_IMAGE_BAD_FRAME');
  });

  it('an operand that the code has as a constant', async () => {
    // Somewhere in the run of this guest constants wait below a call.
    const found = await constantOperand();
    expect(await found.image.refusal(found.bytes)).toBe('WVM_IMAGE_BAD_FRAME');
    found.image.remove();
  });

  it('other values of locals are not noticed, and do no harm', async () => {
    const image = withFrames('recursion', (frames) => {
      for (const frame of frames) {
        for (const value of frame.locals) if (value?.type === 'i32') Object.assign(value, { bits: 0x7fff_fff0 });
      }
    });
    expect(await images['recursion']!.run(image, { fuel: 1_000_000n })).toHaveProperty('kind');
  });
});

describe('threads', () => {
  it.each<[string, Name, (thread: Writable<ThreadState>) => void]>([
    ['waits at a poll with no frames', 'recursion', ({ activations }) => (activations[0]!.frames = [])],
    [
      'has a result at a poll',
      'recursion',
      ({ activations }) => (activations[0]!.pending = { kind: 'result', value: 0 }),
    ],
    ['is in a call that is not saved', 'recursion', ({ activations }) => (activations[0]!.pending = { kind: 'call' })],
    [
      'runs a signal handler that no signal began',
      'recursion',
      ({ activations }) => (activations[0]!.isHandler = true),
    ],
    ['began with a function that is no entry', 'recursion', ({ activations }) => (activations[0]!.entry = 1)],
    [
      'began with a function that is not there',
      'recursion',
      ({ activations }) => (activations[0]!.entry = 0xffff_fff0),
    ],
    ['has entries that are not of its module', 'recursion', (thread) => thread.entries.push(entry(1))],
    ['has entries that are not there', 'recursion', (thread) => thread.entries.push(entry(0xffff_fff0))],
    [
      'has entries with values that they do not take',
      'recursion',
      (thread) => thread.entries.push(entry(thread.activations[0]!.entry, 7)),
    ],
    ['has globals of its own', 'recursion', (thread) => (thread.globals = [])],
    [
      'has two activations, and neither is a signal handler',
      'recursion',
      ({ activations }) => activations.push(activations[0]!),
    ],
  ])('one that %s', async (_case, name, change) => {
    await expectRefused(name, withThread(name, change), 'WVM_IMAGE_BAD_FRAME');
  });

  it.each([2 ** 31, -(2 ** 31) - 1, 2 ** 52])('one with %d fuel left', async (fuelLeft) => {
    await expectRefused(
      'recursion',
      withThread('recursion', (thread) => (thread.fuelLeft = fuelLeft)),
      'WVM_IMAGE_BAD_FRAME',
    );
  });
});

describe('instances', () => {
  it.each<[string, Name, (instance: Writable<InstanceState>) => void]>([
    ['a memory below its least size', 'recursion', ({ memories }) => (memories[0]!.pageCount = 1)],
    [
      'a memory above its greatest size',
      'multi-memory',
      ({ memories }) => Object.assign(memories[1]!, { pageCount: 5, maxPageCount: 5 }),
    ],
    ['a memory of the other address type', 'recursion', ({ memories }) => (memories[0]!.is64 = true)],
    ['a shared memory that is not shared', 'recursion', ({ memories }) => (memories[0]!.shared = true)],
    ['a memory with another greatest size', 'recursion', ({ memories }) => (memories[0]!.maxPageCount = 5000)],
    ['a memory too many', 'recursion', ({ memories }) => memories.push(memories[0]!)],
    ['no memory', 'recursion', ({ memories }) => memories.pop()],
    ['a global too many', 'globals', ({ globals }) => globals.push(null)],
    ['a global too few', 'globals', ({ globals }) => globals.pop()],
    ['a mutable global without value', 'globals', ({ globals }) => (globals[3] = null)],
    ['an immutable global with a value', 'globals', ({ globals }) => (globals[1] = { type: 'i32', bits: 1 })],
    ['a global of another type', 'globals', ({ globals }) => (globals[3] = OTHER_VALUE)],
    [
      'a global with a function that is not there',
      'globals',
      ({ globals }) => (globals[7] = { type: 'funcref', index: 999 }),
    ],
    ['a table too many', 'tables', ({ tables }) => tables.push(null)],
    ['a table too few', 'tables', ({ tables }) => tables.pop()],
    [
      'a table with a function that is not there',
      'tables',
      ({ tables }) => (tables[0] = { entries: Array(99).fill(9999) }),
    ],
    ['a table below its least size', 'tables', ({ tables }) => (tables[0] = { entries: [] })],
    ['a table above its greatest size', 'tables', ({ tables }) => (tables[0] = { entries: Array(17).fill(null) })],
    ['a dropped data segment that is not there', 'bulk-memory', ({ droppedData }) => droppedData.push(9999)],
    ['a dropped element segment that is not there', 'tables', ({ droppedElements }) => droppedElements.push(9999)],
  ])('%s', async (_case, name, change) => {
    await expectRefused(name, withInstance(name, change), 'WVM_IMAGE_BAD_RECORD');
  });

  it('more memory than the caller allows', async () => {
    const image = images['recursion']!;
    expect(await image.refusal(image.bytes, { maxMemoryBytes: 65536 })).toBe('WVM_IMAGE_LIMIT');
  });

  it('V27 a module that is not the one of the hash', async () => {
    const image = withMachine('recursion', ({ modules }) => (modules[0]!.bytes![100]! ^= 1));
    await expectRefused('recursion', image, 'WVM_IMAGE_CORRUPT');
  });
});

describe('M10 capabilities come from the command line', () => {
  it('M10 an image that wants a directory that is not granted is refused', async () => {
    const image = images['open-files']!;
    expect(await image.refusal(image.bytes, { directories: [] })).toBe('WVM_CAPABILITY_MISSING');
  });

  it('M10 an image that claims another directory is refused', async () => {
    const image = withMachine('open-files', ({ kernel }) => {
      const text = JSON.stringify(kernel, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value));
      expect(text).toContain('"/"');
      replaceText(kernel, '/', '/etc');
    });
    await expectRefused('open-files', image, 'WVM_CAPABILITY_MISSING');
  });
});

/** In every record of plain data. */
function replaceText(data: unknown, from: string, to: string): void {
  if (typeof data !== 'object' || data === null || ArrayBuffer.isView(data)) return;
  for (const [key, value] of Object.entries(data)) {
    if (value === from) (data as Record<string, unknown>)[key] = to;
    else replaceText(value, from, to);
  }
}

/** An image of `operands` in which a constant of the code, 7, is another number. */
async function constantOperand(): Promise<{ image: GuestImage; bytes: Uint8Array }> {
  for (let place = 0; place < 100; place++) {
    const image = await GuestImage.take('operands', place);
    let isChanged = false;
    const bytes = image.changed((machine) => {
      const copy = structuredClone(machine);
      for (const { stack } of copy.processes[0]!.threads[0]!.activations.flatMap(({ frames }) => frames)) {
        const [first, second] = stack;
        if (first?.type !== 'i32' || first.bits !== 7 || second?.type !== 'i64') continue;
        Object.assign(first, { bits: 8 });
        isChanged = true;
      }
      return copy;
    });
    if (isChanged) return { image, bytes };
    image.remove();
  }
  throw new Error('constants never wait below a call');
}
