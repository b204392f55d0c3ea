// Guests that work with files, on a tmpfs and on an overlay: they print what they print on a directory of the host, wherever they are
// saved and resumed, and the host's directory is what it was. Real programs go on in another process's place: with their lower
// directory copied elsewhere.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { guests } from '../../guest/manifest.ts';
import { Machine, type MachineOptions, type ResumeOptions } from '../../runtime/index.ts';
import { programPath } from '../programs/build-program.ts';
import { type Program, programs } from '../programs/programs.ts';
import { makeWorkloadFolder, workloadDifferences } from '../programs/workload-folder.ts';
import { imageOf, moduleOf, type Outcome, type RootKind, runDisturbed, runStraight, withDirectory } from './modes.ts';
import { randomFrom, testSeed } from './random.ts';

const KINDS: readonly RootKind[] = ['tmpfs', 'overlay'];
const GUESTS = ['directory', 'file-io', 'open-files', 'sparse-file', 'unlinked-file', 'file-locks', 'shared-offset'];
/** The longest of them are not stopped everywhere: they are in every-safepoint.test.ts. */
const EVERY: Readonly<Record<string, number>> = { 'open-files': 5, 'sparse-file': 3 };

const guestOf = (name: string): (typeof guests)[number] => guests.find((guest) => guest.name === name)!;

describe.each(KINDS)('on a %s', (root) => {
  for (const name of GUESTS) {
    it(`${name}: straight and saved at every safe point, as on the host`, { timeout: 300_000 }, async () => {
      const guest = guestOf(name);
      const onHost = await withDirectory((directory) => runStraight(guest, directory));
      const straight = await withDirectory((directory) => runStraight(guest, directory, root));
      expect([straight.stdout, straight.stderr, straight.exit]).toEqual([onHost.stdout, onHost.stderr, onHost.exit]);
      expect(straight.exit).toEqual({ kind: 'exit', code: 0 });
      expect(straight.files).toEqual({});
      const step = EVERY[name] ?? 1;
      const picks = (place: number): boolean => place % step === step - 1;
      const disturbance = { picks, compareEvery: 3 };
      const every = await withDirectory((directory) => runDisturbed(guest, directory, disturbance, root));
      expect(withoutMemories(every)).toMatchObject(withoutMemories(straight));
      expect([every.refused, every.points]).toEqual([0, Math.floor(every.seen / step)]);
      expect(every.compared).toBeGreaterThan(0);
      // Inode numbers are the machine's own here, and clocks are virtual: nothing differs.
      for (const [index, memory] of every.memories.entries()) {
        expect(Buffer.compare(memory, straight.memories[index]!)).toBe(0);
      }
    });
  }
});

function withoutMemories({ stdout, stderr, exit, ends, files, fuelUsed }: Outcome): Partial<Outcome> {
  return { stdout, stderr, exit, ends, files, fuelUsed };
}

describe('images', () => {
  /** A machine in the middle of its work with files, and what it is resumed with. */
  async function inTheMiddle(root: RootKind, directory: string): Promise<Uint8Array> {
    let places = 0;
    let image: Uint8Array | undefined;
    const machine = await Machine.load(moduleOf(guestOf('directory')), {
      ...(root === 'tmpfs'
        ? { tmpfs: [{ guestPath: '/' }] }
        : { directories: [{ hostPath: directory, guestPath: '/', readOnly: false, kind: root }] }),
      seed: 42n,
      stdout: 'null',
      cacheDirectory: null,
      stops: {
        polls: false,
        calls: true,
        onStop(stopped) {
          if (places++ !== 40) return false;
          image = imageOf(stopped);
          return true;
        },
      },
    });
    await machine.run();
    machine.kill();
    return image!;
  }

  it('of equal states are equal', async () => {
    for (const root of KINDS) {
      const images = await Promise.all([1, 2].map(() => withDirectory((directory) => inTheMiddle(root, directory))));
      expect(Buffer.compare(images[0]!, images[1]!), root).toBe(0);
    }
  });

  it('say which features they use, and what they need', async () => {
    await withDirectory(async (directory) => {
      const image = await inTheMiddle('overlay', directory);
      await expect(Machine.resume(image, { stdout: 'null', cacheDirectory: null })).rejects.toThrow(
        expect.objectContaining({ code: 'WVM_CAPABILITY_MISSING', hint: 'give it with --overlay HOST::/' }),
      );
      const tmpfs = await inTheMiddle('tmpfs', directory);
      const machine = await Machine.resume(tmpfs, { stdout: 'null', cacheDirectory: null });
      expect(await machine.run()).toEqual({ kind: 'exit', code: 0 });
    });
  });
});

/** How often a real program is moved. */
const MOVES = process.env['CI'] === 'true' ? 12 : 5;

interface Result {
  readonly stdout: Uint8Array;
  readonly moves: number;
  readonly folderIsSame: boolean;
}

/** In pieces of so much work, each in a new machine on another copy of the lower directory. */
async function runMoving(program: Program, root: RootKind, fuel: () => bigint): Promise<Result> {
  const { workload } = program;
  const module = new Uint8Array(fs.readFileSync(programPath(program)));
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'wvm-moving-'));
  const original = await makeWorkloadFolder(workload);
  const stdout: Uint8Array[] = [];
  let image: Uint8Array | undefined;
  let moves = 0;
  const copy = (): string => {
    const folder = path.join(base, `copy-${moves}`);
    fs.cpSync(original, folder, { recursive: true, preserveTimestamps: true });
    return folder;
  };
  const shared = (folder: string): ResumeOptions => ({
    directories: [{ hostPath: folder, guestPath: '/', readOnly: false, kind: root === 'host' ? 'host' : 'overlay' }],
    stdout: (chunk) => stdout.push(chunk.slice()),
    cacheDirectory: null,
    fuel: fuel(),
    beforeEnd: (machine) => {
      image = new Uint8Array(Buffer.concat(machine.snapshotNow({ includeModule: false }).chunks));
      return Promise.resolve();
    },
  });
  const listing = (folder: string): string => JSON.stringify(fs.readdirSync(folder, { recursive: true }).sort());
  const before = listing(original);
  let folderIsSame = true;
  try {
    const options: MachineOptions = {
      ...shared(copy()),
      programName: program.name,
      args: workload.args,
      stdin: new TextEncoder().encode(workload.stdin),
    };
    let machine = await Machine.load(module, options);
    let exit = await machine.run();
    while (exit.kind === 'stopped' && exit.reason === 'fuel') {
      machine.kill();
      const old = path.join(base, `copy-${moves++}`);
      folderIsSame &&= listing(old) === before;
      const folder = copy();
      fs.rmSync(old, { recursive: true });
      machine = await Machine.resume(image!, { ...shared(folder), module, stdin: 'null' });
      exit = await machine.run();
    }
    expect(exit).toEqual({ kind: 'exit', code: 0 });
    return { stdout: Buffer.concat(stdout), moves, folderIsSame };
  } finally {
    fs.rmSync(base, { recursive: true, force: true });
    fs.rmSync(original, { recursive: true, force: true });
  }
}

describe(`real programs on an overlay, moved ${MOVES} times`, () => {
  for (const name of ['sqlite', 'quickjs']) {
    const program = programs.find((candidate) => candidate.name === name)!;
    it.skipIf(!fs.existsSync(programPath(program)))(
      `${name} (WVM_TEST_SEED=${testSeed})`,
      { timeout: 600_000 },
      async () => {
        const random = randomFrom(testSeed);
        const most = Number(await fuelOf(program)) / MOVES;
        const { stdout, moves, folderIsSame } = await runMoving(program, 'overlay', () =>
          BigInt(Math.ceil(random() * 2 * most)),
        );
        expect(moves).toBeGreaterThanOrEqual(MOVES / 3);
        expect(folderIsSame).toBe(true);
        expect(await workloadDifferences({ ...program.workload, writes: {} }, '', stdout)).toEqual([]);
      },
    );
  }
});

async function fuelOf(program: Program): Promise<bigint> {
  const { workload } = program;
  const folder = await makeWorkloadFolder(workload);
  try {
    const machine = await Machine.load(new Uint8Array(fs.readFileSync(programPath(program))), {
      directories: [{ hostPath: folder, guestPath: '/', readOnly: false, kind: 'overlay' }],
      stdout: 'null',
      programName: program.name,
      args: workload.args,
      stdin: new TextEncoder().encode(workload.stdin),
      cacheDirectory: null,
    });
    await machine.run();
    return machine.stats().fuelUsed;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
