// A tree of processes that talk through pipes, sockets, eventfds and epoll sets, driven by hand.

import { expect } from 'vitest';
import { EPOLL_EVENT } from '../../../abi/wasix.ts';
import type { Process } from '../process.ts';
import { RESULT } from './fixture.ts';
import { type Outcome, PARKED } from './thread-fixture.ts';
import { TreeFixture } from './tree-fixture.ts';

/** Guest memory for transfers that fill a pipe, apart from what put() gives. */
const LARGE = 57_344;
export const FOREVER: bigint = 2n ** 64n - 1n;

export class FilesFixture extends TreeFixture {
  /** Where parked reads of threads put what they get. */
  readonly #buffers: Map<number, number> = new Map();

  /** [reading end, writing end]. */
  pipe(flags = 0, process: Process = this.init): [number, number] {
    this.ok(process, 'pipe2', flags, RESULT);
    return [this.u32(RESULT), this.u32(RESULT + 4)];
  }

  sockets(process: Process = this.init): [number, number] {
    this.ok(process, 'sock_pair', 3, 1, 6, RESULT, RESULT + 4);
    return [this.u32(RESULT), this.u32(RESULT + 4)];
  }

  event(count: bigint, flags = 0, process: Process = this.init): number {
    this.ok(process, 'fd_event', count, flags, RESULT);
    return this.u32();
  }

  close(process: Process, ...fds: number[]): void {
    for (const fd of fds) this.ok(process, 'fd_close', fd);
  }

  /** Text, an errno, or PARKED. */
  readAs(process: Process, fd: number, size: number): string | Outcome {
    const buffer = size > 4096 ? LARGE : this.put(new Uint8Array(size));
    this.#buffers.set(process.pid, buffer);
    return this.#received(process, this.as(process.mainThread, 'fd_read', fd, ...this.vector([buffer, size]), RESULT));
  }

  /** The parked read of the process, made again. */
  readAgain(process: Process): string | Outcome {
    return this.#received(process, this.again(process.mainThread));
  }

  /** Bytes written, an errno, or PARKED. */
  writeAs(process: Process, fd: number, data: string | Uint8Array): Outcome {
    const [addr, size] = typeof data === 'string' ? this.text(data) : this.#large(data);
    return this.#written(this.as(process.mainThread, 'fd_write', fd, ...this.vector([addr, size]), RESULT));
  }

  writeAgain(process: Process): Outcome {
    return this.#written(this.again(process.mainThread));
  }

  /** Whether the parked thread of the process has been woken. */
  isWoken(process: Process): boolean {
    return this.kernel.scheduler.isReady(process.mainThread) && process.mainThread.isBlocked;
  }

  epoll(process: Process = this.init): number {
    this.ok(process, 'epoll_create', RESULT);
    return this.u32();
  }

  /** An address of an epoll_event; `data2` is the descriptor. */
  request(events: number, fd: number): number {
    const addr = this.put(new Uint8Array(EPOLL_EVENT.size));
    this.memory.view.setUint32(addr + EPOLL_EVENT.events, events, true);
    this.memory.view.setUint32(addr + EPOLL_EVENT.fd, fd, true);
    this.memory.view.setBigUint64(addr + EPOLL_EVENT.data2, BigInt(fd), true);
    return addr;
  }

  watch(set: number, fd: number, events: number, op = 0, process: Process = this.init): Outcome {
    return this.errno(process, 'epoll_ctl', set, op, fd, this.request(events, fd));
  }

  /** [descriptor, events] of each event, an errno, or PARKED. */
  epollWait(set: number, timeout = 0n, max = 16, process: Process = this.init): [number, number][] | Outcome {
    return this.#told(this.as(process.mainThread, 'epoll_wait', set, LARGE, max, timeout, RESULT));
  }

  epollAgain(process: Process = this.init): [number, number][] | Outcome {
    return this.#told(this.again(process.mainThread));
  }

  #told(outcome: Outcome): [number, number][] | Outcome {
    if (outcome !== 0) return outcome;
    return Array.from({ length: this.u32() }, (_, index) => {
      const addr = LARGE + index * EPOLL_EVENT.size;
      const fd = this.u32(addr + EPOLL_EVENT.fd);
      expect(this.u64(addr + EPOLL_EVENT.data2)).toBe(BigInt(fd));
      return [fd, this.u32(addr)];
    });
  }

  #received(process: Process, outcome: Outcome): string | Outcome {
    return outcome === 0 ? this.string(this.#buffers.get(process.pid)!, this.u32()) : outcome;
  }

  #written(outcome: Outcome): Outcome {
    return outcome === 0 ? this.u32() : outcome;
  }

  #large(data: Uint8Array): [number, number] {
    this.memory.bytes.set(data, LARGE);
    return [LARGE, data.length];
  }
}

export { PARKED };
