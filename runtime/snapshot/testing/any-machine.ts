// Machines of every shape that keep the rules, for property tests.

import fc from 'fast-check';
import type {
  CheckpointState,
  ContextState,
  ExceptionState,
  FrameState,
  InstanceState,
  PendingState,
  SuspendedState,
  ThreadState,
  ValueState,
} from '../../engine/state.ts';
import type { MemorySource } from '../image-ports.ts';
import type { MachineState, ProcessState } from '../machine-state.ts';
import { sampleHash, sampleModule } from './sample-machine.ts';

const u32: fc.Arbitrary<number> = fc.nat(0xffff_fffe);
const text: fc.Arbitrary<string> = fc.string({ unit: 'binary', maxLength: 40 });
const list = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(arbitrary, { maxLength: 5 });

const plainValue: fc.Arbitrary<ValueState> = fc.oneof(
  fc.record({ type: fc.constantFrom('i32' as const, 'f32' as const), bits: fc.integer() }),
  fc.record({
    type: fc.constantFrom('i64' as const, 'f64' as const),
    bits: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  fc.record({ type: fc.constant('v128' as const), bytes: fc.uint8Array({ minLength: 16, maxLength: 16 }) }),
  fc.record({ type: fc.constant('funcref' as const), index: fc.option(u32) }),
  fc.constant({ type: 'externref' as const, index: null }),
);
const exception: fc.Arbitrary<ExceptionState> = fc.record({ tag: u32, payload: list(plainValue) });
const value: fc.Arbitrary<ValueState> = fc.oneof(
  { arbitrary: plainValue, weight: 6 },
  { arbitrary: fc.record({ type: fc.constant('exnref' as const), exception: fc.option(exception) }), weight: 1 },
);

const plainData: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger().map((n) => n + 0),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    text,
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('tree'), { maxLength: 20 }),
    fc
      .dictionary(
        text.filter((key) => key !== '__proto__'),
        tie('tree'),
        { maxKeys: 20 },
      )
      .map((record) => ({ ...record })),
  ),
})).tree;

const frame: fc.Arbitrary<FrameState> = fc.record({
  functionIndex: u32,
  codeOffset: u32,
  kind: fc.constantFrom('call', 'poll'),
  locals: list(fc.option(value)),
  stack: list(value),
});
const frameInCatch: fc.Arbitrary<FrameState> = fc
  .tuple(frame, fc.array(fc.option(exception), { minLength: 1, maxLength: 3 }))
  .map(([inner, caught]) => ({ ...inner, caught }));

const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const pending: fc.Arbitrary<PendingState> = fc.oneof(
  fc.constantFrom<PendingState>({ kind: 'poll' }, { kind: 'call' }),
  i32.map((value): PendingState => ({ kind: 'result', value })),
);
const frames = list(fc.oneof(frame, frameInCatch));

const activation: fc.Arbitrary<SuspendedState> = fc.record({
  frames,
  entry: u32,
  pending,
  isHandler: fc.boolean(),
  stackPointer: fc.option(i32),
});

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const checkpoint: fc.Arbitrary<CheckpointState> = fc.record({
  id: u64,
  valueAddr: u32,
  depth: u32,
  activation: fc.record({ frames }),
  entry: u32,
  stackPointer: fc.option(i32),
});

const stack = {
  activations: list(activation),
  entries: list(fc.record({ functionIndex: u32, args: list(i32) })),
  checkpoints: list(checkpoint),
};
const contexts: fc.Arbitrary<ContextState[]> = fc
  .uniqueArray(fc.record({ id: u64, ...stack }), { maxLength: 2, selector: ({ id }) => id })
  .map((all) => all.sort((a, b) => (a.id < b.id ? -1 : 1)));

const thread: fc.Arbitrary<Omit<ThreadState, 'tid'>> = fc.record({
  ...stack,
  fuelLeft: fc.maxSafeInteger(),
  globals: fc.option(list(fc.option(value))),
  // Most threads have one stack.
  contexts: fc.oneof({ arbitrary: fc.constant([]), weight: 5 }, { arbitrary: contexts, weight: 1 }),
});

const segments: fc.Arbitrary<number[]> = fc.uniqueArray(u32, { maxLength: 5 }).map((all) => all.sort((a, b) => a - b));

const instance: fc.Arbitrary<InstanceState> = fc.record({
  moduleHash: fc.constant(sampleHash),
  memories: fc.array(
    fc.record({
      pageCount: fc.nat(2),
      maxPageCount: fc.option(fc.integer({ min: 2, max: 65536 })),
      shared: fc.boolean(),
      is64: fc.boolean(),
    }),
    { maxLength: 2 },
  ),
  globals: list(fc.option(value)),
  tables: list(fc.option(fc.record({ entries: list(fc.option(u32)) }))),
  droppedElements: segments,
  droppedData: segments,
});

const processes: fc.Arbitrary<ProcessState[]> = fc
  .array(fc.tuple(instance, fc.array(thread, { minLength: 1, maxLength: 3 }), fc.nat()), { minLength: 1, maxLength: 3 })
  .map((all) =>
    all.map(([instance, threads, parent], index) => ({
      pid: index * 10 + 1,
      parentPid: index === 0 ? null : (parent % index) * 10 + 1,
      name: `program ${index}`,
      scheduling: index === 1 ? 'nice 5' : '',
      instance,
      threads: threads.map((thread, i) => ({ ...thread, tid: index * 10 + 1 + i })),
    })),
  );

const features: fc.Arbitrary<string[]> = fc.uniqueArray(text, { maxLength: 5 }).map((all) => all.sort());

const machine: fc.Arbitrary<MachineState> = fc.tuple(features, fc.nat(31)).chain(([available, mask]) =>
  fc.record({
    producer: text,
    features: fc.constant({ used: available.filter((_, i) => mask & (1 << i)), available }),
    name: text,
    fuelUsed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    modules: fc
      .record({ hash: fc.constant(sampleHash), name: text, bytes: fc.option(fc.constant(sampleModule)) })
      .map((m) => [m]),
    kernel: plainData,
    processes,
  }),
);

/** With memories of matching sizes, a few bytes of them not zero. */
export const anyMachine: fc.Arbitrary<{ machine: MachineState; memories: MemorySource[] }> = fc
  .tuple(machine, fc.array(fc.tuple(u32, fc.nat(255)), { maxLength: 60 }))
  .map(([machine, writes]) => {
    const memories = machine.processes.flatMap(({ instance }, processIndex) =>
      instance.memories.map(({ pageCount }, memoryIndex) => {
        return { processIndex, memoryIndex, bytes: new Uint8Array(pageCount * 65536) };
      }),
    );
    for (const [number, byte] of writes) {
      const memory = memories[number % Math.max(1, memories.length)];
      if (memory !== undefined && memory.bytes.length > 0) memory.bytes[number % memory.bytes.length] = byte;
    }
    return { machine, memories };
  });
