// Waiting: waitpid's and proc_join's answers for every kind of child and selection.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { Signal } from '../../abi/signals.ts';
import { JOIN_STATUS, JoinFlags, JoinStatus, OPTION_PID, OptionTag } from '../../abi/wasix.ts';
import type { Process } from './process.ts';
import { RESULT } from './testing/fixture.ts';
import { type Outcome, PARKED } from './testing/thread-fixture.ts';
import { TreeFixture, WCONTINUED, WNOHANG, WUNTRACED } from './testing/tree-fixture.ts';

const { SIGCONT, SIGKILL, SIGSTOP } = Signal;

describe('waitpid', () => {
  it('without children is ECHILD; with unknown options EINVAL; at a bad address EFAULT', () => {
    const fixture = new TreeFixture();
    for (const pid of [-1, 0, 77, -77]) expect(fixture.wait(fixture.init, pid)).toBe(Errno.ECHILD);
    fixture.fork();
    expect(fixture.wait(fixture.init, -1, 4)).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'waitpid', -1, 2 ** 31, 0, 0)).toBe(Errno.EFAULT);
  });

  it('takes any, one, or one of a group', () => {
    const fixture = new TreeFixture();
    const [first, second, third] = [fixture.fork(), fixture.fork(), fixture.fork()];
    fixture.ok(third, 'setpgid', 0, 0);
    fixture.exit(third, 3);
    fixture.exit(second, 2);
    expect(fixture.wait(fixture.init, 0, WNOHANG)).toEqual([second.pid, 2 << 8]);
    expect(fixture.wait(fixture.init, -1, WNOHANG)).toEqual([third.pid, 3 << 8]);
    expect(fixture.wait(fixture.init, first.pid, WNOHANG)).toMatchObject([0, expect.any(Number)]);
    expect(fixture.wait(fixture.init, -third.pgid)).toBe(Errno.ECHILD);
    expect(fixture.wait(fixture.init, second.pid)).toBe(Errno.ECHILD);
  });

  it('a grandchild is no child', () => {
    const fixture = new TreeFixture();
    const grandchild = fixture.fork(fixture.fork());
    expect(fixture.wait(fixture.init, grandchild.pid)).toBe(Errno.ECHILD);
  });

  it('tells of a stop and of a continuation once each, to those who ask', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    const now = (options: number): unknown => (fixture.wait(fixture.init, child.pid, options | WNOHANG) as number[])[0];
    fixture.ok(fixture.init, 'kill', child.pid, SIGSTOP);
    expect(fixture.wait(fixture.init, child.pid, WUNTRACED)).toBe(PARKED);
    fixture.resume();
    fixture.deliver(fixture.process(child.pid));
    expect(fixture.waitAgain()).toEqual([child.pid, (SIGSTOP << 8) | 0x7f]);
    expect(now(WUNTRACED | WCONTINUED)).toBe(0);
    fixture.ok(fixture.init, 'kill', child.pid, SIGCONT);
    fixture.resume();
    expect(now(WUNTRACED)).toBe(0);
    expect(fixture.wait(fixture.init, child.pid, WCONTINUED)).toEqual([child.pid, 0xffff]);
    expect(now(WUNTRACED | WCONTINUED)).toBe(0);
  });

  it('any thread of the parent may wait, and only one is told', () => {
    const fixture = new TreeFixture();
    const other = fixture.spawn();
    const child = fixture.fork();
    const wait = (thread = other): Outcome => fixture.as(thread, 'waitpid', -1, 0, 0, RESULT);
    expect([wait(), wait(fixture.main)]).toEqual([PARKED, PARKED]);
    fixture.exit(child);
    expect(fixture.woken()).toEqual([
      [other.tid, 0],
      [1, Errno.ECHILD],
    ]);
  });
});

describe('proc_join', () => {
  const PID = RESULT;
  const STATUS = RESULT + 16;

  /** [the errno, pid or undefined, the bytes of the status]. */
  function join(fixture: TreeFixture, child: Process | undefined, flags: number): unknown[] {
    fixture.memory.bytes[PID + OPTION_PID.tag] = child === undefined ? OptionTag.NONE : OptionTag.SOME;
    fixture.memory.view.setUint32(PID + OPTION_PID.pid, child?.pid ?? 99, true);
    fixture.memory.bytes.fill(0xee, STATUS, STATUS + JOIN_STATUS.size);
    const errno = fixture.as(fixture.main, 'proc_join', PID, flags, STATUS);
    const hasPid = fixture.memory.bytes[PID + OPTION_PID.tag] === OptionTag.SOME;
    const status = [...fixture.memory.bytes.subarray(STATUS, STATUS + JOIN_STATUS.size)];
    return [errno, hasPid ? fixture.u32(PID + OPTION_PID.pid) : undefined, status];
  }

  it('O07 tells of exits and of signals', () => {
    const fixture = new TreeFixture();
    const [exited, killed] = [fixture.fork(), fixture.fork()];
    fixture.exit(exited, 0x1234);
    fixture.kernel.tree.exit(killed, { signal: SIGKILL });
    fixture.resume();
    expect(join(fixture, killed, 0)).toEqual([0, killed.pid, [JoinStatus.EXIT_SIGNAL, 0, 137, 0, SIGKILL, 0]]);
    expect(join(fixture, undefined, 0)).toEqual([0, exited.pid, [JoinStatus.EXIT_NORMAL, 0, 0x34, 0x12, 0, 0]]);
    expect(join(fixture, undefined, 0)[0]).toBe(Errno.ECHILD);
  });

  it('without a change waits, or says nothing', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    expect(join(fixture, child, JoinFlags.NON_BLOCKING)).toEqual([0, undefined, [JoinStatus.NOTHING, 0, 0, 0, 0, 0]]);
    expect(join(fixture, child, 4)[0]).toBe(Errno.EINVAL);
    expect(join(fixture, child, 0)[0]).toBe(PARKED);
    fixture.resume();
    fixture.exit(fixture.process(child.pid), 1);
    expect(fixture.again(fixture.main)).toBe(0);
    expect(fixture.u32(PID + OPTION_PID.pid)).toBe(child.pid);
  });

  it('tells of stops if asked to', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    fixture.ok(fixture.init, 'kill', child.pid, SIGSTOP);
    fixture.deliver(child);
    expect(join(fixture, child, JoinFlags.NON_BLOCKING)[2]).toEqual([JoinStatus.NOTHING, 0, 0, 0, 0, 0]);
    expect(join(fixture, child, JoinFlags.WAKE_STOPPED)).toEqual([
      0,
      child.pid,
      [JoinStatus.STOPPED, 0, SIGSTOP, 0, 0, 0],
    ]);
  });
});

describe('groups and sessions', () => {
  function ids(fixture: TreeFixture, pid: number): number[] {
    const get = (name: string): number => {
      fixture.ok(fixture.init, name, pid, RESULT);
      return fixture.u32();
    };
    return [get('getpgid'), get('getsid')];
  }

  it('M11 are inherited, changed and kept over a resume', () => {
    const fixture = new TreeFixture();
    const [job, member, daemon] = [fixture.fork(), fixture.fork(), fixture.fork()];
    fixture.ok(fixture.init, 'setpgid', job.pid, 0);
    fixture.ok(member, 'setpgid', 0, job.pid);
    fixture.ok(daemon, 'setsid', RESULT);
    expect(fixture.u32()).toBe(daemon.pid);
    fixture.resume();
    expect(ids(fixture, 1)).toEqual([1, 1]);
    expect(ids(fixture, 0)).toEqual([1, 1]);
    expect(ids(fixture, job.pid)).toEqual([job.pid, 1]);
    expect(ids(fixture, member.pid)).toEqual([job.pid, 1]);
    expect(ids(fixture, daemon.pid)).toEqual([daemon.pid, daemon.pid]);
    expect(fixture.errno(fixture.init, 'getpgid', 99, RESULT)).toBe(Errno.ESRCH);
  });

  it('setpgid refuses what setpgid(2) refuses', () => {
    const fixture = new TreeFixture();
    const [child, other] = [fixture.fork(), fixture.fork()];
    const grandchild = fixture.fork(child);
    const setpgid = (process: Process, pid: number, pgid: number): Outcome =>
      fixture.errno(process, 'setpgid', pid, pgid);
    expect(setpgid(child, 0, -1)).toBe(Errno.EINVAL);
    expect(setpgid(fixture.init, grandchild.pid, 0)).toBe(Errno.ESRCH);
    expect(setpgid(child, 99, 0)).toBe(Errno.ESRCH);
    expect(setpgid(child, 0, 99)).toBe(Errno.EPERM);
    expect(setpgid(fixture.init, 0, 0)).toBe(Errno.EPERM);
    child.hasExecuted = true;
    expect(setpgid(fixture.init, child.pid, 0)).toBe(Errno.EACCES);
    expect(setpgid(child, 0, 0)).toBe(0);
    fixture.ok(other, 'setsid', RESULT);
    expect(setpgid(fixture.init, other.pid, 1)).toBe(Errno.EPERM);
    expect(setpgid(child, 0, other.pid)).toBe(Errno.EPERM);
  });

  it('setsid refuses the leader of a group', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    const member = fixture.fork(child);
    fixture.ok(child, 'setpgid', 0, 0);
    fixture.ok(member, 'setpgid', 0, child.pid);
    expect(fixture.errno(child, 'setsid', RESULT)).toBe(Errno.EPERM);
    expect(fixture.errno(fixture.init, 'setsid', RESULT)).toBe(Errno.EPERM);
    fixture.ok(member, 'setsid', RESULT);
  });
});

describe('identity', () => {
  it('proc_id and proc_parent', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    fixture.ok(child, 'proc_id', RESULT);
    expect(fixture.u32()).toBe(child.pid);
    for (const pid of [0, child.pid]) {
      fixture.ok(child, 'proc_parent', pid, RESULT);
      expect(fixture.u32()).toBe(1);
    }
    fixture.ok(child, 'proc_parent', 1, RESULT);
    expect(fixture.u32()).toBe(0);
    expect(fixture.errno(child, 'proc_parent', 99, RESULT)).toBe(Errno.ESRCH);
  });

  it('F17 names of threads have 15 bytes, are filled up with NUL, survive a resume', () => {
    const fixture = new TreeFixture({ args: ['/usr/bin/some-long-program'] });
    const name = (): string => {
      fixture.memory.bytes.fill(0xee, RESULT, RESULT + 16);
      fixture.ok(fixture.init, 'thread_get_name', RESULT);
      return fixture.string(RESULT, 16);
    };
    expect(name()).toBe('some-long-progr\0');
    fixture.ok(fixture.init, 'thread_set_name', ...fixture.text('worker'));
    fixture.resume();
    expect(name()).toBe(`worker${'\0'.repeat(10)}`);
    // Not in the middle of a character: 14 bytes are left.
    fixture.ok(fixture.init, 'thread_set_name', ...fixture.text('abcdefghijklmn\u00e9'));
    expect(fixture.main.name).toBe('abcdefghijklmn');
    expect(fixture.errno(fixture.init, 'thread_set_name', 1 << 20, 1)).toBe(Errno.EFAULT);
  });
});
