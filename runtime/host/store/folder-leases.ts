// Leases on a store in a folder: files in leases/, named KIND-OWNER (owner.ts).
//
// 1. Make the own file. 2. Look who else is there. 3. A shared lease holds unless there is an exclusive one; an exclusive
// one holds when it is the only one. 4. Who may not have it: a shared one takes its file away and tries again; an exclusive
// one does so before another exclusive one, and keeps its file, so that nobody new comes in, while it waits for shared ones.
// 5. Who holds one touches its file now and then.
//
// As everybody writes before looking, at least one of two sees the other. A lease of a dead process is removed by whoever
// finds it; on other hosts, where nobody can see that, when it has not been touched for an hour by the clock of the file
// system, whatever the clocks of the hosts say. They need not survive a power failure and are not synced.

import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WvmError } from '../../base/wvm-error.ts';
import type { Lease, StoreLeases } from '../../snapshot/store/ports.ts';
import { keepAtExit, removeAtExit } from '../files-at-exit.ts';
import { newOwnerName, ownerState } from './owner.ts';
import type { SystemCalls } from './system-calls.ts';

type Kind = 'shared' | 'exclusive';

const RETRY_MS = 5;
const LONGEST_RETRY_MS = 100;
const DEFAULT_PATIENCE_MS = 60_000;
/** A lease of another host is void when it has not been touched for so long. */
const FOREIGN_AGE_MS = 3_600_000;
const TOUCH_MS: number = FOREIGN_AGE_MS / 12;

/** Leases of this process that have ended but could not be removed. */
const stuck: Set<string> = new Set();

export class FolderLeases implements StoreLeases {
  readonly #directory: string;
  readonly #calls: SystemCalls;
  readonly #patienceMs: number;

  /** `patienceMs`: how long to wait for others before WVM_STORE_BUSY. */
  constructor(storeDirectory: string, calls: SystemCalls, patienceMs: number = DEFAULT_PATIENCE_MS) {
    this.#directory = join(storeDirectory, 'leases');
    this.#calls = calls;
    this.#patienceMs = patienceMs;
  }

  async acquire(kind: Kind): Promise<Lease> {
    try {
      return this.#held(await this.#acquire(kind));
    } catch (cause) {
      if (cause instanceof WvmError) throw cause;
      throw new WvmError('WVM_FILE', `${this.#place}: ${(cause as Error).message}`, { cause });
    }
  }

  #held(name: string): Lease {
    const path = join(this.#directory, name);
    // If this fails, the next one may not; check() tells in the end.
    const timer = setInterval(() => void this.#calls.touch(path).catch(() => {}), TOUCH_MS).unref();
    return {
      check: async () => {
        try {
          await this.#calls.modifiedMs(path);
        } catch (cause) {
          const { code, message } = cause as NodeJS.ErrnoException;
          if (code !== 'ENOENT') throw new WvmError('WVM_FILE', `${this.#place}: ${message}`, { cause });
          throw new WvmError('WVM_STORE_BUSY', `${this.#place}: the lease is lost`, {
            hint: 'this process stood still for so long that others took it for dead; try again',
          });
        }
      },
      release: async () => {
        clearInterval(timer);
        await this.#drop(path);
      },
    };
  }

  /** Gives the name of the file. */
  async #acquire(kind: Kind): Promise<string> {
    for (const path of stuck) await this.#drop(path);
    // Not the time of day, which may be set anew meanwhile.
    const endMs = performance.now() + this.#patienceMs;
    let waitMs = RETRY_MS;
    let own = await this.#make(kind);
    try {
      for (;;) {
        const others = await this.#others(own);
        const exclusive = others.find((name) => name.startsWith('exclusive-'));
        const obstacle = exclusive ?? (kind === 'exclusive' ? others[0] : undefined);
        if (obstacle === undefined) return own;
        if (performance.now() >= endMs) {
          throw new WvmError('WVM_STORE_BUSY', `${this.#place}: in use: ${obstacle}`, {
            hint: 'another wvm is at work on this store; try again when it is done',
          });
        }
        const givesWay = exclusive !== undefined;
        if (givesWay) await this.#drop(join(this.#directory, own));
        // Two that give way to each other must not meet again and again.
        await sleep(waitMs * (0.5 + Math.random()));
        waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS);
        if (givesWay) own = await this.#make(kind);
      }
    } catch (error) {
      await this.#drop(join(this.#directory, own));
      throw error;
    }
  }

  get #place(): string {
    return `store ${dirname(this.#directory)}`;
  }

  async #make(kind: Kind): Promise<string> {
    const name = `${kind}-${newOwnerName()}`;
    const path = join(this.#directory, name);
    removeAtExit(path);
    try {
      await (await this.#calls.create(path)).close();
    } catch (error) {
      // It may be there all the same.
      await this.#drop(path);
      throw error;
    }
    return name;
  }

  /** A lease that cannot be removed now is no failure of what was done under it; the next acquire() tries again. */
  async #drop(path: string): Promise<void> {
    try {
      await this.#calls.unlink(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        stuck.add(path);
        return;
      }
    }
    stuck.delete(path);
    keepAtExit(path);
  }

  async #others(own: string): Promise<string[]> {
    const names: string[] = [];
    for (const name of await this.#calls.readdir(this.#directory)) {
      if (name === own) continue;
      const state = ownerState(name);
      const isVoid = state === 'dead' || (state !== 'alive' && (await this.#isOld(name, own)));
      if (isVoid) await this.#drop(join(this.#directory, name));
      else names.push(name);
    }
    return names;
  }

  /** Compared with the own lease, which is about as old as this question. */
  async #isOld(name: string, own: string): Promise<boolean> {
    let touchedMs: number;
    try {
      touchedMs = await this.#modifiedMs(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
      throw error;
    }
    return (await this.#modifiedMs(own)) - touchedMs > FOREIGN_AGE_MS;
  }

  #modifiedMs(name: string): Promise<number> {
    return this.#calls.modifiedMs(join(this.#directory, name));
  }
}
