// Descriptors: duplicates share the open file and not the flag, exec closes the marked ones, and all of it over a resume.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { FDFLAGS_APPEND, FDFLAGS_NONBLOCK, OFLAGS_CREAT } from '../../abi/wasi-preview1.ts';
import { WvmError } from '../base/wvm-error.ts';
import { FilesFixture } from './testing/files-fixture.ts';
import { RESULT, ROOT } from './testing/fixture.ts';

const LIMIT = 65_536;

function dup(fixture: FilesFixture, fd: number): number {
  fixture.ok(fixture.init, 'fd_dup', fd, RESULT);
  return fixture.u32();
}

function flags(fixture: FilesFixture, fd: number): number {
  fixture.ok(fixture.init, 'fd_fdflags_get', fd, RESULT);
  return fixture.memory.view.getUint16(RESULT, true);
}

describe('fd_dup(), fd_dup2()', () => {
  it('give the lowest free number, from a minimum on', () => {
    const fixture = new FilesFixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    expect(dup(fixture, fd)).toBe(5);
    for (const [min, expected] of [
      [0, 6],
      [6, 7],
      [10, 10],
      [10, 11],
      [8, 8],
    ] as const) {
      fixture.ok(fixture.init, 'fd_dup2', fd, min, 0, RESULT);
      expect(fixture.u32()).toBe(expected);
    }
    fixture.close(fixture.init, 5);
    fixture.ok(fixture.init, 'fd_dup2', fd, 3, 1, RESULT);
    expect([fixture.u32(), flags(fixture, 5)]).toEqual([5, 1]);
    expect(fixture.errno(fixture.init, 'fd_dup2', fd, LIMIT, 0, RESULT)).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'fd_dup2', fd, -1, 0, RESULT)).toBe(Errno.EINVAL);
    fixture.ok(fixture.init, 'fd_dup2', fd, LIMIT - 1, 0, RESULT);
    expect(fixture.errno(fixture.init, 'fd_dup2', fd, LIMIT - 1, 0, RESULT)).toBe(Errno.EMFILE);
    expect(fixture.errno(fixture.init, 'fd_dup', 99, RESULT)).toBe(Errno.EBADF);
    expect(fixture.errno(fixture.init, 'fd_dup', fd, -2)).toBe(Errno.EFAULT);
  });

  it('V09 share the offset and the status flags, which a second opening does not', () => {
    const fixture = new FilesFixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    fixture.write(fd, '0123456789');
    fixture.call('fd_seek', fd, 2n, 0, RESULT);
    const twin = dup(fixture, fd);
    const other = fixture.open('file');
    fixture.ok(fixture.init, 'fd_fdstat_set_flags', twin, FDFLAGS_APPEND);
    for (const step of ['before', 'after a resume']) {
      expect([step, fixture.read(fd, 2), fixture.read(twin, 2)]).toEqual(
        step === 'before' ? [step, '23', '45'] : [step, '67', '89'],
      );
      expect([step, fixture.read(other, 1)]).toEqual([step, step === 'before' ? '0' : '1']);
      expect(fixture.init.fds.get(fd).file.flags).toBe(FDFLAGS_APPEND);
      expect(fixture.init.fds.get(other).file.flags).toBe(0);
      fixture.resume();
    }
  });
});

describe('fd_renumber()', () => {
  it('of a WASIX program is dup2: the old number stays, the new one need not be open', () => {
    const fixture = new FilesFixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    const [reader, writer] = fixture.pipe();
    fixture.ok(fixture.init, 'fd_fdflags_set', fd, 1);
    fixture.ok(fixture.init, 'fd_renumber', fd, 20);
    fixture.ok(fixture.init, 'fd_renumber', fd, writer);
    expect(fixture.init.fds.get(fd).file.refs).toBe(3);
    expect([flags(fixture, fd), flags(fixture, 20)]).toEqual([1, 0]);
    expect(fixture.readAs(fixture.init, reader, 1)).toBe('');
    fixture.ok(fixture.init, 'fd_renumber', fd, fd);
    expect(flags(fixture, fd)).toBe(1);
    expect(fixture.errno(fixture.init, 'fd_renumber', fd, LIMIT)).toBe(Errno.EBADF);
    expect(fixture.errno(fixture.init, 'fd_renumber', 50, fd)).toBe(Errno.EBADF);
  });

  it('of a preview1 program moves', () => {
    const fixture = new FilesFixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    expect(fixture.call('fd_renumber', fd, 20)).toBe(Errno.EBADF);
    expect(fixture.call('fd_renumber', fd, 2)).toBe(0);
    expect(fixture.call('fd_close', fd)).toBe(Errno.EBADF);
  });
});

describe('close-on-exec', () => {
  it('V11 is of the descriptor, and exec closes what has it, also after a resume', () => {
    const fixture = new FilesFixture();
    const [name, size] = fixture.text('file');
    fixture.ok(fixture.init, 'path_open2', ROOT, 0, name, size, OFLAGS_CREAT, 2n, 0n, FDFLAGS_NONBLOCK, 1, RESULT);
    const marked = fixture.u32();
    const kept = dup(fixture, marked);
    const [reader, writer] = fixture.pipe();
    fixture.ok(fixture.init, 'fd_fdflags_set', writer, 1);
    expect([marked, kept, reader, writer].map((fd) => flags(fixture, fd))).toEqual([1, 0, 0, 1]);
    fixture.resume();
    expect([marked, kept, reader, writer].map((fd) => flags(fixture, fd))).toEqual([1, 0, 0, 1]);
    const child = fixture.fork();
    child.fds.closeOnExec();
    expect([marked, kept, reader, writer].map((fd) => child.fds.entries[fd] !== undefined)).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(fixture.init.fds.get(marked).file.refs).toBe(3);
    expect(fixture.errno(fixture.init, 'fd_fdflags_set', kept, 2)).toBe(Errno.EINVAL);
  });
});

describe('FdTable.check()', () => {
  it('refuses a flag that is none', () => {
    const fixture = new FilesFixture();
    const state = structuredClone(fixture.kernel.save());
    Object.assign(state.processes[0]!.fds[0]!, { closesOnExec: 1 });
    expect(() => fixture.restore(state)).toThrow(WvmError);
  });
});
