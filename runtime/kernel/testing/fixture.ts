// A kernel with one process, ports in memory, and a guest memory that tests write and read by hand. Calls go through the
// front door, as the engine's do.

import type { SystemCall, SystemCallTable } from '../bind-call.ts';
import type { SystemCallResult } from '../blocked.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { Kernel, type KernelOptions, type KernelState, type RestoreOptions } from '../kernel.ts';
import type { Grant, Ports, StreamKind } from '../ports.ts';
import type { Process } from '../process.ts';
import { encodeUtf8 } from '../utf8.ts';
import { createWasiPreview1 } from '../wasi/front-door.ts';
import { createDoors } from '../wasix/front-door.ts';
import { CountingEntropy, FakeClock, FakeStream } from './fake-ports.ts';
import { HostFiles } from './host-files.ts';

const MEMORY_SIZE = 131_072;
/** Where tests let results go, and where strings and vectors are put. */
export const RESULT = 64;
const STRINGS = 1024;

export interface FixtureOptions extends Partial<Omit<KernelOptions, 'ports' | 'grants'>> {
  readonly streamKinds?: readonly [StreamKind, StreamKind, StreamKind];
  readonly readOnly?: boolean;
  /** What the first grant, "/", is; an overlay lies on `files`. */
  readonly root?: 'host' | 'overlay' | 'tmpfs';
  /** Guest paths of more overlays on the root of `files`. */
  readonly overlays?: readonly string[];
}

const OVERLAY_BYTES: number = 2 ** 24;

/** First fd of the fixture's only grant, "/". */
export const ROOT = 3;

export class Fixture {
  readonly files: HostFiles;
  readonly clock: FakeClock = new FakeClock();
  readonly streams: FakeStream[];
  readonly ports: Ports;
  readonly grants: readonly Grant[];
  kernel: Kernel;
  wasi: SystemCallTable;
  readonly memory: GuestMemory;
  private top = STRINGS;

  constructor(options: FixtureOptions = {}) {
    const { streamKinds = ['pipe', 'pipe', 'pipe'], readOnly = false, args = ['program'], env = {} } = options;
    const { root = 'host', overlays = [], tmpfs = [] } = options;
    this.files = new HostFiles();
    this.streams = streamKinds.map((kind) => new FakeStream(kind));
    this.ports = { clock: this.clock, entropy: new CountingEntropy(), files: this.files, streams: this.streams };
    const overlay = { readOnly: false, overlay: { maxBytes: OVERLAY_BYTES } };
    this.grants = [
      ...(root === 'host' ? [{ guestPath: '/', handle: this.files.grant(), readOnly }] : []),
      ...[...(root === 'overlay' ? ['/'] : []), ...overlays].map((guestPath) => {
        return { guestPath, handle: this.files.grant(), ...overlay };
      }),
    ];
    const { seed, programs, devices } = options;
    this.kernel = new Kernel({
      ports: this.ports,
      grants: this.grants,
      tmpfs: root === 'tmpfs' ? [{ guestPath: '/', maxBytes: OVERLAY_BYTES }, ...tmpfs] : tmpfs,
      args,
      env,
      ...(programs === undefined ? {} : { programs }),
      ...(seed === undefined ? {} : { seed }),
      ...(devices === undefined ? {} : { devices }),
    });
    const bytes = new Uint8Array(MEMORY_SIZE);
    this.memory = { bytes, view: new DataView(bytes.buffer) };
    this.wasi = this.bind();
  }

  /** Another kernel from `state`, over the same ports and the same guest memory; contents of files are as they are now. */
  restore(state: KernelState, options: Partial<RestoreOptions> = {}): void {
    const hasContents = state.detachedPages !== 0 || state.fileSystems?.length !== 0;
    const pages = hasContents ? this.kernel.capture().filePages.map((of) => of.changedSince(-1).changed) : [];
    this.kernel = Kernel.restore(this.ports, { grants: this.grants, env: {}, ...options }, state);
    for (const [index, changed] of pages.entries()) {
      for (const { page, bytes } of changed) this.kernel.fillFilePages(index, page, bytes);
    }
    this.wasi = this.bind();
  }

  /** Guest memory that put() gave may be used again. */
  reset(): void {
    this.top = STRINGS;
  }

  /** A preview1, WASIX or wvm call of the first process. */
  call(name: string, ...args: (number | bigint)[]): SystemCallResult {
    return (this.wasi[name] ?? this.callOf(this.kernel.init, name))(...args);
  }

  /** A WASIX, wvm or threads call, bound to a process; the caller sets kernel.current. */
  callOf(process: Process, name: string): SystemCall {
    const doors = createDoors(this.kernel, process);
    return (doors.find('wasix_32v1', name) ?? doors.find('wvm', name) ?? doors.find('wasi', name))!;
  }

  /** Puts text into guest memory: [address, length]. */
  text(text: string): [number, number] {
    const bytes = encodeUtf8(text);
    return [this.put(bytes), bytes.length];
  }

  put(bytes: Uint8Array): number {
    const addr = this.top;
    this.memory.bytes.set(bytes, addr);
    this.top = (addr + bytes.length + 8) & ~7;
    return addr;
  }

  /** A vector over buffers of guest memory: [address, count]. */
  vector(...buffers: (readonly [number, number])[]): [number, number] {
    const addr = this.put(new Uint8Array(buffers.length * 8));
    for (const [index, [buffer, size]] of buffers.entries()) {
      this.memory.view.setUint32(addr + index * 8, buffer, true);
      this.memory.view.setUint32(addr + index * 8 + 4, size, true);
    }
    return [addr, buffers.length];
  }

  /** path_open with all file rights unless told otherwise; the fd, or minus the errno. */
  open(
    path: string,
    oflags = 0,
    options: { rights?: bigint; fdflags?: number; follow?: number; dir?: number } = {},
  ): number {
    const { rights = 0xffff_ffffn, fdflags = 0, follow = 0, dir = ROOT } = options;
    const inheriting = 0xffff_ffffn;
    const errno = this.call('path_open', dir, follow, ...this.text(path), oflags, rights, inheriting, fdflags, RESULT);
    return errno === 0 ? this.u32() : -(errno as number);
  }

  /** Writes text to an fd; bytes written, or the result that is no success. */
  write(fd: number, text: string): SystemCallResult {
    const errno = this.call('fd_write', fd, ...this.vector(this.text(text)), RESULT);
    return errno === 0 ? this.u32() : errno;
  }

  /** Reads from an fd: text, or the result that is no success. */
  read(fd: number, size: number): string | SystemCallResult {
    const buffer = this.put(new Uint8Array(size));
    const errno = this.call('fd_read', fd, ...this.vector([buffer, size]), RESULT);
    return errno === 0 ? this.string(buffer, this.u32()) : errno;
  }

  u32(addr: number = RESULT): number {
    return this.memory.view.getUint32(addr, true);
  }

  u64(addr: number = RESULT): bigint {
    return this.memory.view.getBigUint64(addr, true);
  }

  string(addr: number, size: number): string {
    return String.fromCharCode(...this.memory.bytes.subarray(addr, addr + size));
  }

  private bind(): SystemCallTable {
    for (const process of this.kernel.processes.values()) process.memory = this.memory;
    return createWasiPreview1(this.kernel, this.kernel.init);
  }
}
