// Signals: sending, taking, handlers over parked calls, masks, waiting, timers; each over a resume.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { SIG_DFL, SIG_IGN, SIG_KEEP, Signal, SignalCode, SignalFlags } from '../../../abi/signals.ts';
import { SIGNAL_DISPOSITION, SignalDisposition } from '../../../abi/wasix.ts';
import { ITIMER, SIGACTION, SIGINFO } from '../../../abi/wvm.ts';
import { Completed } from '../blocked.ts';
import type { Process } from '../process.ts';
import { RESULT } from '../testing/fixture.ts';
import { PARKED } from '../testing/thread-fixture.ts';
import { TreeFixture, WNOHANG } from '../testing/tree-fixture.ts';
import { bitOf } from './signal-set.ts';

const { SIGALRM, SIGCHLD, SIGCONT, SIGINT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP, SIGURG, SIGUSR1, SIGUSR2 } =
  Signal;
const { SIGVTALRM, SIGWINCH } = Signal;
const { SA_NODEFER, SA_RESETHAND, SA_RESTART, SA_NOCLDSTOP } = SignalFlags;
const RT = 40;
const HANDLER = 77;
const SECOND = 1_000_000_000n;

function handle(fixture: TreeFixture, process: Process, signal: number, flags = 0, mask = 0n): void {
  fixture.ok(process, 'sigaction', signal, HANDLER, mask, flags, 0);
}

function setMask(fixture: TreeFixture, process: Process, mask: bigint): void {
  fixture.memory.view.setBigUint64(RESULT, mask, true);
  fixture.ok(process, 'sigprocmask', 2, RESULT, 0);
}

/** Signals that handlers of the process are called for, one after the other. */
function handled(fixture: TreeFixture, process: Process): number[] {
  const signals: number[] = [];
  for (;;) {
    const delivery = fixture.deliver(process);
    if (delivery?.kind !== 'handler') return signals;
    signals.push(delivery.args[0]!);
    fixture.kernel.tree.handlerReturned(process.mainThread);
  }
}

describe('default actions', () => {
  const endings = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, 32, 64];
  it('most end the process', () => {
    for (const signal of endings) {
      const fixture = new TreeFixture();
      const child = fixture.fork();
      fixture.ok(fixture.init, 'kill', child.pid, signal);
      expect(fixture.deliver(child), String(signal)).toEqual({ kind: 'ended' });
      expect(fixture.wait()).toEqual([child.pid, signal]);
      expect(fixture.kernel.tree.deliver(child.mainThread ?? fixture.main)).toBeUndefined();
    }
  });

  it('some do nothing, and do not stay', () => {
    const fixture = new TreeFixture();
    for (const signal of [SIGCHLD, SIGCONT, SIGURG, SIGWINCH]) fixture.ok(fixture.init, 'kill', 1, signal);
    expect([fixture.init.pending.set, fixture.deliver(fixture.init)]).toEqual([0n, undefined]);
  });

  it('a stop from the terminal does nothing to a group that nobody could continue', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    fixture.ok(fixture.init, 'kill', child.pid, SIGTSTP);
    expect(fixture.deliver(child)).toBeUndefined();
    fixture.ok(child, 'setpgid', 0, 0);
    fixture.ok(fixture.init, 'kill', child.pid, SIGTSTP);
    expect(fixture.deliver(child)).toEqual({ kind: 'stopped' });
  });
});

describe('kill', () => {
  it('answers Completed, and ESRCH, EINVAL as kill(2)', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    expect(fixture.as(fixture.main, 'kill', child.pid, SIGTERM)).toEqual(new Completed(0));
    expect(fixture.errno(fixture.init, 'kill', 99, 0)).toBe(Errno.ESRCH);
    expect(fixture.errno(fixture.init, 'kill', -99, SIGTERM)).toBe(Errno.ESRCH);
    expect(fixture.errno(fixture.init, 'kill', child.pid, 65)).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'kill', child.pid, -1)).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'proc_signal', child.pid, 0)).toBe(0);
    fixture.exit(child);
    expect(fixture.errno(fixture.init, 'kill', child.pid, SIGTERM)).toBe(0);
  });

  it('M11 reaches a group, the own group, or all others but init', () => {
    const fixture = new TreeFixture();
    const [first, second, third] = [fixture.fork(), fixture.fork(), fixture.fork()];
    for (const process of [fixture.init, first, second, third]) handle(fixture, process, SIGUSR1);
    fixture.ok(second, 'setpgid', 0, 0);
    fixture.ok(third, 'setpgid', 0, second.pid);
    const reached = (): number[] => {
      const pids = [fixture.init, first, second, third].filter((process) => process.pending.set !== 0n);
      for (const process of pids) process.pending.discard(-1n);
      return pids.map(({ pid }) => pid);
    };
    fixture.ok(fixture.init, 'kill', -second.pid, SIGUSR1);
    expect(reached()).toEqual([second.pid, third.pid]);
    fixture.ok(first, 'kill', 0, SIGUSR1);
    expect(reached()).toEqual([1, first.pid]);
    fixture.ok(first, 'kill', -1, SIGUSR1);
    expect(reached()).toEqual([second.pid, third.pid]);
  });

  it('wakes who can take it: the main thread, else another, and not who blocks it', () => {
    const fixture = new TreeFixture();
    const other = fixture.spawn();
    const { scheduler } = fixture.kernel;
    handle(fixture, fixture.init, SIGUSR1);
    for (const thread of [fixture.main, other]) expect(fixture.as(thread, 'sigsuspend', 0n)).toBe(PARKED);
    const sender = fixture.fork(fixture.init, fixture.spawn());
    fixture.ok(sender, 'kill', 1, SIGUSR1);
    expect([scheduler.ready.has(fixture.main), scheduler.ready.has(other)]).toEqual([true, false]);
    fixture.main.signals.mask = bitOf(SIGUSR2);
    handle(fixture, fixture.init, SIGUSR2);
    fixture.as(fixture.main, 'sigsuspend', bitOf(SIGUSR2));
    fixture.ok(sender, 'kill', 1, SIGUSR2);
    expect(scheduler.ready.has(other)).toBe(true);
  });
});

describe('tgkill and thread_signal', () => {
  it('reach one thread, whoever else could take the signal', () => {
    const fixture = new TreeFixture();
    const other = fixture.spawn();
    handle(fixture, fixture.init, SIGUSR1);
    fixture.ok(fixture.init, 'thread_signal', other.tid, SIGUSR1);
    expect(fixture.deliver(fixture.init)).toBeUndefined();
    fixture.resume();
    expect(fixture.kernel.tree.deliver(fixture.thread(other.tid))).toMatchObject({
      args: [SIGUSR1, HANDLER, 0, SignalCode.SI_TKILL, 1, 0],
    });
    expect(fixture.errno(fixture.init, 'thread_signal', 99, SIGUSR1)).toBe(Errno.ESRCH);
    expect(fixture.errno(fixture.init, 'tgkill', 1, 99, 0)).toBe(Errno.ESRCH);
    expect(fixture.errno(fixture.init, 'tgkill', 0, 1, SIGUSR1)).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'tgkill', 1, 1, 0)).toBe(0);
  });
});

describe('pending signals', () => {
  it('M11 are taken after a resume with sender, code and value: standard ones once, real-time ones each, lowest first', () => {
    const fixture = new TreeFixture();
    const sender = fixture.fork();
    for (const signal of [SIGUSR1, SIGUSR2, RT, RT + 1]) handle(fixture, fixture.init, signal);
    setMask(fixture, fixture.init, -1n);
    fixture.ok(sender, 'sigqueue', 1, RT + 1, 1);
    for (const value of [2, 3]) fixture.ok(sender, 'sigqueue', 1, RT, value);
    for (const value of [4, 5]) fixture.ok(sender, 'sigqueue', 1, SIGUSR2, value);
    fixture.ok(sender, 'kill', 1, SIGUSR1);
    fixture.ok(fixture.init, 'sigpending', RESULT);
    expect(fixture.u64()).toBe(bitOf(SIGUSR1) | bitOf(SIGUSR2) | bitOf(RT) | bitOf(RT + 1));
    fixture.resume();
    setMask(fixture, fixture.init, 0n);
    const taken: unknown[] = [];
    for (let i = 0; i < 5; i++) {
      const delivery = fixture.deliver(fixture.init);
      if (delivery?.kind === 'handler') taken.push(delivery.args);
      fixture.kernel.tree.handlerReturned(fixture.main);
    }
    expect(taken).toEqual([
      [SIGUSR1, HANDLER, 0, SignalCode.SI_USER, sender.pid, 0],
      [SIGUSR2, HANDLER, 0, SignalCode.SI_QUEUE, sender.pid, 4],
      [RT, HANDLER, 0, SignalCode.SI_QUEUE, sender.pid, 2],
      [RT, HANDLER, 0, SignalCode.SI_QUEUE, sender.pid, 3],
      [RT + 1, HANDLER, 0, SignalCode.SI_QUEUE, sender.pid, 1],
    ]);
    expect(fixture.deliver(fixture.init)).toBeUndefined();
  });

  it('of real-time signals are bounded', () => {
    const fixture = new TreeFixture();
    setMask(fixture, fixture.init, -1n);
    let count = 0;
    while (fixture.errno(fixture.init, 'sigqueue', 1, RT, count) === 0) count++;
    expect(count).toBe(1024);
    expect(fixture.errno(fixture.init, 'sigqueue', 1, RT, 0)).toBe(Errno.EAGAIN);
    expect(fixture.errno(fixture.init, 'kill', 1, RT)).toBe(0);
    expect(fixture.errno(fixture.init, 'sigqueue', 1, SIGUSR1, 0)).toBe(0);
    fixture.resume();
    expect(fixture.init.pending.queue.length).toBe(1025);
  });
});

describe('stop and continue', () => {
  it('undo each other while they are pending', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    setMask(fixture, child, bitOf(SIGTSTP) | bitOf(SIGCONT));
    fixture.ok(fixture.init, 'kill', child.pid, SIGTSTP);
    fixture.ok(fixture.init, 'kill', child.pid, SIGCONT);
    expect(child.pending.set).toBe(bitOf(SIGCONT));
    fixture.ok(fixture.init, 'kill', child.pid, SIGTSTP);
    expect(child.pending.set).toBe(bitOf(SIGTSTP));
  });

  it('SIGCONT continues though it is blocked, and its handler runs later; SIGCHLD tells the parent unless it does not care', () => {
    const fixture = new TreeFixture();
    for (const [flags, told] of [
      [0, [SIGCHLD, SIGCHLD]],
      [SA_NOCLDSTOP, []],
    ] as const) {
      handle(fixture, fixture.init, SIGCHLD, flags);
      const child = fixture.fork();
      handle(fixture, child, SIGCONT);
      setMask(fixture, child, bitOf(SIGCONT));
      fixture.ok(fixture.init, 'kill', child.pid, SIGSTOP);
      expect(fixture.deliver(child)).toEqual({ kind: 'stopped' });
      const stopped = handled(fixture, fixture.init);
      fixture.ok(fixture.init, 'kill', child.pid, SIGCONT);
      expect([child.isStopped, fixture.deliver(child)]).toEqual([false, undefined]);
      expect([...stopped, ...handled(fixture, fixture.init)]).toEqual(told);
      setMask(fixture, child, 0n);
      expect(handled(fixture, child)).toEqual([SIGCONT]);
    }
  });

  it('SIGKILL ends a stopped process; other signals wait until it goes on', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    fixture.ok(fixture.init, 'kill', child.pid, SIGSTOP);
    fixture.deliver(child);
    fixture.ok(fixture.init, 'kill', child.pid, SIGTERM);
    expect(fixture.kernel.scheduler.ready.has(child.mainThread)).toBe(false);
    fixture.ok(fixture.init, 'kill', child.pid, SIGKILL);
    expect(fixture.kernel.scheduler.ready.has(child.mainThread)).toBe(true);
    expect(fixture.deliver(child)).toEqual({ kind: 'ended' });
    expect(fixture.wait()).toEqual([child.pid, SIGKILL]);
  });
});

describe('sigaction', () => {
  it('tells the old action, keeps it if asked to, and leaves SIGKILL and SIGSTOP alone', () => {
    const fixture = new TreeFixture();
    const { init } = fixture;
    fixture.ok(init, 'sigaction', SIGUSR1, HANDLER, -1n, SA_RESTART, 0);
    fixture.resume();
    fixture.ok(fixture.init, 'sigaction', SIGUSR1, SIG_KEEP, 0n, 0, RESULT);
    expect(fixture.u32(RESULT + SIGACTION.handler)).toBe(HANDLER);
    expect(fixture.u32(RESULT + SIGACTION.flags)).toBe(SA_RESTART);
    expect(fixture.u64(RESULT + SIGACTION.mask)).toBe(0xffff_ffff_ffff_ffffn & ~bitOf(SIGKILL) & ~bitOf(SIGSTOP));
    for (const signal of [SIGKILL, SIGSTOP, 0, 65, -1]) {
      expect(fixture.errno(fixture.init, 'sigaction', signal, SIG_IGN, 0n, 0, 0)).toBe(Errno.EINVAL);
    }
    expect(fixture.errno(fixture.init, 'sigaction', SIGKILL, SIG_KEEP, 0n, 0, RESULT)).toBe(0);
    expect(fixture.errno(fixture.init, 'sigaction', SIGUSR1, SIG_IGN, 0n, 0, 1 << 20)).toBe(Errno.EFAULT);
    expect(fixture.init.actions.get(SIGUSR1).handler).toBe(HANDLER);
  });

  it('ignoring drops what is pending; asking does not', () => {
    const fixture = new TreeFixture();
    setMask(fixture, fixture.init, -1n);
    fixture.ok(fixture.init, 'kill', 1, SIGUSR1);
    fixture.ok(fixture.init, 'tgkill', 1, 1, SIGUSR1);
    fixture.ok(fixture.init, 'sigaction', SIGUSR1, SIG_KEEP, 0n, 0, 0);
    fixture.ok(fixture.init, 'sigpending', RESULT);
    expect(fixture.u64()).toBe(bitOf(SIGUSR1));
    fixture.ok(fixture.init, 'sigaction', SIGUSR1, SIG_IGN, 0n, 0, 0);
    fixture.ok(fixture.init, 'sigpending', RESULT);
    expect(fixture.u64()).toBe(0n);
  });
});

describe('handlers', () => {
  it('run with their own signal and their mask blocked, and the old mask afterwards, over a resume', () => {
    const fixture = new TreeFixture();
    handle(fixture, fixture.init, SIGUSR1, 0, bitOf(SIGUSR2));
    setMask(fixture, fixture.init, bitOf(SIGINT));
    fixture.ok(fixture.init, 'kill', 1, SIGUSR1);
    expect(fixture.deliver(fixture.init)).toEqual({
      kind: 'handler',
      entry: '__wvm_signal',
      args: [SIGUSR1, HANDLER, 0, SignalCode.SI_USER, 1, 0],
      restartsCall: false,
    });
    fixture.resume();
    expect(fixture.main.signals.mask).toBe(bitOf(SIGUSR1) | bitOf(SIGUSR2) | bitOf(SIGINT));
    expect(fixture.main.interrupted.length).toBe(1);
    fixture.kernel.tree.handlerReturned(fixture.main);
    expect(fixture.main.signals.mask).toBe(bitOf(SIGINT));
  });

  it('nest: another signal, and the same one with SA_NODEFER', () => {
    const fixture = new TreeFixture();
    handle(fixture, fixture.init, SIGUSR1, SA_NODEFER);
    handle(fixture, fixture.init, SIGUSR2);
    for (const signal of [SIGUSR1, SIGUSR1, SIGUSR2, SIGUSR2]) {
      fixture.ok(fixture.init, 'kill', 1, signal);
      fixture.deliver(fixture.init);
    }
    expect(fixture.main.interrupted.length).toBe(3);
    expect(fixture.init.pending.set).toBe(bitOf(SIGUSR2));
    for (let i = 0; i < 3; i++) fixture.kernel.tree.handlerReturned(fixture.main);
    expect(fixture.main.signals.mask).toBe(0n);
    expect(handled(fixture, fixture.init)).toEqual([SIGUSR2]);
  });

  it('with SA_RESETHAND run once', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    handle(fixture, child, SIGQUIT, SA_RESETHAND);
    fixture.ok(fixture.init, 'kill', child.pid, SIGQUIT);
    expect(handled(fixture, child)).toEqual([SIGQUIT]);
    fixture.ok(fixture.init, 'kill', child.pid, SIGQUIT);
    expect(fixture.deliver(child)).toEqual({ kind: 'ended' });
  });

  it('O06 a parked call that can go on does with SA_RESTART, and ends with EINTR without, over a resume', () => {
    for (const flags of [SA_RESTART, 0]) {
      const fixture = new TreeFixture();
      const child = fixture.fork();
      handle(fixture, fixture.init, SIGUSR1, flags);
      expect(fixture.wait()).toBe(PARKED);
      fixture.ok(child, 'kill', 1, SIGUSR1);
      expect(fixture.kernel.scheduler.ready.has(fixture.main)).toBe(true);
      const { delivery, outcome } = fixture.interrupt(fixture.main);
      expect(delivery).toMatchObject({ kind: 'handler', restartsCall: flags !== 0 });
      expect(outcome).toBe(flags === 0 ? Errno.EINTR : PARKED);
      expect(fixture.main.call).toBeUndefined();
      fixture.resume();
      expect(fixture.main.interrupted[0]?.call?.name).toBe(flags === 0 ? undefined : 'waitpid');
      // The handler may wait for something, too.
      expect(fixture.wait(fixture.init, -1, WNOHANG)).toMatchObject([0, expect.any(Number)]);
      fixture.kernel.tree.handlerReturned(fixture.main);
      expect(fixture.main.call?.name).toBe(flags === 0 ? undefined : 'waitpid');
      if (flags === 0) continue;
      fixture.exit(fixture.process(child.pid), 6);
      expect(fixture.waitAgain()).toEqual([child.pid, 6 << 8]);
    }
  });

  it('a call that has something to tell tells it instead of EINTR', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    handle(fixture, fixture.init, SIGCHLD);
    expect(fixture.wait()).toBe(PARKED);
    fixture.exit(child, 2);
    expect(fixture.interrupt(fixture.main).outcome).toBe(0);
    expect([fixture.u32(RESULT + 4), fixture.u32(RESULT)]).toEqual([child.pid, 2 << 8]);
  });

  it('sleeps are never restarted', () => {
    const fixture = new TreeFixture();
    handle(fixture, fixture.init, SIGUSR1, SA_RESTART);
    expect(fixture.as(fixture.main, 'thread_sleep', SECOND)).toBe(PARKED);
    fixture.ok(fixture.fork(fixture.init, fixture.spawn()), 'kill', 1, SIGUSR1);
    expect(fixture.interrupt(fixture.main)).toMatchObject({ delivery: { restartsCall: false }, outcome: Errno.EINTR });
  });

  it('are not run for a call that was parked after the signal came: it is woken at once', () => {
    const fixture = new TreeFixture();
    handle(fixture, fixture.init, SIGUSR1);
    fixture.fork();
    fixture.kernel.tree.raise(fixture.main, SIGUSR1);
    expect(fixture.wait()).toBe(PARKED);
    expect(fixture.kernel.scheduler.ready.has(fixture.main)).toBe(true);
    expect(fixture.interrupt(fixture.main).outcome).toBe(Errno.EINTR);
  });
});

describe('callback_signal', () => {
  it('gets every signal that has no action of its own', () => {
    const fixture = new TreeFixture();
    const { init } = fixture;
    fixture.as(fixture.main, 'callback_signal', ...fixture.text('__wasm_signal'));
    fixture.ok(init, 'sigaction', SIGINT, SIG_IGN, 0n, 0, 0);
    handle(fixture, init, SIGUSR1);
    fixture.resume();
    for (const signal of [SIGINT, SIGTERM, SIGCHLD]) fixture.ok(fixture.init, 'kill', 1, signal);
    expect(fixture.deliver(fixture.init)).toEqual({
      kind: 'handler',
      entry: '__wasm_signal',
      args: [SIGTERM],
      restartsCall: false,
    });
    expect(fixture.main.signals.mask).toBe(bitOf(SIGTERM));
    fixture.kernel.tree.handlerReturned(fixture.main);
    expect(handled(fixture, fixture.init)).toEqual([SIGCHLD]);
    fixture.ok(fixture.init, 'kill', 1, SIGUSR1);
    expect(fixture.deliver(fixture.init)).toMatchObject({ entry: '__wvm_signal' });
    const child = fixture.fork();
    fixture.ok(fixture.init, 'kill', child.pid, SIGKILL);
    expect(fixture.deliver(child)).toEqual({ kind: 'ended' });
  });
});

describe('proc_signals_get', () => {
  it('lists what is ignored', () => {
    const fixture = new TreeFixture();
    for (const signal of [SIGINT, SIGQUIT]) fixture.ok(fixture.init, 'sigaction', signal, SIG_IGN, 0n, 0, 0);
    handle(fixture, fixture.init, SIGUSR1);
    fixture.ok(fixture.init, 'proc_signals_sizes_get', RESULT);
    expect(fixture.u32()).toBe(2);
    fixture.ok(fixture.init, 'proc_signals_get', RESULT);
    const list = [...fixture.memory.bytes.subarray(RESULT, RESULT + 2 * SIGNAL_DISPOSITION.size)];
    expect(list).toEqual([SIGINT, SignalDisposition.IGNORE, SIGQUIT, SignalDisposition.IGNORE]);
    expect(fixture.errno(fixture.init, 'proc_signals_get', 131_072 - 3)).toBe(Errno.EFAULT);
  });
});

describe('sigprocmask', () => {
  it('blocks, unblocks and sets, but never SIGKILL and SIGSTOP', () => {
    const fixture = new TreeFixture();
    const change = (how: number, set: bigint): bigint => {
      fixture.memory.view.setBigUint64(RESULT, set, true);
      fixture.ok(fixture.init, 'sigprocmask', how, RESULT, RESULT + 8);
      return fixture.u64(RESULT + 8);
    };
    expect(change(0, bitOf(SIGINT) | bitOf(SIGKILL))).toBe(0n);
    expect(change(0, bitOf(SIGTERM))).toBe(bitOf(SIGINT));
    expect(change(1, bitOf(SIGINT))).toBe(bitOf(SIGINT) | bitOf(SIGTERM));
    expect(change(2, bitOf(SIGSTOP) | bitOf(64))).toBe(bitOf(SIGTERM));
    fixture.resume();
    fixture.ok(fixture.init, 'sigprocmask', 9, 0, RESULT);
    expect(fixture.u64()).toBe(bitOf(64));
    expect(fixture.errno(fixture.init, 'sigprocmask', 3, RESULT, 0)).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'sigprocmask', 0, 1 << 20, 0)).toBe(Errno.EFAULT);
  });

  it('what is blocked stays, even if it is ignored now', () => {
    const fixture = new TreeFixture();
    setMask(fixture, fixture.init, bitOf(SIGCHLD));
    fixture.ok(fixture.init, 'kill', 1, SIGCHLD);
    handle(fixture, fixture.init, SIGCHLD);
    fixture.resume();
    expect(fixture.deliver(fixture.init)).toBeUndefined();
    setMask(fixture, fixture.init, 0n);
    expect(handled(fixture, fixture.init)).toEqual([SIGCHLD]);
  });
});

describe('sigsuspend', () => {
  it('O06 waits with another mask until a handler has run; then the old mask is back', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    for (const signal of [SIGUSR1, SIGUSR2]) handle(fixture, fixture.init, signal, SA_RESTART);
    setMask(fixture, fixture.init, bitOf(SIGUSR1));
    expect(fixture.as(fixture.main, 'sigsuspend', bitOf(SIGUSR2))).toBe(PARKED);
    fixture.resume();
    expect(fixture.again(fixture.main)).toBe(PARKED);
    fixture.ok(fixture.process(child.pid), 'kill', 1, SIGUSR2);
    expect(fixture.kernel.scheduler.blocked.has(fixture.main)).toBe(true);
    fixture.ok(fixture.process(child.pid), 'kill', 1, SIGUSR1);
    const { delivery, outcome } = fixture.interrupt(fixture.main);
    expect([delivery, outcome]).toMatchObject([
      { args: [SIGUSR1, HANDLER, SA_RESTART, SignalCode.SI_USER, child.pid, 0], restartsCall: false },
      Errno.EINTR,
    ]);
    expect(fixture.main.signals.mask).toBe(bitOf(SIGUSR1) | bitOf(SIGUSR2));
    fixture.kernel.tree.handlerReturned(fixture.main);
    expect(fixture.main.signals.mask).toBe(bitOf(SIGUSR1));
    expect(handled(fixture, fixture.init)).toEqual([SIGUSR2]);
  });

  it('takes what was pending already', () => {
    const fixture = new TreeFixture();
    handle(fixture, fixture.init, SIGUSR1);
    setMask(fixture, fixture.init, -1n);
    fixture.ok(fixture.init, 'kill', 1, SIGUSR1);
    fixture.as(fixture.main, 'sigsuspend', 0n);
    expect(fixture.kernel.scheduler.ready.has(fixture.main)).toBe(true);
    expect(fixture.interrupt(fixture.main)).toMatchObject({ delivery: { kind: 'handler' }, outcome: Errno.EINTR });
  });
});

describe('sigtimedwait', () => {
  it('takes a signal with what its sender said, instead of the handler', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    handle(fixture, fixture.init, RT);
    setMask(fixture, fixture.init, bitOf(RT));
    fixture.ok(child, 'sigqueue', 1, RT, 5);
    fixture.ok(fixture.init, 'sigtimedwait', bitOf(RT), RESULT, 0n);
    const info = [SIGINFO.signal, SIGINFO.code, SIGINFO.pid, SIGINFO.value].map((at) => fixture.u32(RESULT + at) | 0);
    expect(info).toEqual([RT, SignalCode.SI_QUEUE, child.pid, 5]);
    expect(fixture.errno(fixture.init, 'sigtimedwait', bitOf(RT), RESULT, 0n)).toBe(Errno.EAGAIN);
    expect(fixture.errno(fixture.init, 'sigtimedwait', bitOf(RT), 1 << 20, 0n)).toBe(Errno.EFAULT);
  });

  it('O06 waits for the rest of its time after a resume', () => {
    const fixture = new TreeFixture();
    expect(fixture.as(fixture.main, 'sigtimedwait', bitOf(RT), 0, 10n * SECOND)).toBe(PARKED);
    expect(fixture.pass(4n * SECOND)).toEqual([]);
    const state = fixture.kernel.save();
    fixture.clock.advance(3600n * SECOND);
    fixture.resume(state);
    expect(fixture.pass(5n * SECOND)).toEqual([]);
    expect(fixture.pass(SECOND)).toEqual([[1, Errno.EAGAIN]]);
  });

  it('is woken by its signals, even ignored and unblocked ones, and ends with EINTR for a handler of another', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    const wait = (): unknown => fixture.as(fixture.main, 'sigtimedwait', bitOf(SIGCHLD), RESULT, -1n);
    expect(wait()).toBe(PARKED);
    fixture.resume();
    fixture.ok(fixture.process(child.pid), 'kill', 1, SIGCHLD);
    expect(fixture.kernel.tree.deliver(fixture.main)).toBeUndefined();
    expect(fixture.woken()).toEqual([[1, 0]]);
    expect(fixture.main.signals.awaited).toBe(0n);
    expect(wait()).toBe(PARKED);
    handle(fixture, fixture.process(child.pid), SIGUSR1);
    fixture.init.actions.set(SIGUSR1, { handler: HANDLER, flags: SA_RESTART, mask: 0n });
    fixture.ok(fixture.process(child.pid), 'kill', 1, SIGUSR1);
    expect(fixture.interrupt(fixture.main).outcome).toBe(Errno.EINTR);
  });
});

describe('interval timers', () => {
  const read = (fixture: TreeFixture, addr = RESULT): bigint[] => [
    fixture.u64(addr + ITIMER.valueNs),
    fixture.u64(addr + ITIMER.intervalNs),
  ];

  it('O06 go on with what was left at the snapshot, however long the machine was an image', () => {
    const fixture = new TreeFixture();
    handle(fixture, fixture.init, SIGALRM);
    fixture.ok(fixture.init, 'setitimer', 0, 10n * SECOND, 3n * SECOND, 0);
    fixture.pass(4n * SECOND);
    const state = fixture.kernel.save();
    fixture.clock.advance(3600n * SECOND);
    fixture.resume(state);
    fixture.ok(fixture.init, 'getitimer', 0, RESULT);
    expect(read(fixture)).toEqual([6n * SECOND, 3n * SECOND]);
    fixture.pass(6n * SECOND - 1n);
    expect(handled(fixture, fixture.init)).toEqual([]);
    fixture.pass(1n);
    expect(handled(fixture, fixture.init)).toEqual([SIGALRM]);
    // Missed expirations are one; the next is where it would have been.
    fixture.pass(7n * SECOND);
    expect(handled(fixture, fixture.init)).toEqual([SIGALRM]);
    fixture.ok(fixture.init, 'setitimer', 0, 0n, 0n, RESULT);
    expect(read(fixture)).toEqual([2n * SECOND, 3n * SECOND]);
    fixture.ok(fixture.init, 'getitimer', 0, RESULT);
    expect(read(fixture)).toEqual([0n, 0n]);
    expect(fixture.kernel.scheduler.nextDeadlineNs()).toBeUndefined();
  });

  it('wake a machine that sleeps', () => {
    const fixture = new TreeFixture();
    handle(fixture, fixture.init, SIGALRM);
    fixture.ok(fixture.init, 'setitimer', 0, SECOND, 0n, 0);
    expect(fixture.as(fixture.main, 'sigsuspend', 0n)).toBe(PARKED);
    expect(fixture.kernel.scheduler.nextDeadlineNs()).toBe(fixture.kernel.clock.nowNs() + SECOND);
    fixture.clock.advance(SECOND);
    fixture.kernel.scheduler.expire(fixture.kernel.clock.nowNs());
    expect(fixture.kernel.scheduler.ready.has(fixture.main)).toBe(true);
    expect(fixture.kernel.scheduler.nextDeadlineNs()).toBeUndefined();
  });

  it('proc_raise_interval is the same timer for SIGALRM, and takes any other signal', () => {
    const fixture = new TreeFixture();
    for (const signal of [SIGALRM, SIGUSR1]) handle(fixture, fixture.init, signal);
    fixture.ok(fixture.init, 'setitimer', 0, 9n * SECOND, 0n, 0);
    fixture.ok(fixture.init, 'proc_raise_interval', SIGALRM, 2n * SECOND, 1);
    fixture.ok(fixture.init, 'proc_raise_interval', SIGUSR1, SECOND, 0);
    fixture.resume();
    fixture.ok(fixture.init, 'getitimer', 0, RESULT);
    expect(read(fixture)).toEqual([2n * SECOND, 2n * SECOND]);
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) {
      fixture.pass(SECOND);
      seen.push(...handled(fixture, fixture.init));
    }
    expect(seen).toEqual([SIGUSR1, SIGALRM, SIGALRM]);
    expect(fixture.errno(fixture.init, 'proc_raise_interval', 0, 1n, 0)).toBe(Errno.EINVAL);
  });

  it('ITIMER_VIRTUAL counts while the process runs', () => {
    const fixture = new TreeFixture();
    handle(fixture, fixture.init, SIGVTALRM);
    fixture.ok(fixture.init, 'setitimer', 1, SECOND, 0n, 0);
    fixture.as(fixture.main, 'thread_sleep', 5n * SECOND);
    expect(fixture.pass(5n * SECOND)).toEqual([[1, 0]]);
    expect(handled(fixture, fixture.init)).toEqual([]);
    fixture.pass(SECOND);
    expect(handled(fixture, fixture.init)).toEqual([SIGVTALRM]);
    expect(fixture.errno(fixture.init, 'setitimer', 3, 0n, 0n, 0)).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'getitimer', -1, RESULT)).toBe(Errno.EINVAL);
  });

  it('a time beyond all times is never reached', () => {
    const fixture = new TreeFixture();
    fixture.ok(fixture.init, 'setitimer', 0, -1n, -1n, 0);
    fixture.resume();
    expect(fixture.pass(10n ** 17n)).toEqual([]);
    expect(fixture.init.pending.set).toBe(0n);
  });
});

it('SIG_DFL after a handler is the default action again', () => {
  const fixture = new TreeFixture();
  const child = fixture.fork();
  handle(fixture, child, SIGTERM);
  fixture.ok(child, 'sigaction', SIGTERM, SIG_DFL, 0n, 0, 0);
  fixture.ok(child, 'kill', child.pid, SIGTERM);
  expect(fixture.deliver(child)).toEqual({ kind: 'ended' });
});
