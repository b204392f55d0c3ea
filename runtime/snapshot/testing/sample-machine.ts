// A machine with something in every field, for the tests and the golden image of format version 1. Never change what
// sampleMachine() and sampleMemories() return: the golden image holds it.

import type { MemorySource } from '../image-ports.ts';
import type { MachineState } from '../machine-state.ts';
import { collectPages, type PageBlock } from '../page-block.ts';
import { portablePageScanner } from '../page-scanner.ts';

/** (module (func)), and its SHA-256. */
export const sampleModule: Uint8Array = Uint8Array.of(
  0x00,
  0x61,
  0x73,
  0x6d,
  0x01,
  0x00,
  0x00,
  0x00,
  0x01,
  0x04,
  0x01,
  0x60,
  0x00,
  0x00,
  0x03,
  0x02,
  0x01,
  0x00,
  0x0a,
  0x04,
  0x01,
  0x02,
  0x00,
  0x0b,
);
export const sampleHash: string = 'aaceec3bbac74451e6dcefcead4220538e643fcb1df8009a7c5c3a5afffc5495';
const absentHash: string = 'f0'.repeat(32);

export function sampleMachine(): MachineState {
  return {
    producer: 'wvm 0.1.0',
    features: { used: ['wasi-preview1'], available: ['simd', 'threads', 'wasi-preview1'] },
    name: 'sämple',
    fuelUsed: 0xffff_ffff_ffff_fffen,
    modules: [
      { hash: sampleHash, name: 'sample.wasm', bytes: sampleModule },
      { hash: absentHash, name: '', bytes: null },
    ],
    kernel: {
      nothing: null,
      flags: [true, false],
      numbers: [0, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, Number.MAX_SAFE_INTEGER],
      negatives: [-1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, Number.MIN_SAFE_INTEGER],
      bigints: [0n, 5n, -1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n)],
      texts: ['', 'a', 'é', 'x'.repeat(31), 'x'.repeat(32), '\u{1f600}'],
      bytes: [new Uint8Array(0), Uint8Array.of(1, 2, 255)],
      'key with \u{10000}': 1,
      'key with \uffff': 2,
      '10': 'ten',
      '9': 'nine',
      empty: {},
    },
    processes: [
      {
        pid: 1,
        parentPid: null,
        name: 'sample.wasm',
        scheduling: 'FIFO 50, nice 5',
        instance: {
          moduleHash: sampleHash,
          memories: [
            { pageCount: 1, maxPageCount: 2, shared: true, is64: false },
            { pageCount: 2, maxPageCount: null, shared: false, is64: true },
          ],
          globals: [
            null,
            { type: 'i32', bits: -1 },
            { type: 'i64', bits: -(2n ** 63n) },
            { type: 'f32', bits: 0x7fa0_0001 },
            { type: 'f64', bits: -1n },
            { type: 'v128', bytes: Uint8Array.from({ length: 16 }, (_, i) => i * 17) },
            { type: 'funcref', index: 7 },
            { type: 'funcref', index: null },
            { type: 'externref', index: null },
          ],
          tables: [null, { entries: [0, null, 4294967294] }],
          droppedElements: [0, 2],
          droppedData: [1],
        },
        threads: [
          {
            tid: 1,
            fuelLeft: -3,
            entries: [
              { functionIndex: 1, args: [] },
              { functionIndex: 0, args: [-1, 7] },
            ],
            globals: null,
            contexts: [],
            checkpoints: [
              {
                id: 2n ** 63n,
                valueAddr: 64,
                depth: 0,
                activation: { frames: [{ functionIndex: 0, codeOffset: 5, kind: 'call', locals: [], stack: [] }] },
                entry: 0,
                stackPointer: 65536,
              },
            ],
            activations: [
              {
                entry: 0,
                pending: { kind: 'call' },
                isHandler: false,
                stackPointer: null,
                frames: [],
              },
              {
                entry: 1,
                pending: { kind: 'poll' },
                isHandler: true,
                stackPointer: -16,
                frames: [
                  {
                    functionIndex: 0,
                    codeOffset: 5,
                    kind: 'call',
                    locals: [null, { type: 'i32', bits: 9 }],
                    stack: [{ type: 'i64', bits: 8n }],
                  },
                  { functionIndex: 1, codeOffset: 0, kind: 'poll', locals: [], stack: [] },
                ],
              },
            ],
          },
          {
            tid: 4,
            fuelLeft: Number.MAX_SAFE_INTEGER,
            entries: [],
            activations: [{ entry: 2, pending: { kind: 'call' }, isHandler: false, stackPointer: null, frames: [] }],
            globals: [null, { type: 'f64', bits: -1n }],
            checkpoints: [],
            contexts: [
              { id: 0n, entries: [], activations: [], checkpoints: [] },
              {
                id: 2n ** 64n - 1n,
                entries: [{ functionIndex: 0, args: [] }],
                activations: [
                  {
                    entry: 1,
                    pending: { kind: 'result', value: 0 },
                    isHandler: false,
                    stackPointer: null,
                    frames: [{ functionIndex: 0, codeOffset: 5, kind: 'call', locals: [], stack: [] }],
                  },
                ],
                checkpoints: [],
              },
            ],
          },
        ],
      },
      {
        pid: 3,
        parentPid: 1,
        name: '',
        scheduling: '',
        instance: {
          moduleHash: absentHash,
          memories: [],
          globals: [],
          tables: [],
          droppedElements: [],
          droppedData: [],
        },
        threads: [
          {
            tid: 2,
            fuelLeft: 0,
            entries: [{ functionIndex: 0, args: [] }],
            activations: [],
            globals: null,
            checkpoints: [],
            contexts: [],
          },
          {
            tid: 3,
            fuelLeft: 0,
            entries: [],
            activations: [
              { entry: 0, pending: { kind: 'result', value: -1 }, isHandler: true, stackPointer: 8, frames: [] },
            ],
            globals: [],
            checkpoints: [],
            contexts: [],
          },
        ],
      },
    ],
  };
}

/** Page 5 of memory 0; pages 0, 1 and 31 of memory 1. */
export function sampleMemories(): MemorySource[] {
  const first = new Uint8Array(65536);
  first.fill(0xa5, 5 * 4096, 6 * 4096);
  const second = new Uint8Array(2 * 65536);
  second[0] = 1;
  second[8191] = 2;
  second[second.length - 1] = 3;
  return [
    { processIndex: 0, memoryIndex: 0, bytes: first },
    { processIndex: 0, memoryIndex: 1, bytes: second },
  ];
}

export function sampleBlocks(): PageBlock[] {
  return collectPages(sampleMemories(), portablePageScanner);
}
