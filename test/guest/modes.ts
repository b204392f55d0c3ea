// Runs a guest in the modes that every guest must survive alike:
//   straight          undisturbed
//   snapshot-once     saved at one point, resumed from the image in a new machine
//   every-safepoint   saved and resumed at every poll and before every host call, each time in a new machine
//   in-pieces         saved and resumed whenever some amount of work is done
//   other-process     saved at one point, resumed in another process (every-guest-elsewhere.test.ts; other-process.test.ts does
//                     the same through the command line)
// What a mode returns must be equal in all of them: output, end, ends of other processes, memory, files, fuel.

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Guest } from '../../guest/manifest.ts';
import { Machine, type MachineExit, type ResumeOptions, type SnapshotId, WvmError } from '../../runtime/index.ts';

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: MachineExit;
  /** "pid: status, signal" of every process other than the first, in the order in which they ended. */
  readonly ends: readonly string[];
  /** Of the first process. */
  readonly memories: readonly Uint8Array[];
  /** Contents of the granted directory at the end: path -> SHA-256. */
  readonly files: Readonly<Record<string, string>>;
  readonly fuelUsed: bigint;
}

export interface DisturbedOutcome extends Outcome {
  /** Places where the guest stood still and could have been saved. */
  readonly seen: number;
  /** How often it was saved and resumed in a new machine. */
  readonly points: number;
  /** Places where it could not be saved, said by name; it went on. */
  readonly refused: number;
  /** How often snapshot(resume(image)) was compared with image. */
  readonly compared: number;
}

export interface Disturbance {
  /** Whether to save and resume at this place, counted from 0; not given: at every one. */
  readonly picks?: (place: number) => boolean;
  /** Every how many points the resumed machine is saved again at once and must give the same bytes. */
  readonly compareEvery: number;
  /** For a test of the test: another image in the place of that of a point, counted from 1. */
  readonly plant?: (image: Uint8Array, point: number) => Uint8Array;
}

/** A machine that reads nothing, and to which nobody listens; what it is prepared from is not kept. */
export const quiet: ResumeOptions = { stdin: 'null', stdout: 'null', stderr: 'null', cacheDirectory: null };

/** Nobody looks for it. */
const NO_SNAPSHOT = '0'.repeat(64) as SnapshotId;

const guestFolder = path.join(import.meta.dirname, '../../guest');

/** The built module of a guest. */
export function moduleOf(guest: Guest): Uint8Array {
  return new Uint8Array(fs.readFileSync(path.join(guestFolder, guest.file)));
}

/** The modules that a guest can run by name. */
export function programsOf(guest: Guest): Record<string, Uint8Array> {
  const read = (file: string): Uint8Array => new Uint8Array(fs.readFileSync(path.join(guestFolder, file)));
  return Object.fromEntries(Object.entries(guest.programs).map(([name, file]) => [name, read(file)]));
}

/** What the / of a guest is: the directory itself, an overlay on it, or a tmpfs. */
export type RootKind = 'host' | 'overlay' | 'tmpfs';

/** Undisturbed. Every run gets the same inputs and seed; `directory` is its /. */
export async function runStraight(guest: Guest, directory: string, root: RootKind = 'host'): Promise<Outcome> {
  const run = new GuestRun(guest, directory, root);
  const machine = await run.load({});
  const exit = await machine.run();
  return run.outcome(machine, exit);
}

/** Saved and resumed in a new machine, from a poll or the moment before a host call to the next. */
export async function runDisturbed(
  guest: Guest,
  directory: string,
  { picks = () => true, compareEvery, plant }: Disturbance,
  root: RootKind = 'host',
): Promise<DisturbedOutcome> {
  const run = new GuestRun(guest, directory, root);
  const counts = { seen: 0, points: 0, refused: 0, compared: 0 };
  let image: Uint8Array | undefined;
  const stops = {
    polls: true,
    calls: true,
    onStop(machine: Machine): boolean {
      if (!picks(counts.seen++)) return false;
      try {
        image = imageOf(machine);
        return true;
      } catch (error) {
        if (!(error instanceof WvmError) || error.code !== 'WVM_SNAPSHOT_UNSUPPORTED') throw error;
        counts.refused++;
        return false;
      }
    },
  };
  let machine = await run.load({ stops });
  let exit = await machine.run();
  while (exit.kind === 'stopped' && exit.reason === 'snapshot') {
    counts.points++;
    machine.kill();
    if (plant !== undefined) image = plant(image!, counts.points);
    machine = await run.resume(image!, { stops });
    if (counts.points % compareEvery === 0) {
      counts.compared++;
      if (Buffer.compare(imageOf(machine), image!) !== 0) {
        throw new Error(
          `${guest.name}: the image of point ${counts.points} differs from the image it was resumed from`,
        );
      }
    }
    exit = await machine.run();
  }
  return { ...run.outcome(machine, exit), ...counts };
}

export interface CapturedOutcome extends Outcome {
  readonly captures: number;
  /** Places where it could not be saved, said by name. */
  readonly refused: number;
}

/**
 * In a machine that marks what it writes, captured at the places that `picks` chooses, where each capture is compared with all
 * of its memory; every other one is confirmed. `before` may do something to the machine first.
 */
export async function runCaptured(
  guest: Guest,
  directory: string,
  picks: (place: number) => boolean,
  before: (machine: Machine, captures: number) => void = () => {},
): Promise<CapturedOutcome> {
  const run = new GuestRun(guest, directory);
  const counts = { captures: 0, refused: 0 };
  let seen = 0;
  const stops = { polls: true, calls: true, onStop: () => picks(seen++) };
  const machine = await run.load({ stops, marksWrites: 'check' });
  let exit = await machine.run();
  while (exit.kind === 'stopped' && exit.reason === 'snapshot') {
    before(machine, counts.captures);
    try {
      const { number, room } = await machine.capture();
      if (counts.captures++ % 2 === 0) machine.confirmCapture(NO_SNAPSHOT, { number, room });
    } catch (error) {
      if (!(error instanceof WvmError) || error.code !== 'WVM_SNAPSHOT_UNSUPPORTED') throw error;
      counts.refused++;
    }
    exit = await machine.run();
  }
  return { ...run.outcome(machine, exit), ...counts };
}

/** In pieces of so much work, each in a new machine that goes on from the image of the one before. */
export async function runInPieces(
  guest: Guest,
  directory: string,
  nextFuel: () => bigint,
): Promise<Outcome & { readonly points: number }> {
  const run = new GuestRun(guest, directory);
  let points = 0;
  let image: Uint8Array | undefined;
  const beforeEnd = (machine: Machine): Promise<void> => {
    image = imageOf(machine);
    return Promise.resolve();
  };
  let machine = await run.load({ fuel: nextFuel(), beforeEnd });
  let exit = await machine.run();
  while (exit.kind === 'stopped' && exit.reason === 'fuel') {
    points++;
    machine = await run.resume(image!, { fuel: nextFuel(), beforeEnd });
    exit = await machine.run();
  }
  return { ...run.outcome(machine, exit), points };
}

/** What a guest did in one process, and the image with which it goes on in the next. */
export interface Piece {
  readonly stdout: string;
  readonly stderr: string;
  readonly ends: readonly string[];
  /** undefined: it has ended before, or could not be saved there. */
  readonly image: Uint8Array | undefined;
}

/** Undisturbed until so much work is done; the image is of that moment. */
export async function runUntil(guest: Guest, directory: string, fuel: bigint): Promise<Piece> {
  const run = new GuestRun(guest, directory);
  let image: Uint8Array | undefined;
  const beforeEnd = async (machine: Machine): Promise<void> => {
    try {
      image = imageOf(machine);
    } catch (error) {
      if (!(error instanceof WvmError) || error.code !== 'WVM_SNAPSHOT_UNSUPPORTED') throw error;
    }
  };
  const machine = await run.load({ fuel, beforeEnd });
  const exit = await machine.run();
  machine.kill();
  // Else the image is of the call that ends it.
  return { ...run.reports(), image: exit.kind === 'stopped' ? image : undefined };
}

/** The rest, from an image. */
export async function runFrom(guest: Guest, directory: string, image: Uint8Array): Promise<Outcome> {
  const run = new GuestRun(guest, directory);
  const machine = await run.resume(image, {});
  const exit = await machine.run();
  return run.outcome(machine, exit);
}

/** The image of a machine that stands still. */
export function imageOf(machine: Machine): Uint8Array {
  return new Uint8Array(Buffer.concat(machine.snapshotNow().chunks));
}

/** Calls `action` with a new directory, and removes it. */
export async function withDirectory<Result>(action: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'wvm-guest-'));
  try {
    return await action(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

/** The machines of one run, one after the other; they write to the same outputs. */
class GuestRun {
  readonly #guest: Guest;
  readonly #directory: string;
  readonly #root: RootKind;
  readonly #stdout: Uint8Array[] = [];
  readonly #stderr: Uint8Array[] = [];
  readonly #ends: string[] = [];

  constructor(guest: Guest, directory: string, root: RootKind = 'host') {
    this.#guest = guest;
    this.#directory = directory;
    this.#root = root;
  }

  load(options: ResumeOptions): Promise<Machine> {
    const { name, args, stdin } = this.#guest;
    const bytes = new TextEncoder().encode(stdin);
    return Machine.load(moduleOf(this.#guest), {
      ...this.#shared(),
      ...options,
      ...(this.#guest.devices === undefined ? {} : { devices: this.#guest.devices }),
      tmpfs: this.#root === 'tmpfs' ? [{ guestPath: '/', maxBytes: 2 ** 26 }] : [],
      programName: name,
      args,
      stdin: bytes,
      seed: 42n,
    });
  }

  /** The rest of the input travels in the image. */
  resume(image: Uint8Array, options: ResumeOptions): Promise<Machine> {
    return Machine.resume(image, { ...this.#shared(), ...options, stdin: new Uint8Array(0) });
  }

  reports(): Pick<Outcome, 'stdout' | 'stderr' | 'ends'> {
    return {
      stdout: Buffer.concat(this.#stdout).toString('utf8'),
      stderr: Buffer.concat(this.#stderr).toString('utf8'),
      ends: this.#ends,
    };
  }

  outcome(machine: Machine, exit: MachineExit): Outcome {
    return {
      ...this.reports(),
      exit,
      memories: machine.memories().map((memory) => memory.slice()),
      files: hashFiles(this.#directory),
      fuelUsed: machine.stats().fuelUsed,
    };
  }

  #shared(): ResumeOptions {
    return {
      env: this.#guest.env,
      programs: programsOf(this.#guest),
      directories:
        this.#root === 'tmpfs'
          ? []
          : [{ hostPath: this.#directory, guestPath: '/', readOnly: false, kind: this.#root }],
      stdout: (chunk) => this.#stdout.push(chunk),
      stderr: (chunk) => this.#stderr.push(chunk),
      onProcessEnd: ({ pid, status, signal }) => this.#ends.push(`${pid}: ${status}, ${signal}`),
      cacheDirectory: null,
      onSelfSnapshot: () => Promise.resolve(1),
    };
  }
}

function hashFiles(directory: string): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const full = path.join(entry.parentPath, entry.name);
    const name = path.relative(directory, full);
    hashes[name] = entry.isFile()
      ? createHash('sha256').update(fs.readFileSync(full)).digest('hex')
      : entry.isSymbolicLink()
        ? `-> ${fs.readlinkSync(full)}`
        : 'directory';
  }
  return hashes;
}
