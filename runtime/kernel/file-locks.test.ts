// flock and record locks between the processes of a machine: who gets them, who waits, when they go, and over a resume.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import {
  F_GETLK,
  F_RDLCK,
  F_SETLK,
  F_SETLKW,
  F_UNLCK,
  F_WRLCK,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
} from '../../abi/file-lock.ts';
import { OFLAGS_CREAT, Rights } from '../../abi/wasi-preview1.ts';
import { FLOCK } from '../../abi/wvm.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { LockState } from './file-locks.ts';
import type { KernelState } from './kernel.ts';
import type { Process } from './process.ts';
import { RecordLocks } from './record-locks.ts';
import { FilesFixture, PARKED } from './testing/files-fixture.ts';
import { RESULT, ROOT } from './testing/fixture.ts';
import type { Outcome } from './testing/thread-fixture.ts';
import { INT64_MAX } from './validate.ts';

class LockFixture extends FilesFixture {
  flock(process: Process, fd: number, operation: number): Outcome {
    return this.errno(process, 'flock', fd, operation);
  }

  record(
    process: Process,
    fd: number,
    command: number,
    type: number,
    start: bigint,
    length: bigint,
    whence = 0,
  ): Outcome {
    const addr = this.put(new Uint8Array(FLOCK.size));
    this.memory.view.setUint16(addr, type, true);
    this.memory.view.setUint16(addr + FLOCK.whence, whence, true);
    this.memory.view.setBigInt64(addr + FLOCK.start, start, true);
    this.memory.view.setBigInt64(addr + FLOCK.length, length, true);
    this.lastLock = addr;
    return this.errno(process, 'record_lock', fd, command, addr);
  }

  lastLock = 0;

  /** [type, pid, start, length] that F_GETLK has written. */
  get told(): [number, number, bigint, bigint] {
    const { view } = this.memory;
    const addr = this.lastLock;
    return [
      view.getUint16(addr, true),
      view.getUint32(addr + FLOCK.pid, true),
      view.getBigInt64(addr + FLOCK.start, true),
      view.getBigInt64(addr + FLOCK.length, true),
    ];
  }

  /** As another process: opens the file by its own. */
  openAs(process: Process, path: string): number {
    const args = [0n, 0] as const;
    this.ok(process, 'path_open', ROOT, 0, ...this.text(path), OFLAGS_CREAT, 0xffff_ffffn, ...args, RESULT);
    return this.u32();
  }
}

describe('flock()', () => {
  it('is of the open file: duplicates and children share it, other openings do not', () => {
    const fixture = new LockFixture();
    const { init } = fixture;
    const fd = fixture.open('file', OFLAGS_CREAT);
    const child = fixture.fork();
    const other = fixture.openAs(child, 'file');
    expect(fixture.flock(init, fd, LOCK_EX)).toBe(0);
    expect(fixture.flock(child, fd, LOCK_EX | LOCK_NB)).toBe(0);
    expect(fixture.flock(child, other, LOCK_SH | LOCK_NB)).toBe(Errno.EAGAIN);
    fixture.close(init, fd);
    expect(fixture.flock(child, other, LOCK_SH | LOCK_NB)).toBe(Errno.EAGAIN);
    fixture.close(child, fd);
    expect(fixture.flock(child, other, LOCK_SH | LOCK_NB)).toBe(0);
    expect(fixture.flock(child, other, LOCK_UN)).toBe(0);
    expect(fixture.kernel.fileLocks.inodes.size).toBe(0);
    expect(fixture.flock(child, other, 3)).toBe(Errno.EINVAL);
    const [reader] = fixture.pipe();
    expect(fixture.flock(init, reader, LOCK_EX)).toBe(Errno.ENOTSUP);
  });

  it('shared ones go together; changing the kind gives the old one up', () => {
    const fixture = new LockFixture();
    const { init } = fixture;
    const [one, two, three] = [0, 1, 2].map(() => fixture.open('file', OFLAGS_CREAT)) as [number, number, number];
    for (const fd of [one, two]) expect(fixture.flock(init, fd, LOCK_SH)).toBe(0);
    const waiting = fixture.fork();
    expect(fixture.flock(waiting, three, LOCK_EX)).toBe(PARKED);
    expect(fixture.flock(init, one, LOCK_EX | LOCK_NB)).toBe(Errno.EAGAIN);
    expect(fixture.isWoken(waiting)).toBe(true);
    expect(fixture.again(waiting.mainThread)).toBe(PARKED);
    expect(fixture.flock(init, two, LOCK_UN)).toBe(0);
    expect(fixture.again(waiting.mainThread)).toBe(0);
  });

  it('waiters come in their order, and go on waiting after a resume', () => {
    const fixture = new LockFixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    fixture.flock(fixture.init, fd, LOCK_EX);
    const children = [fixture.fork(), fixture.fork()];
    for (const child of children) expect(fixture.flock(child, fixture.openAs(child, 'file'), LOCK_EX)).toBe(PARKED);
    fixture.resume();
    const pids = children.map(({ pid }) => pid as number);
    fixture.exit(fixture.process(pids[0]!), 0);
    fixture.flock(fixture.init, fd, LOCK_UN);
    expect(fixture.woken()).toEqual([[pids[1], 0]]);
    const third = fixture.openAs(fixture.init, 'file');
    expect(fixture.flock(fixture.init, third, LOCK_EX | LOCK_NB)).toBe(Errno.EAGAIN);
  });
});

describe('RecordLocks', () => {
  const lock = (pid: number, first: number, last: number, isExclusive = true) => ({
    pid,
    isExclusive,
    first: BigInt(first),
    last: BigInt(last),
  });

  it('keeps for each byte what its process asked for last', () => {
    const locks = new RecordLocks();
    const bytes = new Array<number>(40).fill(0);
    let seed = 1;
    const random = (limit: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % limit;
    };
    for (let step = 0; step < 300; step++) {
      const first = random(40);
      const last = Math.min(39, first + random(12));
      const kind = random(3);
      if (kind === 0) locks.clear(lock(7, first, last), 7);
      else locks.place(lock(7, first, last, kind === 1));
      for (let byte = first; byte <= last; byte++) bytes[byte] = kind;
      const shown = bytes.map((_, byte) => {
        const held = locks.locks.filter((one) => one.first <= byte && byte <= one.last);
        return held.length === 0 ? 0 : held.length > 1 ? 'two' : held[0]!.isExclusive ? 1 : 2;
      });
      const joinable = locks.locks.filter((one, index) => {
        const next = locks.locks[index + 1];
        return next?.first === one.last + 1n && next.isExclusive === one.isExclusive;
      });
      expect([shown.join(''), joinable]).toEqual([bytes.join(''), []]);
    }
  });
});

describe('record_lock()', () => {
  it('is of the process, by ranges of any opening', () => {
    const fixture = new LockFixture();
    const { init } = fixture;
    const fd = fixture.open('file', OFLAGS_CREAT);
    fixture.write(fd, '0123456789');
    const child = fixture.fork();
    const other = fixture.openAs(child, 'file');
    expect(fixture.record(init, fd, F_SETLK, F_WRLCK, 2n, 3n)).toBe(0);
    expect(fixture.record(child, fd, F_SETLK, F_RDLCK, 0n, 3n)).toBe(Errno.EAGAIN);
    expect(fixture.record(child, other, F_SETLK, F_RDLCK, 0n, 2n)).toBe(0);
    expect(fixture.record(child, other, F_SETLK, F_WRLCK, -2n, 1n, 2)).toBe(0);
    expect(fixture.record(init, fd, F_GETLK, F_WRLCK, 5n, 0n)).toBe(0);
    expect(fixture.told).toEqual([F_WRLCK, child.pid, 8n, 1n]);
    expect(fixture.record(init, fd, F_GETLK, F_RDLCK, 0n, 8n)).toBe(0);
    expect(fixture.told[0]).toBe(F_UNLCK);
    fixture.call('fd_seek', fd, 4n, 0, RESULT);
    expect(fixture.record(init, fd, F_SETLK, F_UNLCK, 0n, -1n, 1)).toBe(0);
    fixture.record(child, other, F_GETLK, F_WRLCK, 0n, 0n);
    expect(fixture.told).toEqual([F_WRLCK, 1, 2n, 1n]);
    expect(fixture.record(init, fd, F_SETLK, F_WRLCK, -1n, 1n)).toBe(Errno.EINVAL);
    expect(fixture.record(init, fd, F_SETLK, F_WRLCK, INT64_MAX, 2n)).toBe(Errno.EOVERFLOW);
    expect(fixture.record(init, fd, F_SETLK, F_WRLCK, 0n, 0n, 3)).toBe(Errno.EINVAL);
    expect(fixture.record(init, fd, F_SETLK, 9, 0n, 0n)).toBe(Errno.EINVAL);
    expect(fixture.record(init, fd, 1, F_RDLCK, 0n, 0n)).toBe(Errno.EINVAL);
    const readOnly = fixture.open('file', 0, { rights: BigInt(Rights.FD_READ) });
    expect(fixture.record(init, readOnly, F_SETLK, F_WRLCK, 0n, 1n)).toBe(Errno.EBADF);
  });

  it('goes with any descriptor of the file that the process closes, and with the process', () => {
    const fixture = new LockFixture();
    const { init } = fixture;
    const fd = fixture.open('file', OFLAGS_CREAT);
    const child = fixture.fork();
    expect(fixture.record(init, fd, F_SETLK, F_WRLCK, 0n, 0n)).toBe(0);
    fixture.close(child, fd);
    const other = fixture.openAs(child, 'file');
    expect(fixture.record(child, other, F_SETLKW, F_WRLCK, 0n, 0n)).toBe(PARKED);
    fixture.close(init, fixture.open('file'));
    expect(fixture.isWoken(child)).toBe(true);
    expect(fixture.again(child.mainThread)).toBe(0);
    expect(fixture.record(init, fd, F_SETLK, F_RDLCK, 0n, 1n)).toBe(Errno.EAGAIN);
    fixture.exit(child);
    expect(fixture.record(init, fd, F_SETLK, F_RDLCK, 0n, 1n)).toBe(0);
  });

  it('answers EDEADLK to who would wait for itself, through others and over a resume', () => {
    const fixture = new LockFixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    const pids = [1, fixture.fork().pid, fixture.fork().pid] as number[];
    const lock = (index: number, command: number, byte: bigint): Outcome =>
      fixture.record(fixture.process(pids[index]!), fd, command, F_WRLCK, byte, 1n);
    for (const index of [0, 1, 2]) expect(lock(index, F_SETLK, BigInt(index))).toBe(0);
    expect(lock(0, F_SETLKW, 1n)).toBe(PARKED);
    fixture.resume();
    expect(lock(1, F_SETLKW, 2n)).toBe(PARKED);
    expect(lock(2, F_SETLK, 0n)).toBe(Errno.EAGAIN);
    expect(lock(2, F_SETLKW, 0n)).toBe(Errno.EDEADLK);
    fixture.exit(fixture.process(pids[2]!));
    expect(fixture.woken()).toEqual([
      [1, PARKED],
      [pids[1], 0],
    ]);
    expect(lock(1, F_SETLKW, 0n)).toBe(Errno.EDEADLK);
  });
});

describe('locks over a resume', () => {
  it('are held by the same, also on files without a name', () => {
    const fixture = new LockFixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    const gone = fixture.open('gone', OFLAGS_CREAT);
    const twin = fixture.open('gone');
    fixture.call('path_unlink_file', ROOT, ...fixture.text('gone'));
    const child = fixture.fork();
    fixture.record(child, fd, F_SETLK, F_WRLCK, 3n, 4n);
    fixture.record(fixture.init, fd, F_SETLK, F_RDLCK, 10n, 0n);
    fixture.flock(fixture.init, gone, LOCK_EX);
    fixture.flock(child, fd, LOCK_SH);
    fixture.resume();
    fixture.record(fixture.init, fd, F_GETLK, F_RDLCK, 0n, 0n);
    expect(fixture.told).toEqual([F_WRLCK, child.pid, 3n, 4n]);
    expect(fixture.flock(fixture.init, twin, LOCK_SH | LOCK_NB)).toBe(Errno.EAGAIN);
    const other = fixture.openAs(fixture.init, 'file');
    expect(fixture.flock(fixture.init, other, LOCK_EX | LOCK_NB)).toBe(Errno.EAGAIN);
    expect(fixture.flock(fixture.init, other, LOCK_SH | LOCK_NB)).toBe(0);
    fixture.resume();
  });

  it('records that cannot be are refused, and nothing stays open', () => {
    const fixture = new LockFixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    const child = fixture.fork();
    fixture.record(fixture.init, fd, F_SETLK, F_WRLCK, 0n, 4n);
    fixture.flock(fixture.init, fd, LOCK_EX);
    const state = fixture.kernel.save();
    const [flock, record] = state.locks as [LockState, LockState];
    expect([flock.kind, record.kind]).toEqual(['flock', 'record']);
    const before = fixture.files.openCount;
    const bad: LockState[][] = [
      [{ ...flock, kind: 'lease' as 'flock' }],
      [{ ...flock, file: state.openFiles.length }],
      [{ ...flock, file: 0 }],
      [{ ...flock, pid: 1 }],
      [{ ...flock, last: 5n }],
      [{ ...flock, isExclusive: 1 as unknown as boolean }],
      [flock, flock],
      [{ ...record, pid: 99 }],
      [{ ...record, first: 9n }],
      [{ ...record, first: -1n }],
      [record, { ...record, pid: child.pid }],
      [record, record],
    ];
    for (const locks of bad) {
      const changed: KernelState = { ...state, locks };
      expect(
        () => fixture.restore(changed),
        JSON.stringify(locks, (_, value) => String(value)),
      ).toThrow(WvmError);
      expect(fixture.files.openCount).toBe(before);
    }
    fixture.restore({ ...state, locks: [record, { ...record, pid: child.pid, first: 4n, last: 9n }] });
  });
});
