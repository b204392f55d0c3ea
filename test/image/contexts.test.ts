// Images of a thread with several stacks: what of them is refused.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContextState, StackState, ThreadState } from '../../runtime/engine/state.ts';
import { GuestImage } from './guest-image.ts';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] extends object ? Writable<T[Key]> : T[Key] };

let image: GuestImage;
beforeAll(async () => {
  for (let place = 8; ; place++) {
    image = await GuestImage.take('contexts', place);
    const shapes = shapesOf();
    if (shapes.includes('deep 0') && shapes.includes('0 1')) break;
    image.remove();
  }
});
afterAll(() => image.remove());

/** A stack that stands in calls; one that has not begun. */
const begun = (contexts: Writable<ContextState>[]): Writable<ContextState> =>
  contexts.find(({ activations }) => activations.length > 0)!;
const fresh = (contexts: Writable<ContextState>[]): Writable<ContextState> =>
  contexts.find(({ entries }) => entries.length > 0)!;

function changed(change: (thread: Writable<ThreadState>, contexts: Writable<ContextState>[]) => void): Uint8Array {
  return image.changed((machine) => {
    const copy = structuredClone(machine);
    const thread = copy.processes[0]!.threads[0]! as Writable<ThreadState>;
    change(thread, thread.contexts as Writable<ContextState>[]);
    return copy;
  });
}

/** Of each stack that does not run: how deep it is, and how many functions are still to be called. */
function shapesOf(): string[] {
  let shapes: string[] = [];
  changed((_, contexts) => (shapes = contexts.map(shapeOf)));
  return shapes;
}

function shapeOf({ activations, entries }: Writable<StackState>): string {
  return `${activations.flatMap(({ frames }) => frames).length > 4 ? 'deep' : activations.length} ${entries.length}`;
}

describe('an image of a thread with contexts', () => {
  it('goes on to its end', async () => {
    expect(await image.run(image.bytes)).toMatchObject({ kind: 'exit', code: 0 });
  });

  it.each<[string, Parameters<typeof changed>[0]]>([
    ['that the kernel does not know', (_, contexts) => contexts.push({ ...contexts[0]!, id: 77n })],
    ['under another number', (_, contexts) => (contexts.at(-1)!.id += 1n)],
    ['too few', (_, contexts) => contexts.pop()],
    ['that is in a call of the kernel', (_, contexts) => (begun(contexts).activations[0]!.pending = { kind: 'call' })],
    ['with a signal handler that no signal began', (_, contexts) => (begun(contexts).activations[0]!.isHandler = true)],
    ['that is to begin with an import', (_, contexts) => (fresh(contexts).entries[0]!.functionIndex = 0)],
    ['that is to begin with no function', (_, contexts) => (fresh(contexts).entries[0]!.functionIndex = 99_999)],
    ['that is to begin with values', (_, contexts) => (fresh(contexts).entries[0]!.args = [1])],
    [
      'the first of which begins like another',
      (thread, contexts) => (contexts.find(({ id }) => id === 0n) ?? thread).entries.push(fresh(contexts).entries[0]!),
    ],
  ])('one %s: refused', async (_case, change) => {
    expect(await image.refusal(changed(change))).toBe('WVM_IMAGE_BAD_FRAME');
  });
});
