import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { OFLAGS_CREAT, OFLAGS_TRUNC } from '../../abi/wasi-preview1.ts';
import { Exited, SnapshotWanted } from './blocked.ts';
import { Fixture, RESULT, ROOT } from './testing/fixture.ts';
import { formatCall } from './trace.ts';

const WASI = 'wasi_snapshot_preview1';

function trace(fixture: Fixture, name: string, ...args: (number | bigint)[]): string {
  return formatCall(1, WASI, name, args, fixture.call(name, ...args), fixture.memory);
}

describe('formatCall()', () => {
  it('shows paths, flags, data and results', () => {
    const fixture = new Fixture();
    const path = fixture.text('a.txt');
    const flags = OFLAGS_CREAT | OFLAGS_TRUNC;
    expect(trace(fixture, 'path_open', ROOT, 1, ...path, flags, 66n, 0n, 1, RESULT)).toBe(
      '[1] path_open(3, SYMLINK_FOLLOW, "a.txt", O_CREAT|O_TRUNC, 0x42, 0x0, APPEND) = 4',
    );
    expect(trace(fixture, 'fd_write', 4, ...fixture.vector(fixture.text('hi\n')), RESULT)).toBe(
      '[1] fd_write(4, ["hi\\n"], 1) = 3',
    );
    expect(trace(fixture, 'args_sizes_get', RESULT, RESULT + 4)).toBe(
      '[1] args_sizes_get() = 0, argc=1, argv_buf_size=8',
    );
    expect(trace(fixture, 'fd_seek', 4, -9n, 0, RESULT)).toBe('[1] fd_seek(4, -9, SEEK_SET) = ENOTCAPABLE');
    expect(trace(fixture, 'fd_close', 9)).toBe('[1] fd_close(9) = EBADF');
  });

  it('names signals, sets of them, futex operations and what is true', () => {
    const fixture = new Fixture();
    const { memory } = fixture;
    const line = (module: string, name: string, args: (number | bigint)[], result = 0): string =>
      formatCall(1, module, name, args, result, memory);
    expect(line('wvm', 'kill', [-5, 15])).toBe('[1] kill(-5, SIGTERM) = 0');
    expect(line('wvm', 'sigqueue', [4, 34, 7], Errno.EAGAIN)).toBe('[1] sigqueue(4, SIGRTMIN+2, 7) = EAGAIN');
    expect(line('wvm', 'sigsuspend', [0x4002n], Errno.EINTR)).toBe('[1] sigsuspend([INT TERM]) = EINTR');
    expect(line('wvm', 'sigsuspend', [-1n & ~0x100n])).toBe('[1] sigsuspend(~[KILL]) = 0');
    expect(line('wvm', 'futex', [8, 128, 1, -1n, 0, 0, RESULT])).toBe(
      '[1] futex(0x8, FUTEX_WAIT|FUTEX_PRIVATE_FLAG, 1, -1, 0x0, 0) = 0',
    );
    expect(line('wasix_32v1', 'fd_dup2', [1, 5, 1, RESULT])).toBe('[1] fd_dup2(1, 5, true) = 0');
    expect(line('wasix_32v1', 'chdir', fixture.text('x'), Errno.ENOENT)).toBe('[1] chdir("x") = ENOENT');
  });

  it('what wvm.snapshot and thread-spawn return is a number', () => {
    const { memory } = new Fixture();
    expect(formatCall(1, 'wvm', 'snapshot', [], 3, memory)).toBe('[1] snapshot() = 3');
    expect(formatCall(1, 'wasi', 'thread-spawn', [64], -6, memory)).toBe('[1] thread-spawn(64) = -6');
  });

  it('shows calls that do not return, and survives bad pointers', () => {
    const fixture = new Fixture();
    expect(trace(fixture, 'fd_read', 0, ...fixture.vector([RESULT, 1]), RESULT)).toMatch(/= \? BLOCKED$/);
    expect(formatCall(7, WASI, 'proc_exit', [3], new Exited(3), fixture.memory)).toBe('[7] proc_exit(3) = ? EXITED 3');
    expect(formatCall(1, 'wvm', 'snapshot', [], new SnapshotWanted(), fixture.memory)).toBe(
      '[1] snapshot() = ? SNAPSHOT',
    );
    expect(formatCall(1, WASI, 'fd_write', [1, -8, 1, -4], Errno.EFAULT, fixture.memory)).toBe(
      '[1] fd_write(1, 0xfffffff8, 1) = EFAULT',
    );
    expect(formatCall(1, WASI, 'fd_tell', [1, -4], 0, fixture.memory)).toBe('[1] fd_tell(1) = ?');
    expect(formatCall(1, WASI, 'path_unlink_file', [3, -8, 4], Errno.EFAULT, fixture.memory)).toBe(
      '[1] path_unlink_file(3, 0xfffffff8) = EFAULT',
    );
  });
});
