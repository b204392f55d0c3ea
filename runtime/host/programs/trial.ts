// A trial run: a program that nobody has instrumented yet runs as it is, on the thread that is there, and nothing it does
// leaves the process before it has ended. A short program ends while its instrumented form would still be in the making.
// The rest is thrown away, and the program starts anew, instrumented, on a thread of its own: it has read files, clocks and
// random numbers, and nobody can tell.
//
//   running ──the guest exits──────────────────────────> kept: its output is written, its exit is the program's
//      │──it asks for anything that shows outside, sleeps, or traps──> dropped
//      └──its time is up────────────────────────────────────────────> dropped

import { Script } from 'node:vm';
import { LinuxErrno } from '../../../abi/errno.ts';
import { WvmError } from '../../base/wvm-error.ts';
import {
  type FilesPort,
  type HostDirEntry,
  HostFileType,
  type HostHandle,
  HostOpen,
  type HostResult,
  type HostStat,
  type StreamKind,
} from '../../kernel/ports.ts';
import type { HostParts } from '../machine/host-parts.ts';
import type { HostStream, InputStream } from '../streams/host-stream.ts';

/** What a Linux pipe holds: so much output a reader cannot tell from output that came all at once. */
const MAX_OUTPUT_BYTES = 65536;
/** A handle may be opened to read, and to nothing else. */
const HARMLESS_OPEN: number = HostOpen.read | HostOpen.directory | HostOpen.nonblock;

/** Thrown through the guest. What a guest that catches everything does then, nobody will see. */
class TrialDropped extends Error {}

/** V8 interrupts what a script calls, WebAssembly too. */
const callInTime: Script = new Script('globalThis[Symbol.for("wvm.trial")]()');
const slot: symbol = Symbol.for('wvm.trial');

export class Trial {
  readonly #budgetMs: number;
  #deadlineMs: number | undefined;
  readonly #output: { readonly stream: HostStream; readonly chunks: Uint8Array[] }[] = [];
  #outputBytes = 0;
  #isDropped = false;

  /** The guest is stopped `budgetMs` after it has begun. */
  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs;
  }

  /** The host as the guest of a trial may see it. */
  watch(host: HostParts): HostParts {
    const [stdin, stdout, stderr] = host.streams;
    const streams: HostParts['streams'] = [
      new UntouchedInput(stdin, this),
      new HeldOutput(stdout, this),
      new HeldOutput(stderr, this),
    ];
    const files = new ReadOnlyFiles(host.files, this);
    return { ...host, streams, ports: { ...host.ports, files, streams } };
  }

  /** Runs the guest, at most as long as there is time. */
  step<Result>(run: () => Result): Result {
    const holder = globalThis as { [slot]?: (() => Result) | undefined };
    holder[slot] = run;
    this.#deadlineMs ??= performance.now() + this.#budgetMs;
    try {
      const timeout = Math.max(1, Math.ceil(this.#deadlineMs - performance.now()));
      return callInTime.runInThisContext({ timeout }) as Result;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') this.drop();
      throw error;
    } finally {
      holder[slot] = undefined;
    }
  }

  drop(): never {
    this.#isDropped = true;
    throw new TrialDropped();
  }

  hold(stream: HostStream, bytes: Uint8Array): void {
    this.#outputBytes += bytes.length;
    if (this.#outputBytes > MAX_OUTPUT_BYTES) this.drop();
    const last = this.#output.at(-1);
    if (last?.stream === stream) last.chunks.push(bytes.slice());
    else this.#output.push({ stream, chunks: [bytes.slice()] });
  }

  /** Writes the output of a guest that has exited; false if the program has to be run anew. */
  async keep(): Promise<boolean> {
    if (this.#isDropped) return false;
    let isFirst = true;
    for (const { stream, chunks } of this.#output) {
      const failure = await writeAll(stream, Buffer.concat(chunks));
      // Nothing has been written yet: the guest shall see that error itself.
      if (failure !== undefined && isFirst && failure.writtenBytes === 0) return false;
      isFirst = false;
      // A reader that has gone: whether it took the rest before is not to be seen.
      if (failure === undefined || failure.errno === LinuxErrno.EPIPE) continue;
      throw new WvmError('WVM_FILE', `output of the guest: cannot be written, Linux error ${failure.errno}`);
    }
    return true;
  }
}

/** Waits for a slow reader, as the guest would have. */
async function writeAll(
  stream: HostStream,
  bytes: Uint8Array,
): Promise<{ errno: number; writtenBytes: number } | undefined> {
  for (let writtenBytes = 0; writtenBytes < bytes.length; ) {
    const result = stream.write(bytes.subarray(writtenBytes));
    if (result === -LinuxErrno.EAGAIN) await new Promise<void>((resolve) => stream.onceWritable(resolve));
    else if (result < 0) return { errno: -result, writtenBytes };
    else writtenBytes += result;
  }
  return undefined;
}

class UntouchedInput implements InputStream {
  readonly kind: StreamKind;
  readonly #input: InputStream;
  readonly #trial: Trial;

  constructor(input: InputStream, trial: Trial) {
    this.kind = input.kind;
    this.#input = input;
    this.#trial = trial;
  }

  read(): HostResult {
    return this.#trial.drop();
  }
  write(source: Uint8Array): HostResult {
    return this.#input.write(source);
  }
  readableBytes(): number {
    return this.#trial.drop();
  }
  onceReadable(): void {
    this.#trial.drop();
  }
  onceWritable(wake: () => void): void {
    this.#input.onceWritable(wake);
  }
  unreadBytes(): Uint8Array {
    return this.#input.unreadBytes();
  }
  preload(bytes: Uint8Array): void {
    this.#input.preload(bytes);
  }
  close(): void {
    this.#input.close();
  }
}

class HeldOutput implements HostStream {
  readonly kind: StreamKind;
  readonly #output: HostStream;
  readonly #trial: Trial;

  constructor(output: HostStream, trial: Trial) {
    this.kind = output.kind;
    this.#output = output;
    this.#trial = trial;
  }

  read(target: Uint8Array): HostResult {
    return this.#output.read(target);
  }
  write(source: Uint8Array): HostResult {
    this.#trial.hold(this.#output, source);
    return source.length;
  }
  readableBytes(): number {
    return this.#output.readableBytes();
  }
  onceReadable(wake: () => void): void {
    this.#output.onceReadable(wake);
  }
  onceWritable(wake: () => void): void {
    setImmediate(wake);
  }
  /** The machine closes its streams when it ends; what is held is written after that. */
  close(): void {}
}

/** Lets pass what leaves no trace. */
class ReadOnlyFiles implements FilesPort {
  readonly #files: FilesPort;
  readonly #trial: Trial;

  constructor(files: FilesPort, trial: Trial) {
    this.#files = files;
    this.#trial = trial;
  }

  openAt(dir: HostHandle, name: string, flags: number): HostResult {
    if ((flags & ~HARMLESS_OPEN) !== 0) this.#trial.drop();
    const stat = this.#files.statAt(dir, name);
    if (typeof stat === 'object' && !opensQuietly(stat.type)) this.#trial.drop();
    return this.#files.openAt(dir, name, flags);
  }
  close(handle: HostHandle): HostResult {
    return this.#files.close(handle);
  }
  read(handle: HostHandle, target: Uint8Array, offset: bigint): HostResult {
    return this.#files.read(handle, target, offset);
  }
  stat(handle: HostHandle): HostStat | HostResult {
    return this.#files.stat(handle);
  }
  statAt(dir: HostHandle, name: string): HostStat | HostResult {
    return this.#files.statAt(dir, name);
  }
  list(dir: HostHandle): HostDirEntry[] | HostResult {
    return this.#files.list(dir);
  }
  readLinkAt(dir: HostHandle, name: string): string | HostResult {
    return this.#files.readLinkAt(dir, name);
  }
  write(): HostResult {
    return this.#trial.drop();
  }
  setSize(): HostResult {
    return this.#trial.drop();
  }
  sync(): HostResult {
    return this.#trial.drop();
  }
  setTimes(): HostResult {
    return this.#trial.drop();
  }
  setTimesAt(): HostResult {
    return this.#trial.drop();
  }
  makeDirectoryAt(): HostResult {
    return this.#trial.drop();
  }
  symlinkAt(): HostResult {
    return this.#trial.drop();
  }
  linkAt(): HostResult {
    return this.#trial.drop();
  }
  renameAt(): HostResult {
    return this.#trial.drop();
  }
  unlinkAt(): HostResult {
    return this.#trial.drop();
  }
  removeDirectoryAt(): HostResult {
    return this.#trial.drop();
  }
}

/** A link is refused by openAt itself; a pipe or a device notices who opens it. */
function opensQuietly(type: number): boolean {
  return type === HostFileType.regularFile || type === HostFileType.directory || type === HostFileType.symbolicLink;
}
