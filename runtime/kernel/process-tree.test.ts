// The tree of processes: fork, exec, ends, stops, relations, and what an image may say of them.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { SIG_IGN, Signal, SignalCode, SignalFlags } from '../../abi/signals.ts';
import { WvmError } from '../base/wvm-error.ts';
import { Blocked } from './blocked.ts';
import type { KernelState } from './kernel.ts';
import type { ProcessState } from './process.ts';
import { bitOf } from './signals/signal-set.ts';
import { RESULT } from './testing/fixture.ts';
import { PARKED } from './testing/thread-fixture.ts';
import { TreeFixture, WNOHANG } from './testing/tree-fixture.ts';

const { SIGCHLD, SIGCONT, SIGHUP, SIGKILL, SIGSEGV, SIGSTOP, SIGTERM, SIGUSR1 } = Signal;

describe('ProcessTree.fork()', () => {
  it('copies what POSIX says, and only the calling thread', () => {
    const fixture = new TreeFixture({ args: ['/bin/prog', 'x'], env: { A: '1' } });
    const { init } = fixture;
    const caller = fixture.spawn();
    caller.name = 'worker';
    fixture.ok(init, 'sigaction', SIGUSR1, 77, 0n, 0, 0);
    caller.signals.mask = bitOf(SIGTERM);
    fixture.ok(init, 'kill', 1, SIGTERM);
    init.mainThread.signals.mask = bitOf(SIGTERM);
    fixture.ok(init, 'setitimer', 0, 5n, 0n, 0);
    const child = fixture.fork(init, caller);

    expect([child.pid, child.parentPid, child.pgid, child.sid]).toEqual([3, 1, 1, 1]);
    expect([child.args, child.env]).toEqual([['/bin/prog', 'x'], { A: '1' }]);
    expect([...child.threads.keys()]).toEqual([child.pid]);
    expect(child.mainThread.name).toBe('worker');
    expect(child.mainThread.signals.mask).toBe(bitOf(SIGTERM));
    expect(child.actions.get(SIGUSR1).handler).toBe(77);
    expect([child.pending.set, child.timers.size]).toEqual([0n, 0]);
    expect([init.pending.set, init.timers.size]).toEqual([bitOf(SIGTERM), 1]);
    expect(child.mainThread.call).toBeUndefined();
    expect([...fixture.kernel.scheduler.ready].at(-1)).toBe(child.mainThread);
    fixture.ok(init, 'sigaction', SIGUSR1, 78, 0n, 0, 0);
    expect(child.actions.get(SIGUSR1).handler).toBe(77);
  });

  it('V09 descriptors are copies that share the open files', () => {
    const fixture = new TreeFixture();
    const fd = fixture.open('file', 1);
    fixture.write(fd, 'abc');
    const child = fixture.fork();
    const { file } = child.fds.get(fd);
    expect(file).toBe(fixture.init.fds.get(fd).file);
    expect(file.refs).toBe(2);
    child.fds.close(fd);
    expect([file.refs, fixture.init.fds.get(fd).file]).toEqual([1, file]);
  });

  it('M12 pids are the same after a resume, and go on from there', () => {
    const fixture = new TreeFixture();
    const first = fixture.fork();
    const second = fixture.fork(first);
    fixture.exit(first);
    fixture.wait();
    const state = fixture.kernel.save();
    for (let copy = 0; copy < 3; copy++) {
      fixture.resume(state);
      expect(fixture.pids).toEqual([1, second.pid]);
      expect(fixture.process(second.pid).parentPid).toBe(1);
      expect(fixture.fork().pid).toBe(second.pid + 1);
    }
  });

  it('a child that the engine could not make has never been', () => {
    const fixture = new TreeFixture();
    const fd = fixture.open('file', 1);
    const child = fixture.fork();
    fixture.kernel.tree.abandon(child);
    expect(fixture.pids).toEqual([1]);
    expect(fixture.init.fds.get(fd).file.refs).toBe(1);
    expect([...fixture.kernel.scheduler.ready]).toEqual([fixture.init.mainThread]);
    expect(fixture.wait()).toBe(Errno.ECHILD);
    expect(fixture.init.pending.set).toBe(0n);
  });
});

describe('ProcessTree.commitExec()', () => {
  it('ends the other threads, makes the caller the main one, keeps what execve(2) keeps', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    const old = child.mainThread;
    const caller = child.addThread(fixture.kernel.allocateId() as typeof old.tid, old);
    fixture.kernel.scheduler.add(caller);
    fixture.ok(child, 'sigaction', SIGUSR1, 77, 0n, 0, 0);
    fixture.ok(child, 'sigaction', SIGHUP, SIG_IGN, 0n, 0, 0);
    fixture.ok(child, 'setitimer', 0, 5n, 0n, 0);
    fixture.ok(child, 'snapshot_forbid', ...fixture.text('why'));
    caller.signals.mask = bitOf(SIGTERM);
    old.signals.mask = bitOf(SIGTERM);
    fixture.ok(child, 'kill', child.pid, SIGTERM);
    caller.interrupted.push({ call: null, restart: null, savedMask: 0n });

    fixture.kernel.tree.commitExec(child, caller, ['/bin/a-very-long-program-name', 'x'], { B: '2' });
    expect([...child.threads]).toEqual([[child.pid, caller]]);
    expect([child.mainThread, caller.tid as number]).toEqual([caller, child.pid]);
    expect(fixture.kernel.scheduler.ready.has(old)).toBe(false);
    expect(fixture.endedThreads).toEqual([old.tid]);
    expect([child.args[1], child.env, caller.name]).toEqual(['x', { B: '2' }, 'a-very-long-pro']);
    expect([child.actions.get(SIGUSR1).handler, child.actions.get(SIGHUP).handler]).toEqual([0, SIG_IGN]);
    expect([child.pending.set, caller.signals.mask]).toEqual([bitOf(SIGTERM), bitOf(SIGTERM)]);
    expect([child.timers.size, caller.interrupted.length, child.forbidsSnapshot]).toEqual([1, 0, '']);
  });

  it('V14 close-on-exec descriptors are closed', () => {
    const fixture = new TreeFixture();
    const [kept, gone] = [fixture.open('a', 1), fixture.open('b', 1)];
    fixture.init.fds.get(gone).closesOnExec = true;
    fixture.kernel.tree.commitExec(fixture.init, fixture.main, ['p'], {});
    expect([fixture.init.fds.entries[kept] === undefined, fixture.init.fds.entries[gone]]).toEqual([false, undefined]);
  });

  it('F15 the environment is exactly what was given, and over a resume; passed-on host values are not in the image', () => {
    const fixture = new TreeFixture({ env: { TOKEN: 'secret', HOME: '/root' } });
    const child = fixture.fork();
    fixture.kernel.tree.commitExec(child, child.mainThread, ['p'], { Z: '1', TOKEN: 'secret', HOME: '/home' });
    const state = fixture.kernel.save();
    expect(JSON.stringify(state, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(
      'secret',
    );
    fixture.restore(state, { env: { EXTRA: 'x', TOKEN: 'other', HOME: '/root' } });
    expect(Object.entries(fixture.process(child.pid).env)).toEqual([
      ['Z', '1'],
      ['TOKEN', 'other'],
      ['HOME', '/home'],
    ]);
    expect(() => fixture.restore(state, { env: { HOME: '' } })).toThrow(/TOKEN is missing/);
  });
});

describe('ProcessTree.exit()', () => {
  const endings = [
    [{ status: 0 }, 0, 0],
    [{ status: 3 }, 3, 3 << 8],
    [{ status: 0x1_02 }, 0x102, 2 << 8],
    [{ signal: SIGKILL }, 128 + 9, 9],
    [{ signal: SIGSEGV, coreDumped: true }, 128 + 11, 11 | 0x80],
  ] as const;
  for (const [ending, status, encoded] of endings) {
    it(`M11 O07 a zombie keeps its exit status: ${JSON.stringify(ending)}`, () => {
      const fixture = new TreeFixture();
      fixture.ok(fixture.init, 'sigaction', SIGCHLD, 77, 0n, 0, 0);
      const child = fixture.fork();
      fixture.kernel.tree.exit(child, ending);
      const told = fixture.deliver(fixture.init);
      expect(told).toMatchObject({
        kind: 'handler',
        args: [SIGCHLD, 77, 0, expect.any(Number), child.pid, expect.any(Number)],
      });
      fixture.kernel.tree.handlerReturned(fixture.main);

      fixture.resume();
      expect(fixture.process(child.pid).end).toMatchObject({ status });
      expect(fixture.deliver(fixture.init)).toBeUndefined();
      expect(fixture.wait()).toEqual([child.pid, encoded]);
      expect(fixture.wait()).toBe(Errno.ECHILD);
      expect(fixture.pids).toEqual([1]);
    });
  }

  it('gives back everything and tells the engine', () => {
    const fixture = new TreeFixture();
    const fd = fixture.open('file', 1);
    const child = fixture.fork();
    const thread = child.addThread(fixture.kernel.allocateId() as typeof child.mainThread.tid);
    fixture.kernel.scheduler.add(thread);
    fixture.ok(child, 'setitimer', 0, 5n, 0n, 0);
    expect(fixture.as(thread, 'sigsuspend', 0n)).toBe(PARKED);
    fixture.exit(child, 1);
    expect(fixture.endedThreads).toEqual([child.pid, thread.tid]);
    expect(fixture.endedProcesses).toEqual([child.pid]);
    expect(fixture.kernel.scheduler.nextDeadlineNs()).toBeUndefined();
    expect([...fixture.kernel.scheduler.ready, ...fixture.kernel.scheduler.blocked]).toEqual([fixture.main]);
    expect(fixture.init.fds.get(fd).file.refs).toBe(1);
    fixture.exit(child, 2);
    expect(fixture.wait()).toEqual([child.pid, 1 << 8]);
  });

  it('tells a parent that waits', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    expect(fixture.wait()).toBe(PARKED);
    expect(fixture.waitAgain()).toBe(PARKED);
    fixture.resume();
    fixture.exit(fixture.process(child.pid), 5);
    expect(fixture.kernel.scheduler.ready.has(fixture.main)).toBe(true);
    expect(fixture.waitAgain()).toEqual([child.pid, 5 << 8]);
  });

  it('M11 orphans are children of init, zombies too, each told once', () => {
    const fixture = new TreeFixture();
    fixture.main.signals.mask = bitOf(SIGCHLD);
    const parent = fixture.fork();
    const [living, dead] = [fixture.fork(parent), fixture.fork(parent)];
    fixture.exit(dead, 4);
    expect(fixture.wait(fixture.init, dead.pid)).toBe(Errno.ECHILD);
    expect(fixture.wait(fixture.init, parent.pid)).toBe(PARKED);
    fixture.exit(parent);
    expect([living.parentPid, dead.parentPid]).toEqual([1, 1]);
    expect(fixture.waitAgain()).toEqual([parent.pid, 0]);
    expect(fixture.wait()).toEqual([dead.pid, 4 << 8]);
    expect(fixture.wait(fixture.init, -1, WNOHANG)).toEqual([0, 4 << 8]);
    fixture.exit(living);
    expect(fixture.wait()).toEqual([living.pid, 0]);
  });

  for (const [how, handler, flags] of [
    ['SIGCHLD ignored', SIG_IGN, 0],
    ['SA_NOCLDWAIT', 0, SignalFlags.SA_NOCLDWAIT],
  ] as const) {
    it(`leaves no zombie: ${how}`, () => {
      const fixture = new TreeFixture();
      fixture.ok(fixture.init, 'sigaction', SIGCHLD, handler, 0n, flags, 0);
      const parent = fixture.fork();
      const grandchild = fixture.fork(parent);
      fixture.ok(parent, 'sigaction', SIGCHLD, 0, 0n, 0, 0);
      fixture.exit(grandchild);
      expect(fixture.wait()).toBe(PARKED);
      fixture.exit(parent);
      // The orphan was a zombie of its parent, and is none of init's.
      expect(fixture.pids).toEqual([1]);
      expect(fixture.waitAgain()).toBe(Errno.ECHILD);
      expect(fixture.endedProcesses).toEqual([grandchild.pid, parent.pid]);
    });
  }

  it('process 1 takes all others along', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    const zombie = fixture.fork(child);
    fixture.exit(zombie);
    fixture.exit(fixture.init, 7);
    expect(fixture.pids).toEqual([1]);
    expect(fixture.init.end).toEqual({ status: 7, signal: 0, coreDumped: false });
    expect(fixture.endedProcesses.sort()).toEqual([1, child.pid, zombie.pid]);
    expect(fixture.kernel.scheduler.next()).toBeUndefined();
  });

  it('a trap is the signal that it would be on Linux', () => {
    const traps = [
      ['memory access out of bounds', 11],
      ['Maximum call stack size exceeded', 11],
      ['divide by zero', 8],
      ['remainder by zero', 8],
      ['float unrepresentable in integer range', 8],
      ['unreachable', 6],
      ['operation does not support unaligned accesses', 7],
      ['null function or function signature mismatch', 4],
      ['table index is out of bounds', 4],
    ] as const;
    for (const [message, signal] of traps) {
      const fixture = new TreeFixture();
      const child = fixture.fork();
      fixture.kernel.tree.trap(child, message);
      expect(fixture.wait(), message).toEqual([child.pid, signal]);
    }
  });
});

describe('ProcessTree.endThread()', () => {
  it('the last one ends the process; the main one may go first', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    const main = child.mainThread;
    const second = child.addThread(fixture.kernel.allocateId() as typeof main.tid);
    fixture.kernel.scheduler.add(second);
    fixture.kernel.tree.endThread(main);
    expect(child.isZombie).toBe(false);
    fixture.resume();
    const copy = fixture.process(child.pid);
    fixture.kernel.tree.endThread(copy.threads.get(second.tid)!, 9);
    expect(fixture.wait()).toEqual([child.pid, 9 << 8]);
  });

  it('leaves its process the signals that it did not take', () => {
    const fixture = new TreeFixture();
    const other = fixture.spawn();
    expect(fixture.as(other, 'sigsuspend', 0n)).toBe(PARKED);
    fixture.ok(fixture.init, 'sigaction', SIGUSR1, 5, 0n, 0, 0);
    fixture.ok(fixture.init, 'kill', 1, SIGUSR1);
    expect(fixture.kernel.scheduler.blocked.has(other)).toBe(true);
    fixture.kernel.tree.endThread(fixture.main);
    expect(fixture.kernel.scheduler.ready.has(other)).toBe(true);
  });
});

describe('stopped processes', () => {
  it('M11 do not run, over a resume, until they are continued', () => {
    const fixture = new TreeFixture();
    const child = fixture.fork();
    fixture.ok(fixture.init, 'kill', child.pid, SIGSTOP);
    expect(fixture.deliver(child)).toEqual({ kind: 'stopped' });
    expect(fixture.kernel.scheduler.ready.has(child.mainThread)).toBe(false);
    fixture.resume();
    const copy = fixture.process(child.pid);
    expect([copy.isStopped, fixture.kernel.scheduler.ready.has(copy.mainThread)]).toEqual([true, false]);
    fixture.ok(fixture.init, 'kill', child.pid, SIGCONT);
    expect(fixture.kernel.scheduler.ready.has(copy.mainThread)).toBe(true);
    expect(fixture.deliver(copy)).toBeUndefined();
  });

  it('in a group that nobody can continue any more are told so: SIGHUP, SIGCONT', () => {
    const fixture = new TreeFixture();
    const shell = fixture.fork();
    const job = fixture.fork(shell);
    fixture.ok(shell, 'setsid', RESULT);
    job.sid = shell.sid;
    fixture.ok(job, 'setpgid', 0, 0);
    fixture.ok(shell, 'kill', job.pid, SIGSTOP);
    fixture.deliver(job);
    fixture.exit(shell);
    expect([job.isStopped, job.pending.set]).toEqual([false, bitOf(SIGHUP)]);
    expect(fixture.deliver(job)).toEqual({ kind: 'ended' });
  });

  it('are told nothing when another one of their group ends', () => {
    const fixture = new TreeFixture();
    const [stopped, other] = [fixture.fork(), fixture.fork()];
    fixture.kernel.tree.stop(stopped, SIGSTOP);
    fixture.exit(other);
    expect([stopped.isStopped, stopped.pending.set, fixture.init.pending.set]).toEqual([true, 0n, 0n]);
  });
});

describe('snapshot_forbid', () => {
  it('M19 refuses the image with process and reason, until it is taken back', () => {
    const fixture = new TreeFixture({ args: ['editor'] });
    const child = fixture.fork();
    fixture.ok(child, 'snapshot_forbid', ...fixture.text('a device is open'));
    expect(() => fixture.kernel.save()).toThrow(/process 2 \(editor\).*a device is open/);
    fixture.ok(child, 'snapshot_forbid', ...fixture.text(''));
    fixture.resume();
    fixture.ok(fixture.process(child.pid), 'snapshot_forbid', ...fixture.text('again'));
    fixture.exit(fixture.process(child.pid));
    fixture.resume();
  });
});

describe('records of trees', () => {
  function sample(): KernelState {
    const fixture = new TreeFixture();
    const [parent, zombie] = [fixture.fork(), fixture.fork()];
    const grandchild = fixture.fork(parent);
    fixture.ok(grandchild, 'setsid', RESULT);
    fixture.exit(zombie, 1);
    fixture.ok(fixture.init, 'sigaction', SIGUSR1, 7, 3n, 0, 0);
    parent.mainThread.signals.mask = bitOf(SIGUSR1);
    fixture.ok(fixture.init, 'kill', parent.pid, SIGUSR1);
    fixture.ok(fixture.init, 'setitimer', 0, 5n, 6n, 0);
    fixture.main.block('wvm', 'sigsuspend', [0n], new Blocked([]));
    fixture.kernel.scheduler.block(fixture.main);
    return structuredClone(fixture.kernel.save());
  }

  type Loose = Record<string, unknown>;
  const [INIT, PARENT, ZOMBIE, GRANDCHILD] = [0, 1, 2, 3];
  const damages: Record<string, (processes: (ProcessState & Loose)[], state: Loose) => void> = {
    'no process 1': (processes) => processes.splice(INIT, 1),
    'a pid twice': (processes) => Object.assign(processes[PARENT]!, { pid: 1 }),
    'a parent that is not there': (processes) => Object.assign(processes[GRANDCHILD]!, { parentPid: 77 }),
    'a process that is its own parent': (processes) => Object.assign(processes[PARENT]!, { parentPid: 2 }),
    'a cycle': (processes) => Object.assign(processes[PARENT]!, { parentPid: 4 }),
    'a zombie with a child': (processes) => Object.assign(processes[GRANDCHILD]!, { parentPid: 3 }),
    'a parent of process 1': (processes) => Object.assign(processes[INIT]!, { parentPid: 2 }),
    'process 1 has ended': (processes) => Object.assign(processes[INIT]!, { end: processes[ZOMBIE]!.end }),
    'a zombie with threads': (processes) => Object.assign(processes[ZOMBIE]!, { threads: processes[PARENT]!.threads }),
    'a zombie that is stopped': (processes) => Object.assign(processes[ZOMBIE]!, { isStopped: true, stopSignal: 19 }),
    'a living process without threads': (processes) => Object.assign(processes[PARENT]!, { threads: [] }),
    'a tid twice': (processes) => Object.assign(processes[PARENT]!.threads[0]!, { tid: 4 }),
    'a negative pid': (processes) => Object.assign(processes[PARENT]!, { pid: -2 }),
    'a huge pid': (processes) => Object.assign(processes[PARENT]!, { pid: 2 ** 53 }),
    'a group in two sessions': (processes) => Object.assign(processes[PARENT]!, { pgid: 4 }),
    'a session leader in another group': (processes) => Object.assign(processes[GRANDCHILD]!, { pgid: 1 }),
    'an exit status that is none': (processes) =>
      Object.assign(processes[ZOMBIE]!, { end: { status: -1, signal: 0, coreDumped: false } }),
    'an unknown change': (processes) => Object.assign(processes[PARENT]!, { stateChange: 'ended' }),
    'stopped by nothing': (processes) => Object.assign(processes[PARENT]!, { isStopped: true }),
    'a forbidden image': (processes) => Object.assign(processes[PARENT]!, { forbidsSnapshot: 'x' }),
    'an action of SIGKILL': (processes) => Object.assign(processes[INIT]!.actions.actions[0]!, { signal: 9 }),
    'a mask with SIGSTOP': (processes) =>
      Object.assign(processes[PARENT]!.threads[0]!.signals, { mask: bitOf(SIGSTOP) }),
    'a pending signal twice': (processes) =>
      Object.assign(processes[PARENT]!, { pending: [...processes[PARENT]!.pending, ...processes[PARENT]!.pending] }),
    'signal 65': (processes) => Object.assign(processes[PARENT]!.pending[0]!, { signal: 65 }),
    'a timer without a clock': (processes) => Object.assign(processes[INIT]!.timers[0]!, { clock: 'moon' }),
    'a timer in the past of time': (processes) => Object.assign(processes[INIT]!.timers[0]!, { deadlineNs: -1n }),
    'values of the command line': (processes) => Object.assign(processes[INIT]!, { envNames: ['A'], envValues: ['1'] }),
    'more names than values': (processes) => Object.assign(processes[INIT]!, { envNames: ['A'] }),
    'a name that is none': (processes) =>
      Object.assign(processes[PARENT]!, { hasOwnEnv: true, envNames: ['A=B'], envValues: ['1'] }),
    'a name of 16 characters': (processes) => Object.assign(processes[PARENT]!.threads[0]!, { name: 'x'.repeat(16) }),
    'a record of a handler that is none': (processes) =>
      Object.assign(processes[PARENT]!.threads[0]!, { interrupted: [{ call: null, restart: {}, savedMask: 0n }] }),
    'processes that are no list': (_, state) => Object.assign(state, { processes: { length: 1e9 } }),
    'a mapped program without a name': (_, state) => Object.assign(state, { programs: [''] }),
  };
  for (const [name, damage] of Object.entries(damages)) {
    it(`M06 M07 F11 are refused: ${name}`, () => {
      const fixture = new TreeFixture();
      const state = sample();
      fixture.restore(structuredClone(state));
      damage(state.processes as (ProcessState & Loose)[], state as unknown as Loose);
      let thrown: unknown;
      try {
        fixture.restore(state);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(WvmError);
      expect((thrown as WvmError).code).toBe('WVM_IMAGE_BAD_RECORD');
    });
  }

  it('M05 the root comes first, the others in the order in which they were made', () => {
    expect(sample().processes.map(({ pid, parentPid }) => [pid, parentPid])).toEqual([
      [1, 0],
      [2, 1],
      [3, 1],
      [4, 2],
    ]);
  });

  it('F04 the same state gives the same record', () => {
    expect(sample()).toEqual(sample());
  });

  it('SIGCHLD says how', () => {
    const fixture = new TreeFixture();
    fixture.ok(fixture.init, 'sigaction', SIGCHLD, 5, 0n, 0, 0);
    const child = fixture.fork();
    fixture.kernel.tree.killProcess(child);
    expect(fixture.deliver(fixture.init)).toMatchObject({
      args: [SIGCHLD, 5, 0, SignalCode.CLD_KILLED, child.pid, SIGKILL],
    });
  });
});
