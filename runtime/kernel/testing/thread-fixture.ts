// A process with several threads, driven by hand: a test makes a call as one of them, which returns or is parked, and lets
// parked threads that were woken go on.

import { createAtomicDoor } from '../atomic-wait.ts';
import type { SystemCall } from '../bind-call.ts';
import { Blocked, type SystemCallResult } from '../blocked.ts';
import type { KernelState } from '../kernel.ts';
import type { GuestNumber, Thread } from '../thread.ts';
import { Fixture, RESULT } from './fixture.ts';

export const PARKED = 'parked';
export type Outcome = SystemCallResult | typeof PARKED;

const FUTEX_RESULT = RESULT + 8;

export class ThreadFixture extends Fixture {
  get main(): Thread {
    return this.kernel.init.mainThread;
  }

  spawn(): Thread {
    const thread = this.kernel.init.addThread(this.kernel.allocateId() as Thread['tid'], this.main);
    this.kernel.scheduler.add(thread);
    return thread;
  }

  thread(tid: number): Thread {
    return this.kernel.init.threads.get(tid as Thread['tid'])!;
  }

  /** Makes a call as the thread. */
  as(thread: Thread, name: string, ...args: GuestNumber[]): Outcome {
    this.kernel.current = thread;
    const result = this.#find(name)(...args);
    if (!(result instanceof Blocked)) {
      if (thread.isBlocked) thread.unblock();
      return result;
    }
    thread.block('wvm', name, args, result);
    this.kernel.scheduler.block(thread);
    return PARKED;
  }

  /** Makes the parked call of the thread again, whether it was woken or not. */
  again(thread: Thread): Outcome {
    this.kernel.scheduler.wake(thread);
    const { name, args } = thread.call!;
    return this.as(thread, name, ...args);
  }

  /** What the parked calls of the threads that were woken come to, in the order in which they run; by tid. */
  woken(): [number, Outcome][] {
    const ready = this.kernel.scheduler.inOrder().filter((thread) => thread.isBlocked);
    return ready.map((thread) => [thread.tid, this.again(thread)]);
  }

  /** Lets time go by, and wakes whose time has come. */
  pass(ns: bigint): [number, Outcome][] {
    this.clock.advance(ns);
    this.kernel.scheduler.expire(this.kernel.clock.nowNs());
    return this.woken();
  }

  futex(
    thread: Thread,
    addr: number,
    op: number,
    value: number,
    { timeout = -1n, addr2 = 0, value3 = 0 }: { timeout?: bigint; addr2?: number; value3?: number } = {},
  ): Outcome {
    return this.as(thread, 'futex', addr, op, value, timeout, addr2, value3, FUTEX_RESULT);
  }

  /** What the last futex call counted. */
  get count(): number {
    return this.u32(FUTEX_RESULT);
  }

  word(addr: number): number {
    return this.memory.view.getUint32(addr, true);
  }

  setWord(addr: number, value: number): void {
    this.memory.view.setUint32(addr, value, true);
  }

  /** Saves, restores into another kernel and makes all parked calls again, as the engine does. */
  resume(state: KernelState = this.kernel.save()): void {
    this.restore(structuredClone(state));
    for (const thread of [...this.kernel.scheduler.blocked]) this.again(thread);
  }

  #find(name: string): SystemCall {
    if (!name.startsWith('atomic.')) return this.callOf(this.kernel.current.process, name);
    const door: Record<string, SystemCall> = {
      ...createAtomicDoor(this.kernel, {
        load32: (_, address) => this.memory.view.getInt32(Number(address), true),
        load64: (_, address) => this.memory.view.getBigInt64(Number(address), true),
      }),
    };
    return door[name]!;
  }
}
