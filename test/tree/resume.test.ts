// How a tree comes back (guest/programs/family.c): in the order of the image, all at once or not at all, as often as one likes.

import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guestNamed } from '../../guest/manifest.ts';
import { assembleWat } from '../../guest/toolchain.ts';
import { imagePorts } from '../../runtime/host/images/image-ports.ts';
import { Machine, type MachineExit, type MachineOptions, type ResumeOptions } from '../../runtime/index.ts';
import { RecordType } from '../../runtime/snapshot/image-layout.ts';
import { parseTree } from '../../runtime/snapshot/parse-image.ts';
import { splitImage } from '../../runtime/snapshot/testing/image-surgery.ts';
import { imageOf, moduleOf, quiet, withDirectory } from '../guest/modes.ts';
import { GuestImage } from '../image/guest-image.ts';
import { assemble, close, fork, get, pipe, times, type WatGuest } from './wat.ts';

const PASSED: MachineExit = { kind: 'exit', code: 0 };
const RESUMES = 100;
const TOLD = 'goes on\nPASS\n';
/** In the order of fork; 7 and 8 are zombies, 9 is the child of 4. */
const PIDS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

let image: GuestImage;
beforeAll(async () => {
  image = await GuestImage.takeAsAsked('family');
});
afterAll(() => image.remove());

interface Copy {
  readonly machine: Machine;
  readonly text: () => string;
  /** One line per host call and end of a process, in their order. */
  readonly events: string[];
}

async function resume(options: ResumeOptions = {}): Promise<Copy> {
  const chunks: Uint8Array[] = [];
  const events: string[] = [];
  const machine = await image.resume(image.bytes, {
    stdout: (chunk) => chunks.push(chunk),
    trace: (line) => events.push(line),
    onProcessEnd: ({ pid, status, signal }) => events.push(`end of ${pid}: ${status}, ${signal}`),
    ...options,
  });
  return { machine, text: () => Buffer.concat(chunks).toString(), events };
}

describe('the order of a resume', () => {
  it(`M01 M05 processes are those of the image, in its order, in every one of ${RESUMES} resumes; so is what they then do`, async () => {
    let first: string[] | undefined;
    for (let round = 0; round < RESUMES; round++) {
      const { machine, text, events } = await resume();
      expect(machine.processes().map(({ pid }) => pid)).toEqual(PIDS);
      expect(await machine.run()).toEqual(PASSED);
      expect(text()).toBe(TOLD);
      first ??= events;
      expect(events).toEqual(first);
    }
    // Not a test of nothing.
    expect(first!.length).toBeGreaterThan(50);
    expect(first!.filter((line) => line.startsWith('end of')).length).toBe(6);
  });

  it('M02 the tree can be read from the first two records, without anything behind them', () => {
    let read = 0;
    const parser = parseTree(imagePorts());
    let request = parser.next();
    while (!request.done) {
      const { sizeBytes } = request.value;
      request = parser.next(image.bytes.subarray(read, read + sizeBytes));
      read += sizeBytes;
    }
    expect(read).toBeLessThan(1000);
    expect(request.value.tree.processes.map(({ pid, parentPid, tids }) => [pid, parentPid, tids.length])).toEqual([
      [1, null, 1],
      [2, 1, 1],
      [3, 1, 1],
      [4, 1, 1],
      [5, 1, 1],
      [6, 1, 3],
      [9, 4, 1],
    ]);
  });

  it('M03 M04 O08 nobody runs before all are there and the machine is told to: no call, no output, no end', async () => {
    const { machine, text, events } = await resume({ frozen: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([events, text()]).toEqual([[], '']);
    expect(machine.processes().map(({ pid, state }) => [pid, state])).toEqual([
      [1, 'running'],
      [2, 'blocked'],
      [3, 'blocked'],
      [4, 'blocked'],
      [5, 'stopped'],
      [6, 'blocked'],
      [7, 'zombie'],
      [8, 'zombie'],
      [9, 'blocked'],
    ]);
    expect(await machine.run()).toEqual(PASSED);
    expect(text()).toBe(TOLD);
  });

  it('F03 O13 a machine that waits is the image, every byte at its address, and after other machines have run, too', async () => {
    const { machine } = await resume();
    expect(Buffer.compare(imageOf(machine), image.bytes)).toBe(0);
    expect(await (await resume()).machine.run()).toEqual(PASSED);
    expect(Buffer.compare(imageOf(machine), image.bytes)).toBe(0);
    machine.kill();
  });
});

describe('zombies, groups and sessions', () => {
  it('M11 O07 are what they were: exact statuses, SIGCHLD not once more', async () => {
    // The guest checks the statuses: 7 has ended with 7, 8 by SIGKILL.
    const { machine, events } = await resume();
    const of = (pid: number) => machine.processes().find((process) => process.pid === pid)!;
    expect([of(7).state, of(8).state, of(7).threadCount, of(8).fdCount]).toEqual(['zombie', 'zombie', 0, 0]);
    expect([of(4).processGroup, of(9).processGroup, of(9).session]).toEqual([4, 4, 1]);
    expect([of(6).session, of(6).processGroup]).toEqual([6, 6]);
    expect(of(9).parentPid).toBe(4);
    expect(await machine.run()).toEqual(PASSED);
    expect(events.filter((line) => /^end of [78]:/.test(line))).toEqual([]);
  });
});

describe('one image, many machines', () => {
  it('M12 O09 M17 ten at once have the same pids and do not disturb each other', async () => {
    const copies = await Promise.all(Array.from({ length: 10 }, () => resume()));
    const exits = await Promise.all(copies.map(({ machine }) => machine.run()));
    for (const [index, { text, events }] of copies.entries()) {
      expect([exits[index], text()]).toEqual([PASSED, TOLD]);
      expect(events).toEqual(copies[0]!.events);
    }
  });

  it('M17 a snapshot of one world while others run is that of this world', async () => {
    const [one, other] = [await resume(), await resume()];
    const running = one.machine.run();
    const taken = await other.machine.snapshot();
    expect(await running).toEqual(PASSED);
    expect(Buffer.compare(Buffer.concat(taken.chunks), image.bytes)).toBe(0);
    other.machine.kill();
  });

  it('V14 a machine that is killed in its middle takes nothing from another', async () => {
    const [one, other] = [await resume(), await resume()];
    const running = one.machine.run();
    one.machine.kill();
    expect(await running).toMatchObject({ kind: 'stopped', reason: 'kill' });
    expect(await other.machine.run()).toEqual(PASSED);
    expect(other.text()).toBe(TOLD);
  });
});

describe('M17 a snapshot that the guest asks for', () => {
  it('M17 gives a child its id, and 0 in every copy; calls that others wait in are not noticed', async () => {
    const guest = guestNamed('fork-snapshot');
    const images: Uint8Array[] = [];
    const told = async (machine: Machine, text: () => string): Promise<string> => {
      expect(await machine.run()).toEqual(PASSED);
      return text();
    };
    const chunks: Uint8Array[] = [];
    const original = await Machine.load(moduleOf(guest), {
      stdin: 'null',
      cacheDirectory: null,
      stdout: (chunk) => chunks.push(chunk),
      onSelfSnapshot: (machine) => {
        images.push(imageOf(machine));
        return Promise.resolve(images.length);
      },
    });
    expect(await told(original, () => Buffer.concat(chunks).toString())).toBe('original\noriginal\nPASS\n');
    expect(images.length).toBe(2);
    const copies = ['copy\noriginal\nPASS\n', 'original\ncopy\nPASS\n'];
    for (const [index, bytes] of images.entries()) {
      const from: Uint8Array[] = [];
      const machine = await Machine.resume(bytes, {
        stdin: 'null',
        cacheDirectory: null,
        stdout: (chunk) => from.push(chunk),
        onSelfSnapshot: () => Promise.resolve(7),
      });
      // The parent reads what the child says from a pipe, later.
      const said = await told(machine, () => Buffer.concat(from).toString());
      expect(said).toBe(copies[index]);
    }
  });
});

it('M14 one process is saved as a tree of one: the same records in the same order', async () => {
  const single = await GuestImage.take('recursion', 300);
  const kinds = (bytes: Uint8Array): number[] => splitImage(bytes).map(({ type }) => type);
  const { MACHINE, TREE, MODULE, KERNEL, INSTANCE, THREAD, PAGES, CONTENTS } = RecordType;
  expect(kinds(single.bytes)).toEqual([MACHINE, TREE, MODULE, KERNEL, INSTANCE, THREAD, PAGES, CONTENTS]);
  const instances = Array<number>(7).fill(INSTANCE);
  const threads = Array<number>(9).fill(THREAD);
  const pages = Array.from({ length: 7 }, () => [PAGES, CONTENTS]).flat();
  expect(kinds(image.bytes)).toEqual([MACHINE, TREE, MODULE, KERNEL, ...instances, ...threads, ...pages]);
  single.remove();
});

describe('odd processes', () => {
  /** The image that a guest asks for in its middle goes on to the same end. */
  async function passesTwice(guest: WatGuest): Promise<Machine> {
    let bytes: Uint8Array | undefined;
    const original = await Machine.load(await assemble(guest), {
      ...quiet,
      // Virtual time: a sleep is over when there is nothing else to do.
      seed: 1n,
      onSelfSnapshot: (machine) => {
        bytes = imageOf(machine);
        return Promise.resolve(1);
      },
    });
    expect(await original.run()).toEqual(PASSED);
    const copy = await Machine.resume(bytes!, quiet);
    expect(Buffer.compare(imageOf(copy), bytes!)).toBe(0);
    return copy;
  }
  const snapshot = '(if (i32.lt_s (call $snapshot) (i32.const 0)) (then (unreachable)))';
  const wait = '(call $check (call $waitpid (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0)))';

  it('O12 without any descriptor: a child that has closed even its standard streams', async () => {
    const closeFd = (fd: number): string => `(call $check (call $fd_close (i32.const ${fd})))`;
    const copy = await passesTwice({
      calls: ['pipe2', 'proc_fork', 'fd_close', 'snapshot', 'waitpid', 'poll_oneoff'],
      // It sleeps for 20 ms; the subscription is at 512.
      main: `(i32.store (i32.const 528) (i32.const 1)) (i64.store (i32.const 536) (i64.const 20000000))
        ${fork(`${[0, 1, 2].map(closeFd).join('')}
          (call $check (call $poll_oneoff (i32.const 512) (i32.const 600) (i32.const 1) (i32.const 700)))`)}
        ${closeFd(0)}
        (i64.store (i32.const 536) (i64.const 5000000))
        (call $check (call $poll_oneoff (i32.const 512) (i32.const 600) (i32.const 1) (i32.const 700)))
        ${snapshot} ${wait}`,
    });
    expect(copy.processes().map(({ fdCount }) => fdCount)).toEqual([2, 0]);
    expect(await copy.run()).toEqual(PASSED);
  });

  it('V13 with more than 10,000 descriptors of one pipe: the last one that is closed ends it', async () => {
    const count = 10_000;
    const copy = await passesTwice({
      calls: ['pipe2', 'proc_fork', 'fd_close', 'fd_dup', 'snapshot', 'waitpid'],
      // The child closes its writing end and waits for the end; it has its turn when the parent waits.
      main: `${pipe(16)}
        ${fork(`${close(20)} (if ${get(16)} (then (unreachable)))`)}
        ${times(count, '(call $check (call $fd_dup (i32.load (i32.const 20)) (i32.const 24)))')}
        ${snapshot}
        ${close(20)}
        (local.set $j (i32.load (i32.const 24)))
        ${times(count, '(call $check (call $fd_close (local.get $j))) (local.set $j (i32.sub (local.get $j) (i32.const 1)))').replaceAll('$again', '$close')}
        ${wait}`,
    });
    expect(copy.processes().map(({ fdCount }) => fdCount)).toEqual([count + 5, 5]);
    expect(await copy.run()).toEqual(PASSED);
  });

  it('V13 without a page of memory', async () => {
    const text = `(module (import "wvm" "snapshot" (func $snapshot (result i32)))
      (memory (export "memory") 0)
      (func (export "_start") ${snapshot}))`;
    const bytes: Uint8Array[] = [];
    const options: MachineOptions = {
      stdin: 'null',
      cacheDirectory: null,
      onSelfSnapshot: (machine) => {
        bytes.push(imageOf(machine));
        return Promise.resolve(1);
      },
    };
    const machine = await Machine.load(await assembleWat('empty.wat', text), options);
    expect(await machine.run()).toEqual(PASSED);
    expect(await (await Machine.resume(bytes[0]!, options)).run()).toEqual(PASSED);
  });
});

it('V12 a resumed tree has the descriptors of the image, and none of the host', async () => {
  await withDirectory(async (directory) => {
    const held = Array.from({ length: 20 }, (_, k) => fs.openSync(`${directory}/held-${k}`, 'w'));
    try {
      const before = await resume();
      const counts = before.machine.processes().map(({ fdCount }) => fdCount);
      expect(await before.machine.run()).toEqual(PASSED);
      // 0 to 2, the directory, six ends of pipes; and a file for each that lives, except for the root.
      expect(counts).toEqual([10, 11, 11, 11, 11, 11, 0, 0, 12]);
    } finally {
      for (const fd of held) fs.closeSync(fd);
    }
  });
});
