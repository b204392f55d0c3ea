// Images of real guests at chosen places, and images with correct checksums of machines that never were.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { guestNamed } from '../../guest/manifest.ts';
import { imagePorts } from '../../runtime/host/images/image-ports.ts';
import {
  type DirectoryGrant,
  Machine,
  type MachineExit,
  type MachineOptions,
  type ResumeOptions,
  WvmError,
} from '../../runtime/index.ts';
import { decodeImage } from '../../runtime/snapshot/decode-image.ts';
import { encodeImage } from '../../runtime/snapshot/encode-image.ts';
import { HEADER_BYTES, paddingBytes, RECORD_HEADER_BYTES, RecordType } from '../../runtime/snapshot/image-layout.ts';
import type { MachineState } from '../../runtime/snapshot/machine-state.ts';
import { collectPages } from '../../runtime/snapshot/page-block.ts';
import { PAGE_BYTES, portablePageScanner } from '../../runtime/snapshot/page-scanner.ts';
import { concat, splitImage } from '../../runtime/snapshot/testing/image-surgery.ts';
import { BytesSink } from '../../runtime/snapshot/testing/memory-sink.ts';
import { memoryPages } from '../../runtime/snapshot/validate-machine.ts';
import { imageOf, moduleOf, programsOf, type RootKind } from '../guest/modes.ts';

/** Nobody waits longer for a refusal. */
const REFUSED_WITHIN_MS = 1000;

/** The image of a guest at the given place; places are polls and host calls, counted from 0. */
export class GuestImage {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Its / ; must be there as long as the image is used. */
  readonly directory: string;
  /** What its / is. */
  readonly root: RootKind;

  private constructor(name: string, bytes: Uint8Array, directory: string, root: RootKind) {
    this.root = root;
    this.name = name;
    this.bytes = bytes;
    this.directory = directory;
  }

  get title(): string {
    return this.root === 'host' ? this.name : `${this.name} on ${this.root}`;
  }

  static async take(name: string, place: number, root: RootKind = 'host'): Promise<GuestImage> {
    let seen = 0;
    const image = await GuestImage.#run(name, root, (keep) => ({
      stops: {
        polls: true,
        calls: true,
        onStop: (machine) => {
          if (seen++ !== place) return false;
          keep(machine);
          return true;
        },
      },
    }));
    if (image === undefined) throw new Error(`${name} has no place ${place}`);
    return image;
  }

  /** The image that the guest itself asks for, first. */
  static async takeAsAsked(name: string): Promise<GuestImage> {
    const image = await GuestImage.#run(name, 'host', (keep) => ({
      onSelfSnapshot: (machine) => {
        keep(machine);
        return Promise.resolve(1);
      },
    }));
    if (image === undefined) throw new Error(`${name} does not ask for a snapshot`);
    return image;
  }

  /** Runs the guest until one of the hooks keeps the machine's image. */
  static async #run(
    name: string,
    root: RootKind,
    hooks: (keep: (machine: Machine) => void) => MachineOptions,
  ): Promise<GuestImage | undefined> {
    const guest = guestNamed(name);
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'wvm-image-'));
    let bytes: Uint8Array | undefined;
    const machine = await Machine.load(moduleOf(guest), {
      ...quiet,
      programName: name,
      args: guest.args,
      env: guest.env,
      programs: programsOf(guest),
      stdin: new TextEncoder().encode(guest.stdin),
      seed: 42n,
      directories: directoriesOf(root, directory),
      ...(guest.devices === undefined ? {} : { devices: guest.devices }),
      tmpfs: root === 'tmpfs' ? [{ guestPath: '/', maxBytes: 2 ** 24 }] : [],
      ...hooks((stopped) => {
        bytes = imageOf(stopped);
        stopped.kill();
      }),
    });
    await machine.run();
    if (bytes === undefined) fs.rmSync(directory, { recursive: true, force: true });
    return bytes && new GuestImage(name, bytes, directory, root);
  }

  /** Resumes this or another image with what this guest had. */
  resume(image: Uint8Array = this.bytes, options: ResumeOptions = {}): Promise<Machine> {
    return Machine.resume(image, {
      ...quiet,
      env: guestNamed(this.name).env,
      programs: programsOf(guestNamed(this.name)),
      directories: directoriesOf(this.root, this.directory),
      ...options,
    });
  }

  /** The code of the error by which an image is refused, which must come soon; undefined if it is not refused. */
  async refusal(image: Uint8Array, options: ResumeOptions = {}): Promise<string | undefined> {
    return (await this.refusalError(image, options))?.code;
  }

  /** The same with its words. */
  async refusalError(image: Uint8Array, options: ResumeOptions = {}): Promise<WvmError | undefined> {
    const start = performance.now();
    try {
      (await this.resume(image, options)).kill();
      return undefined;
    } catch (error) {
      if (!(error instanceof WvmError)) throw error;
      const tookMs = performance.now() - start;
      if (tookMs > REFUSED_WITHIN_MS) throw new Error(`refused after ${tookMs} ms`, { cause: error });
      return error;
    }
  }

  /** How a guest ends that goes on from an image, with copies of its files: the next one finds them as they were. */
  async run(image: Uint8Array, options: ResumeOptions = {}): Promise<MachineExit> {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'wvm-image-'));
    fs.cpSync(this.directory, directory, { recursive: true, verbatimSymlinks: true });
    const directories = directoriesOf(this.root, directory);
    try {
      const machine = await this.resume(image, { directories, files: 'ignore', ...options });
      return await machine.run();
    } finally {
      fs.rmSync(directory, { recursive: true, force: true });
    }
  }

  /** An image with correct checksums of the machine that `change` makes of this one. */
  changed(change: (machine: MachineState) => MachineState): Uint8Array {
    return changeImage(this.bytes, change);
  }

  /** Offset of the first page block: before it lie the records that say everything else. */
  get recordsEnd(): number {
    let end = HEADER_BYTES;
    for (const { type, payload } of splitImage(this.bytes)) {
      if (type === RecordType.PAGES) return end;
      end += RECORD_HEADER_BYTES + payload.length + paddingBytes(payload.length);
    }
    throw new Error(`the image of ${this.name} has no pages`);
  }

  remove(): void {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

/** An image with correct checksums of the machine that `change` makes of another one. */
export function changeImage(image: Uint8Array, change: (machine: MachineState) => MachineState): Uint8Array {
  const sink = new BytesSink();
  const made = change(decodeImage(image, sink, imagePorts()));
  // What a smaller memory cannot hold is left out.
  const sources = sink.memories.flatMap((source) => {
    const pageCount = memoryPages(made, source.processIndex, source.memoryIndex);
    return pageCount === 0 ? [] : [{ ...source, bytes: source.bytes.slice(0, pageCount * PAGE_BYTES) }];
  });
  return concat(encodeImage(made, collectPages(sources, portablePageScanner), imagePorts()));
}

function directoriesOf(kind: RootKind, hostPath: string): DirectoryGrant[] {
  return kind === 'tmpfs' ? [] : [{ hostPath, guestPath: '/', readOnly: false, kind }];
}

const quiet: ResumeOptions = {
  stdin: 'null',
  stdout: 'null',
  stderr: 'null',
  cacheDirectory: null,
  onSelfSnapshot: () => Promise.resolve(1),
};
