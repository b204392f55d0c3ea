// Images of a tree of processes (guest/programs/family.c) that say what no tree could be, or whose resume fails in the middle:
// refused as a whole, by the pid and the object, before anything runs; nothing is left behind.

import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imagePorts } from '../../runtime/host/images/image-ports.ts';
import { FEATURES } from '../../runtime/host/machine/features.ts';
import type { ResumeOptions, WvmError } from '../../runtime/index.ts';
import type { KernelState } from '../../runtime/kernel/kernel.ts';
import type { ProcessState as KernelProcess } from '../../runtime/kernel/process.ts';
import { HEADER_BYTES, RecordType } from '../../runtime/snapshot/image-layout.ts';
import type { MachineState } from '../../runtime/snapshot/machine-state.ts';
import { RecordReader } from '../../runtime/snapshot/record-reader.ts';
import { RecordWriter } from '../../runtime/snapshot/record-writer.ts';
import { joinImage, type RawRecord, splitImage } from '../../runtime/snapshot/testing/image-surgery.ts';
import { decodeTreeRecord, encodeTreeRecord, type TreeRecord } from '../../runtime/snapshot/tree-record.ts';
import { GuestImage } from './guest-image.ts';

type Writable<T> = T extends bigint | Uint8Array
  ? T
  : { -readonly [Key in keyof T]: T[Key] extends object ? Writable<T[Key]> : T[Key] };
type Machine = Writable<MachineState>;
type Kernel = Writable<KernelState>;

const ROOT = 1;
/** By what they do; pids are given in the order of forks. */
const READER = 2;
const SLEEPER = 3;
const STOPPED = 5;
const THREADS = 6;
const ZOMBIE = 7;
const KILLED = 8;
/** The child of 4; then come the threads of 6. */
const POLLER = 9;
const LIVING = [ROOT, READER, SLEEPER, 4, STOPPED, THREADS, POLLER];
/** Whose own file is family-N.txt: N. */
const FILES: Readonly<Record<number, number>> = { 2: 1, 3: 2, 9: 3, 4: 4, 5: 5, 6: 6 };

let image: GuestImage;
let state: MachineState;
beforeAll(async () => {
  image = await GuestImage.takeAsAsked('family');
  image.changed((machine) => (state = machine));
});
afterAll(() => image.remove());

const kernelOf = (machine: MachineState): KernelState => machine.kernel as KernelState;

function withMachine(change: (machine: Machine, kernel: Kernel) => void): Uint8Array {
  return image.changed((machine) => {
    const copy = structuredClone(machine) as unknown as Machine;
    change(copy, copy.kernel as Kernel);
    return copy as unknown as MachineState;
  });
}

/** The image with another second record. */
function withTree(change: (tree: Writable<TreeRecord>) => void): Uint8Array {
  return withRecords((records) => {
    const index = records.findIndex(({ type }) => type === RecordType.TREE);
    const tree = decodeTreeRecord(new RecordReader('TREE', records[index]!.payload)) as Writable<TreeRecord>;
    change(tree);
    const out = new RecordWriter();
    encodeTreeRecord(out, tree as TreeRecord);
    return records.with(index, { type: RecordType.TREE, payload: out.bytes });
  });
}

function withRecords(change: (records: RawRecord[]) => RawRecord[]): Uint8Array {
  return joinImage(change(splitImage(image.bytes)), imagePorts());
}

/** Open files of this process of the host, once nothing is on its way any more. */
const openFiles = (): number => fs.readdirSync('/proc/self/fd').length;

/** The error; whatever happened before it is undone. */
async function expectRefused(bytes: Uint8Array, options: ResumeOptions = {}): Promise<WvmError> {
  const before = openFiles();
  const error = await image.refusalError(bytes, options);
  if (error === undefined) expect.unreachable('it is taken');
  expect(openFiles(), `${error.code} ${error.message}`).toBe(before);
  return error;
}

const process = (kernel: Kernel, pid: number): Writable<KernelProcess> =>
  kernel.processes.find((candidate) => candidate.pid === pid)!;

it('the tree is as the guest has made it', () => {
  expect(state.processes.map(({ pid }) => pid)).toEqual(LIVING);
  const { processes, pipes } = kernelOf(state);
  expect(new Set(processes.map(({ pid }) => pid))).toEqual(new Set([...LIVING, ZOMBIE, KILLED]));
  expect(pipes.length).toBe(3);
});

it('O01 M11 records have numbers and words of their own: signals and statuses as Linux counts them, changes by name', () => {
  const of = (pid: number) => kernelOf(state).processes.find((candidate) => candidate.pid === pid)!;
  expect(of(ZOMBIE).end).toEqual({ status: 7, signal: 0, coreDumped: false });
  expect(of(KILLED).end).toEqual({ status: 128 + 9, signal: 9, coreDumped: false });
  // Its parent has asked already.
  expect([of(STOPPED).isStopped, of(STOPPED).stopSignal, of(STOPPED).stateChange]).toEqual([true, 19, null]);
  expect(of(READER).threads[0]!.call).toMatchObject({ module: 'wasi_snapshot_preview1', name: 'fd_read' });
  expect(of(THREADS).sid).toBe(THREADS);
});

describe('M06 records of trees', () => {
  it.each<[string, (kernel: Kernel) => void, RegExp]>([
    ['a pid twice', (k) => (process(k, SLEEPER).pid = READER), /process 2.*twice/],
    ['a parent that is not there', (k) => (process(k, SLEEPER).parentPid = 99), /no process 99/],
    ['a parent that has ended', (k) => (process(k, SLEEPER).parentPid = ZOMBIE), /process 7 has ended/],
    ['a cycle', (k) => (process(k, 4).parentPid = POLLER), /process \d is its own ancestor/],
    ['a negative pid', (k) => (process(k, SLEEPER).pid = -3), /process -3\.pid/],
    [
      'a zombie that has threads',
      (k) => (process(k, ZOMBIE).threads = process(k, READER).threads),
      /process 7.*zombie/,
    ],
    ['a zombie that has files', (k) => (process(k, KILLED).fds = process(k, READER).fds), /process 8.*zombie/],
    ['a living process without threads', (k) => (process(k, READER).threads = []), /process 2.*no threads/],
    ['a stopped one that nothing stopped', (k) => (process(k, STOPPED).stopSignal = 0), /process 5\.stopSignal/],
    ['a group in two sessions', (k) => (process(k, READER).pgid = THREADS), /group 6 in two sessions/],
    ['a thread twice', (k) => (process(k, READER).threads[0]!.tid = SLEEPER), /3 stands twice/],
    ['processes without end', (k) => (k.processes = Array(100_001).fill(null) as never), /100001/],
    ['threads without end', (k) => (process(k, 2).threads = Array(100_001).fill(null) as never), /process 2\.threads/],
    ['a pid above all', (k) => (process(k, SLEEPER).pid = 2 ** 31), /process 2147483648\.pid/],
  ])('with %s are refused', async (_case, change, text) => {
    const error = await expectRefused(withMachine((_machine, kernel) => change(kernel)));
    expect(error.code).toBe('WVM_IMAGE_BAD_RECORD');
    expect(error.message).toMatch(text);
  });

  it.each<[string, (tree: Writable<TreeRecord>) => void, RegExp]>([
    ['a pid twice', ({ processes }) => (processes[2]!.pid = READER), /pid 2 is there twice/],
    ['no pid', ({ processes }) => (processes[2]!.pid = 0), /pid 0/],
    ['a pid above all', ({ processes }) => (processes[2]!.pid = 2 ** 31), /pid 2147483648/],
    ['two roots', ({ processes }) => (processes[2]!.parentPid = null), /process 3 is a second root/],
    ['a root that is a child', ({ processes }) => (processes[0]!.parentPid = 2), /first but not the root/],
    ['a parent that is not there', ({ processes }) => (processes[2]!.parentPid = 99), /parent 99 of process 3/],
    ['a cycle', ({ processes }) => (processes[3]!.parentPid = POLLER), /descends from itself/],
    ['processes out of order', ({ processes }) => processes.push(...processes.splice(1, 1)), /./],
    ['another process', ({ processes }) => (processes[6]!.pid = 77), /process 77: the kernel's record has no such/],
    ['a zombie among the living', ({ processes }) => (processes[6]!.pid = KILLED), /process 8: the kernel's record/],
    ['a process too few', ({ processes }) => processes.pop(), /./],
    [
      'a process too many',
      ({ processes }) => processes.push({ pid: 50, parentPid: 1, name: '', scheduling: '', tids: [50] }),
      /./,
    ],
    ['a process without threads', ({ processes }) => (processes[2]!.tids = []), /./],
    ['a tid twice', ({ processes }) => (processes[2]!.tids[0] = READER), /./],
  ])('the second record with %s is refused', async (_case, change, text) => {
    const error = await expectRefused(withTree(change));
    expect(error.code).toBe('WVM_IMAGE_BAD_RECORD');
    expect(error.message).toMatch(text);
  });

  it.each([
    ['processes', 4],
    ['threads of the first process', 16],
  ])('a second record with 2^32 - 1 %s is refused before there is memory for them', async (_what, offset) => {
    const bytes = withRecords((records) => {
      const payload = records[1]!.payload.slice();
      new DataView(payload.buffer).setUint32(offset, 0xffff_ffff, true);
      return records.with(1, { type: RecordType.TREE, payload });
    });
    expect((await expectRefused(bytes)).message).toMatch(/record 1 \(TREE\) at byte \d+: 4294967295/);
  });
});

describe('F11 objects of trees', () => {
  const openFile = (kernel: Kernel, kind: string): { [key: string]: unknown } =>
    kernel.openFiles.find((file) => file.kind === kind) as never;
  it.each<[string, (kernel: Kernel) => void, RegExp]>([
    ['a pipe that is not there', (k) => (openFile(k, 'pipe')['pipe'] = 3), /openFiles\[\d+\]\.pipe/],
    ['a pipe that is both ends', (k) => (openFile(k, 'pipe')['canWrite'] = true), /one end of a pipe/],
    ['an end of a pipe twice', (k) => pipeEndTwice(k), /./],
    ['an inode twice', (k) => (k.pipes[1]!.ino = k.pipes[0]!.ino), /pipes\[1\]\.ino/],
    ['more in a pipe than it holds', (k) => (k.pipes[0]!.data = new Uint8Array(65_537)), /pipes\[0\]\.data/],
    ['a descriptor of nothing', (k) => (process(k, SLEEPER).fds[3]!.file = 999), /process 3\.fds\[3\]\.file/],
    ['a file that nobody has', (k) => k.openFiles.push(structuredClone(k.openFiles[0]!)), /no descriptor refers/],
    ['a futex queue of nobody', (k) => (k.futexes[0]!.waiters[0]!.tid = 99), /futexes\[0\]\.waiters: 99 is no thread/],
    ['a futex queue of a zombie', (k) => (k.futexes[0]!.pid = ZOMBIE), /futexes\[0\]/],
    ['a futex queue of one who reads', (k) => (k.futexes[0]!.waiters[0]!.tid = READER), /futexes\[0\]/],
    [
      'a lock outside of the memory',
      (k) => Object.assign(k.futexes[0]!, { owner: THREADS, address: 2 ** 30 }),
      /process 6: futexes: a lock at 1073741824/,
    ],
    ['an empty futex queue', (k) => (k.futexes[0]!.waiters = []), /nobody waits/],
    ['a thread that waits and runs', (k) => k.ready.push(READER), /2 is no thread, or stands twice/],
    ['a thread in no list', (k) => k.blocked.splice(k.blocked.indexOf(READER), 1), /2 is missing/],
    ['a stopped thread that runs', (k) => k.ready.push(STOPPED), /5 belongs to a stopped process/],
    [
      'a blocked one that nothing blocks',
      (k) => k.blocked.push(ROOT),
      /1 is no thread, or stands twice|1 is in no call/,
    ],
    ['a last id below 1', (k) => (k.lastId = 0), /lastId/],
    ['a lock of nobody', (k) => k.locks.push({} as never), /locks/],
  ])('%s is refused', async (_case, change, text) => {
    const error = await expectRefused(withMachine((_machine, kernel) => change(kernel)));
    expect(error.code).toBe('WVM_IMAGE_BAD_RECORD');
    expect(error.message).toMatch(text);
  });
});

/** Two open files that are the same end of the first pipe. */
function pipeEndTwice(kernel: Kernel): void {
  const ends = kernel.openFiles.filter((file) => file.kind === 'pipe') as unknown as Record<string, unknown>[];
  const [first] = ends;
  const other = ends.find((end) => end['pipe'] !== first!['pipe'] && end['canRead'] === first!['canRead'])!;
  other['pipe'] = first!['pipe'];
}

describe('M07 a process of the tree that the image does not have', () => {
  it.each(LIVING.slice(1))('process %i is missing in the kernel’s record', async (pid) => {
    const error = await expectRefused(
      withMachine((_machine, kernel) => {
        kernel.processes = kernel.processes.filter((candidate) => candidate.pid !== pid && candidate.parentPid !== pid);
        const tids = new Set(kernel.processes.flatMap(({ threads }) => threads.map(({ tid }) => tid)));
        kernel.ready = kernel.ready.filter((tid) => tids.has(tid));
        kernel.blocked = kernel.blocked.filter((tid) => tids.has(tid));
        kernel.futexes = kernel.futexes.filter((queue) => queue.pid !== pid);
        keepUsedFiles(kernel);
      }),
    );
    expect([error.code, error.message]).toEqual([
      'WVM_IMAGE_BAD_RECORD',
      expect.stringMatching(new RegExp(`process ${pid === 4 ? '[49]' : pid}: the kernel's record has no such process`)),
    ]);
  });

  it.each(LIVING.slice(1))('process %i has no instance', async (pid) => {
    const error = await expectRefused(
      withMachine((machine) => {
        machine.processes = machine.processes.filter(
          (candidate) => candidate.pid !== pid && candidate.parentPid !== pid,
        );
      }),
    );
    expect([error.code, error.message]).toEqual([
      'WVM_IMAGE_BAD_RECORD',
      expect.stringMatching(new RegExp(`process ${pid === 4 ? '[49]' : pid}: the image has no instance of it`)),
    ]);
  });
});

/** Without those that the last descriptor of is gone. */
function keepUsedFiles(kernel: Kernel): void {
  const used = new Set(kernel.processes.flatMap(({ fds }) => fds.map(({ file }) => file)));
  const indexes = new Map([...used].sort((a, b) => a - b).map((file, index) => [file, index]));
  kernel.openFiles = kernel.openFiles.filter((_, index) => used.has(index));
  for (const { fds } of kernel.processes) for (const fd of fds) fd.file = indexes.get(fd.file)!;
}

describe('M08 F07 a failure in one process', () => {
  const index = (pid: number): number => LIVING.indexOf(pid);
  const kinds: Record<string, (pid: number) => { bytes: Uint8Array; code: string; text: RegExp }> = {
    frames: (pid) => ({
      bytes: withMachine(({ processes }) => {
        const [thread] = processes[index(pid)]!.threads;
        const { frames } = thread!.activations[0]!;
        (frames[frames.length - 1] as { codeOffset: number }).codeOffset += 1;
      }),
      code: 'WVM_IMAGE_BAD_FRAME',
      text: new RegExp(`^process ${pid}, thread ${pid}, frame \\d+ `),
    }),
    'the last thread': (pid) => ({
      bytes: withMachine(({ processes }) => (processes[index(pid)]!.threads.at(-1)!.fuelLeft = 2 ** 40)),
      code: 'WVM_IMAGE_BAD_FRAME',
      text: new RegExp(`^process ${pid}, thread \\d+: `),
    }),
    globals: (pid) => ({
      bytes: withMachine(({ processes }) => processes[index(pid)]!.instance.globals.pop()),
      code: 'WVM_IMAGE_BAD_RECORD',
      text: new RegExp(`^process ${pid}: instance of .* globals`),
    }),
    descriptors: (pid) => ({
      bytes: withMachine((_machine, kernel) => (process(kernel, pid).fds.at(-1)!.file = 999)),
      code: 'WVM_IMAGE_BAD_RECORD',
      text: new RegExp(`process ${pid}\\.fds\\[\\d+\\]\\.file: 999`),
    }),
    environment: (pid) => ({
      bytes: withMachine((_machine, kernel) => {
        process(kernel, pid).envNames = ['ONLY_IN_THE_IMAGE'];
        process(kernel, pid).envValues = [null as never];
      }),
      code: 'WVM_CAPABILITY_MISSING',
      text: /ONLY_IN_THE_IMAGE/,
    }),
    // Found when all machines are made and most memories are filled.
    'a page': (pid) => ({ bytes: withBadPage(index(pid)), code: 'WVM_IMAGE_CORRUPT', text: /CONTENTS/ }),
  };
  for (const [kind, make] of Object.entries(kinds)) {
    it.each(LIVING)(`(${kind}) in process %i fails the whole resume and leaves nothing`, async (pid) => {
      const { bytes, code, text } = make(pid);
      const error = await expectRefused(bytes);
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(text)]);
    });
  }

  it.each(Object.entries(FILES))('(its file has changed) in process %s fails the whole resume', async (pid, number) => {
    const file = path.join(image.directory, `family-${number}.txt`);
    const expectNamed = async (what: string): Promise<void> => {
      const error = await expectRefused(image.bytes);
      const text = `process ${pid}: /family-${number}.txt ${what}`;
      expect([error.code, error.message]).toEqual(['WVM_FILE_CHANGED', expect.stringContaining(text)]);
    };
    fs.renameSync(file, `${file}.kept`);
    await expectNamed('is missing');
    fs.writeFileSync(file, 'abcdefg');
    await expectNamed('is another file');
    fs.renameSync(`${file}.kept`, file);
  });

  it.each([1, 3, 7])('O10 (there is memory for %i processes) fails the whole resume', async (count) => {
    const each = state.processes[0]!.instance.memories[0]!.pageCount * 65_536;
    const error = await expectRefused(image.bytes, { maxMemoryBytes: count * each - 1 });
    expect(error.code).toBe('WVM_IMAGE_LIMIT');
  });

  it('after all that the image goes on as if nothing had happened', async () => {
    expect(await image.run(image.bytes)).toEqual({ kind: 'exit', code: 0 });
  });
});

/** One page of a process damaged, and its checksum with it: what the record says of itself holds, the whole does not. */
function withBadPage(processIndex: number): Uint8Array {
  const damaged = image.bytes.slice();
  const view = new DataView(damaged.buffer);
  let at = HEADER_BYTES;
  let isIn = false;
  for (const { type, payload } of splitImage(image.bytes)) {
    if (type === RecordType.PAGES) isIn = new DataView(payload.buffer).getUint32(0, true) === processIndex;
    const payloadAt = at + 32;
    if (type === RecordType.CONTENTS && isIn) {
      view.setUint8(payloadAt + payload.length - 1, view.getUint8(payloadAt + payload.length - 1) ^ 1);
      return damaged;
    }
    at = payloadAt + payload.length + ((8 - (payload.length % 8)) % 8);
  }
  throw new Error(`process ${processIndex} has no pages`);
}

describe('F12 F13 features', () => {
  it.each([
    ['used', 'strict', 'WVM_IMAGE_FEATURE'],
    ['used', 'lenient', 'WVM_IMAGE_FEATURE'],
    ['available', 'strict', 'WVM_IMAGE_FEATURE'],
    ['available', 'lenient', undefined],
  ] as const)('a feature that was %s and is not here, %s: %s', async (which, features, code) => {
    const bytes = withMachine((machine) => {
      machine.features.available = [...FEATURES, 'zz-teleport'];
      if (which === 'used') machine.features.used.push('zz-teleport');
    });
    const error = await image.refusalError(bytes, { features });
    expect(error?.code).toBe(code);
    if (code !== undefined) expect(error!.message).toContain('zz-teleport');
  });

  it('F12 what the processes use is in the image', () => {
    const objects = ['futexes', 'job-control', 'pipes', 'processes', 'threads'];
    expect(state.features.used).toEqual([...objects, 'wasi-preview1', 'wasi-threads', 'wasix', 'wasm-2.0', 'wvm']);
  });
});

describe('M13 versions', () => {
  it.each([0, 2, 0xffff_ffff])('format version %i is refused by number', async (version) => {
    const bytes = image.bytes.slice();
    new DataView(bytes.buffer).setUint32(8, version, true);
    const error = await expectRefused(bytes);
    expect([error.code, error.message]).toEqual([
      'WVM_IMAGE_BAD_VERSION',
      expect.stringContaining(`format version ${version}; this wvm reads 1`),
    ]);
  });
});
