// Random calls of several processes on pipes, sockets, eventfds, epoll sets, files and locks: a kernel that is saved and restored
// between them answers the same as one that is not. A failure names the seed; SEED=n in the environment replays it alone.

import { expect, it } from 'vitest';
import { FDFLAGS_NONBLOCK, OFLAGS_CREAT } from '../../abi/wasi-preview1.ts';
import { EpollCtl, EpollType } from '../../abi/wasix.ts';
import { Completed } from './blocked.ts';
import { DirectoryFile } from './directory-file.ts';
import { EpollFile } from './epoll-file.ts';
import { HostFile } from './host-file.ts';
import type { KernelState } from './kernel.ts';
import type { OpenFile } from './open-file.ts';
import type { Process } from './process.ts';
import { StreamFile } from './stream-file.ts';
import { FilesFixture, FOREVER, PARKED } from './testing/files-fixture.ts';
import { RESULT } from './testing/fixture.ts';

const STEPS = 300;
const FD_MAX = 24;
/** Guest memory: room for the arguments of a call of each process, and for what is moved. */
const ARGUMENTS = 512;
const BUFFER = 0x8000;
const { IN, OUT, RDHUP, ET, ONESHOT } = EpollType;
const CHANGES = [EpollCtl.ADD, EpollCtl.ADD, EpollCtl.MOD, EpollCtl.DEL];

/** Park and Miller's generator: the same numbers everywhere. */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return this.#state % limit;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }
}

/** What happened, step by step; `spoil` changes what is restored. */
function run(seed: number, everyNth: number, spoil: (state: KernelState) => KernelState = (state) => state): string[] {
  const fixture = new FilesFixture({ seed: BigInt(seed) });
  const dice = new Dice(seed);
  const log: string[] = [];
  fixture.ok(fixture.init, 'sigaction', 13, 1, 0n, 0, 0);
  for (let child = 0; child < 3; child++) fixture.fork();
  for (let step = 0; step < STEPS; step++) {
    const pid = dice.pick(fixture.pids);
    const outcome = act(fixture, fixture.process(pid), dice);
    log.push(`${step} process ${pid}: ${outcome}`);
    if (step % everyNth === everyNth - 1) resume(fixture, spoil(fixture.kernel.save()));
  }
  log.push(fixture.pids.map((pid) => `${pid}: ${shown(fixture.process(pid))}`).join('; '));
  return log;
}

/** As TreeFixture's, which takes long to compare the contents of pipes. */
function resume(fixture: FilesFixture, state: KernelState): void {
  fixture.restore(structuredClone(state));
  for (const thread of [...fixture.kernel.scheduler.blocked]) fixture.again(thread);
  expect(textOf({ ...fixture.kernel.save(), clock: state.clock })).toBe(textOf(state));
}

function textOf(state: KernelState): string {
  return JSON.stringify(state, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (!(value instanceof Uint8Array)) return value;
    let sum = 7;
    for (let at = 0; at < value.length; at += 1 + (at >> 3)) sum = (sum * 31 + value[at]!) % 1_000_003;
    return `${value.length} bytes, ${sum}`;
  });
}

function shown(process: Process): string {
  return process.fds.entries
    .flatMap((entry, fd) => (entry === undefined ? [] : [`${fd}*${entry.file.refs}`]))
    .join(' ');
}

/** One call of the process, or its parked call again if it was woken. */
function act(fixture: FilesFixture, process: Process, dice: Dice): string {
  const thread = process.mainThread;
  const [what, size, bits] = [dice.below(30), dice.below(30_000), dice.below(64)];
  const any = dice.below(FD_MAX);
  /** Mostly a descriptor of a file that fits. */
  const pick = (fits: (file: OpenFile) => boolean): number => {
    const fds = process.fds.entries.flatMap((entry, fd) => (entry !== undefined && fits(entry.file) ? [fd] : []));
    return fds.length === 0 || any === 0 ? any : dice.pick(fds);
  };
  const call = (name: string, ...args: (number | bigint)[]): string => {
    const outcome = fixture.as(thread, name, ...args);
    return `${name}(${args[0]}) = ${String(outcome instanceof Completed ? outcome.value : outcome)}, ${fixture.u32()}`;
  };
  fixture.memory.view.setUint32(RESULT, 0, true);
  if (thread.isBlocked) {
    if (!fixture.isWoken(process)) return PARKED;
    const outcome = fixture.again(thread);
    return `again: ${String(outcome instanceof Completed ? outcome.value : outcome)}, ${fixture.u32()}`;
  }
  const flags = bits % 8 === 0 ? 0 : FDFLAGS_NONBLOCK;
  const { view } = fixture.memory;
  // A parked call looks at its arguments again, and the processes share their memory here.
  const args = ARGUMENTS + process.pid * 64;
  view.setUint32(args, BUFFER, true);
  view.setUint32(args + 4, what < 10 ? size : size % 9, true);
  if (what < 6) return call('fd_write', pick(isWriter), args, 1, RESULT);
  if (what < 12) return call('fd_read', pick(isReader), args, 1, RESULT);
  if (what < 14) return call('pipe2', flags | (bits % 3 === 0 ? 1 << 16 : 0), RESULT);
  if (what < 15) return call('sock_pair', 3, 1, 0, RESULT, RESULT + 4);
  if (what < 16) return call('fd_event', BigInt(bits % 3), flags | (bits & 1), RESULT);
  if (what < 17) return call('epoll_create', RESULT);
  if (what < 20) {
    const modes = (bits & 8 ? ET : 0) | (bits & 16 ? ONESHOT : 0);
    view.setUint32(args, (bits & (IN | OUT | RDHUP) || IN) | modes, true);
    return call('epoll_ctl', pick(isSet), dice.pick(CHANGES), pick(isStream), args);
  }
  if (what < 23) return call('epoll_wait', pick(isSet), BUFFER, 1 + (bits % 3), bits % 5 === 0 ? FOREVER : 0n, RESULT);
  if (what < 24) return call('fd_dup2', pick(isStream), any, bits & 1, RESULT);
  if (what < 25) return call('fd_renumber', pick(isStream), any);
  if (what < 27) return call('fd_close', pick(isClosable));
  if (what < 28) {
    const path = fixture.text(`file${bits % 2}`);
    return call('path_open', 3, 0, ...path, OFLAGS_CREAT, 0xfff_ffffn, 0n, 0, RESULT);
  }
  if (what < 29) return call('flock', pick(isFile), dice.pick([1, 2, 8, 5, 6]));
  view.setBigUint64(args, [0n, 1n, 2n][bits % 3]!, true);
  view.setBigInt64(args + 8, BigInt(size % 10), true);
  view.setBigInt64(args + 16, BigInt(bits % 6), true);
  return call('record_lock', pick(isFile), bits % 2 === 0 ? 6 : 7, args);
}

function isStream(file: OpenFile): boolean {
  return file.isStream && !(file instanceof StreamFile);
}

function isReader(file: OpenFile): boolean {
  return isStream(file) && !isSet(file) && file.canRead;
}

function isWriter(file: OpenFile): boolean {
  return isStream(file) && file.canWrite;
}

function isClosable(file: OpenFile): boolean {
  return !(file instanceof DirectoryFile);
}

function isSet(file: OpenFile): boolean {
  return file instanceof EpollFile;
}

function isFile(file: OpenFile): boolean {
  return file instanceof HostFile;
}

const only = Number((globalThis as { process?: { env: Record<string, string> } }).process?.env['SEED']);
const seeds = only > 0 ? [only] : Array.from({ length: 6 }, (_, index) => 1 + index * 7919);

it('V09 a kernel that is saved and restored between calls answers as one that is not', () => {
  const done = new Map<string, number>();
  for (const seed of seeds) {
    const undisturbed = run(seed, STEPS + 1);
    for (const line of undisturbed) {
      const name = /: (\w+)(?=\(\d+\) = 0,)|again(?=: 0)/.exec(line)?.[1] ?? (line.includes(PARKED) ? PARKED : 'other');
      done.set(name, (done.get(name) ?? 0) + 1);
    }
    expect(run(seed, 5), `SEED=${seed}`).toEqual(undisturbed);
  }
  // The calls that matter did something.
  if (only > 0) return;
  for (const name of ['fd_write', 'fd_read', 'epoll_ctl', 'epoll_wait', 'flock', 'record_lock', PARKED]) {
    expect([name, done.get(name) ?? 0]).toEqual([name, expect.toSatisfy((count: number) => count > 2)]);
  }
});

it('notices contents that are lost', () => {
  const lose = (state: KernelState): KernelState => ({
    ...state,
    pipes: state.pipes.map((pipe) => ({ ...pipe, data: pipe.data.subarray(1) })),
  });
  const notices = seeds.slice(0, 2).filter((seed) => {
    try {
      return run(seed, 5, lose).join() !== run(seed, STEPS + 1).join();
    } catch {
      return true;
    }
  });
  expect(notices.length).toBeGreaterThan(0);
});
