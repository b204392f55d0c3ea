// Input from a descriptor of the host. Protocol:
//
// 1. Nothing is touched before the guest first asks, so unread input stays where another program can read it.
// 2. `read` reads the non-blocking descriptor directly into the guest: no read-ahead at all.
// 3. Only while somebody waits (`onceReadable`) does libuv watch the descriptor. Node has no way to wait without
//    reading, so it reads into a buffer of ONE byte and stops; that byte is the read-ahead.
// 4. `readableBytes` has to read to find out: up to `probeBytes` are taken ahead.
// What was read ahead is in `unreadBytes` for snapshots, and `preload` gives it back in a resumed machine.
//
// The end of a pipe is final. A terminal's is what one Ctrl-D says to one reader: the next one goes on reading.
//
// Files and devices are always ready and read in place, with the offset shared with whoever opened them. On Windows pipes and
// consoles are best effort: there a direct read may block until input comes.

import * as fs from 'node:fs';
import type * as net from 'node:net';
import { LinuxErrno } from '../../../abi/errno.ts';
import type { HostResult, StreamKind } from '../../kernel/ports.ts';
import { errnoOf } from '../files/host-errno.ts';
import { lateNet, lateTty } from '../late-modules.ts';
import { reopenNonBlocking, streamKindOf } from './host-fd.ts';
import type { InputStream } from './host-stream.ts';
import { TerminalMode, type TerminalSize, terminalSizeOf } from './host-terminal.ts';

/** Enough for FIONREAD-like questions, little enough not to starve another reader of the pipe. */
const probeBytes = 4096;
const empty: Uint8Array = new Uint8Array(0);

export class HostInput implements InputStream {
  readonly kind: StreamKind;
  /** The descriptor read from: our own opening where possible, else the inherited one. */
  #fd: number;
  /** `#fd` is ours to close, and no socket will do it. */
  #ownsFd = false;
  #started = false;
  #ended = false;
  /** Of a terminal: the next read finds an end. */
  #isAtEnd = false;
  #closed = false;
  #ahead: Uint8Array = empty;
  #watcher: net.Socket | undefined;
  #wakers: (() => void)[] = [];
  /** Bytes read from a file, where its position cannot be asked for. */
  #fileBytesRead = 0;
  readonly #terminalMode: TerminalMode;

  constructor(fd: number) {
    this.#fd = fd;
    this.#terminalMode = new TerminalMode(fd);
    this.kind = streamKindOf(fd);
  }

  read(target: Uint8Array): HostResult {
    if (this.#closed) return -LinuxErrno.EBADF;
    if (target.length === 0) return 0;
    const count = this.#takeAhead(target);
    if (this.#isAtEnd && count === 0) {
      this.#isAtEnd = false;
      return 0;
    }
    if (count === target.length || this.#ended || this.#isAtEnd) return count;
    const more = this.#readNow(count === 0 ? target : target.subarray(count));
    return more >= 0 ? count + more : count || more;
  }

  write(): HostResult {
    return -LinuxErrno.EBADF;
  }

  readableBytes(): number {
    if (this.#ahead.length > 0) return this.#ahead.length;
    if (this.#ended || this.#isAtEnd || this.#closed || this.kind === 'null') return -1;
    if (this.kind === 'file') return this.#fileBytesLeft();
    const probe = new Uint8Array(probeBytes);
    const count = this.#readNow(probe);
    if (count > 0) this.#ahead = probe.subarray(0, count);
    if (count === -LinuxErrno.EAGAIN) return 0;
    // Somebody else is to read it.
    if (count === 0 && this.kind === 'tty') this.#isAtEnd = true;
    return count > 0 ? count : -1;
  }

  onceReadable(wake: () => void): void {
    if (!this.#canWait() || this.#ahead.length > 0 || this.#ended || this.#isAtEnd || this.#closed) {
      setImmediate(wake);
      return;
    }
    this.#wakers.push(wake);
    this.#start();
    this.#watcher ??= this.#watch();
    this.#watcher.ref();
    this.#watcher.resume();
  }

  onceWritable(wake: () => void): void {
    setImmediate(wake);
  }

  terminalSize(): TerminalSize | undefined {
    return this.kind === 'tty' ? terminalSizeOf(this.#fd) : undefined;
  }

  setRawMode(isRaw: boolean): void {
    if (this.kind === 'tty') this.#terminalMode.setRaw(isRaw);
  }

  unreadBytes(): Uint8Array {
    return this.#ahead.slice();
  }

  preload(bytes: Uint8Array): void {
    const joined = new Uint8Array(bytes.length + this.#ahead.length);
    joined.set(bytes);
    joined.set(this.#ahead, bytes.length);
    this.#ahead = joined;
  }

  close(): void {
    this.#closed = true;
    this.#terminalMode.close();
    this.#release();
    this.#wakeAll();
  }

  /** Whether input can come later: files and devices are ready at once. */
  #canWait(): boolean {
    return this.kind !== 'file' && this.kind !== 'null';
  }

  #takeAhead(target: Uint8Array): number {
    const count = Math.min(target.length, this.#ahead.length);
    if (count === 0) return 0;
    target.set(this.#ahead.subarray(0, count));
    this.#ahead = count === this.#ahead.length ? empty : this.#ahead.subarray(count);
    return count;
  }

  #readNow(target: Uint8Array): HostResult {
    this.#start();
    try {
      const count = fs.readSync(this.#fd, target, 0, target.length, null);
      this.#fileBytesRead += count;
      // A file may still grow.
      if (count === 0 && this.#canWait() && this.kind !== 'tty') this.#end();
      return count;
    } catch (error) {
      return errnoOf(error);
    }
  }

  /** Before the first read: makes sure that reading cannot block. */
  #start(): void {
    if (this.#started) return;
    this.#started = true;
    if (!this.#canWait()) return;
    const reopened = reopenNonBlocking(this.#fd, 'read');
    if (reopened !== undefined) {
      this.#fd = reopened;
      this.#ownsFd = true;
    } else {
      // Making a socket of the inherited descriptor sets O_NONBLOCK; Node takes it back at exit.
      this.#watcher = this.#watch();
    }
  }

  #watch(): net.Socket {
    const onread = {
      buffer: new Uint8Array(1),
      callback: (count: number, buffer: Uint8Array): boolean => {
        this.#ahead = Buffer.concat([this.#ahead, buffer.subarray(0, count)]);
        this.#watcher?.unref();
        this.#wakeAll();
        return false;
      },
    };
    // `manualStart` is not in Node's types; without it the constructor would start to read.
    const options = { fd: this.#fd, readable: true, writable: false, allowHalfOpen: true, manualStart: true, onread };
    const isTty = this.kind === 'tty';
    const watcher = isTty
      ? new (lateTty().ReadStream)(this.#fd, options as net.SocketConstructorOpts)
      : new (lateNet().Socket)(options);
    // A tty handle works on a descriptor of its own; a socket takes ours over.
    if (!isTty) this.#ownsFd = false;
    watcher.on('end', () => this.#endOfInput());
    watcher.on('error', () => this.#end());
    watcher.unref();
    return watcher;
  }

  #endOfInput(): void {
    if (this.kind !== 'tty') {
      this.#end();
      return;
    }
    this.#isAtEnd = true;
    this.#watcher?.destroy();
    this.#watcher = undefined;
    this.#wakeAll();
  }

  #end(): void {
    this.#ended = true;
    this.#release();
    this.#wakeAll();
  }

  #release(): void {
    this.#watcher?.destroy();
    this.#watcher = undefined;
    if (this.#ownsFd) fs.closeSync(this.#fd);
    this.#ownsFd = false;
  }

  /** Wakes after the current callback has returned, so that a waker may wait again at once. */
  #wakeAll(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) setImmediate(wake);
  }

  #fileBytesLeft(): number {
    const stat = fs.fstatSync(this.#fd);
    if (!stat.isFile()) return probeBytes;
    const left = stat.size - this.#filePosition();
    return left > 0 ? left : -1;
  }

  #filePosition(): number {
    try {
      const position = /^pos:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${this.#fd}`, 'latin1'));
      return position === null ? this.#fileBytesRead : Number(position[1]);
    } catch {
      return this.#fileBytesRead;
    }
  }
}
