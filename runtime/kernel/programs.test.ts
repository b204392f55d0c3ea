// Running programs: finding them, exec, and spawn with its changes to the child.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { SIG_DFL, SIG_IGN, Signal } from '../../abi/signals.ts';
import { OFLAGS_CREAT, OFLAGS_DIRECTORY, OFLAGS_TRUNC, Rights } from '../../abi/wasi-preview1.ts';
import { OPTION_FD, PROCESS_HANDLES, SPAWN_FD_OP, SpawnFdCommand, StdioMode } from '../../abi/wasix.ts';
import { ExecWanted, Exited, Spawned } from './blocked.ts';
import { NullFile } from './null-file.ts';
import { RESULT, ROOT } from './testing/fixture.ts';
import type { Outcome } from './testing/thread-fixture.ts';
import { TreeFixture } from './testing/tree-fixture.ts';

const MODULE = '\0asm\u0001\0\0\0';
const { SIGINT, SIGTERM, SIGUSR1 } = Signal;

/** A machine with /bin/tool, /bin/script, /bin/only/tool2 and the mapped programs `sh` and `/opt/x`. */
function machine(env: Readonly<Record<string, string>> = {}): TreeFixture {
  const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
  const programs = new Map([
    ['sh', bytes(`${MODULE}sh`)],
    ['/opt/x', bytes(`${MODULE}x`)],
  ]);
  const fixture = new TreeFixture({ env, programs });
  for (const path of ['bin', 'bin/only'])
    fixture.ok(fixture.init, 'path_create_directory', ROOT, ...fixture.text(path));
  for (const [path, text] of [
    ['bin/tool', `${MODULE}tool`],
    ['bin/script', '#!/bin/sh\n'],
    ['bin/empty', ''],
    ['bin/only/tool2', `${MODULE}tool2`],
  ] as const) {
    const fd = fixture.open(path, OFLAGS_CREAT);
    fixture.write(fd, text);
    fixture.call('fd_close', fd);
  }
  return fixture;
}

interface ExecOptions {
  readonly args?: string;
  readonly envs?: string;
  readonly search?: string;
}

function exec(fixture: TreeFixture, name: string, options: ExecOptions = {}): Outcome {
  const { args = name, envs = '', search } = options;
  const strings = [name, args, envs].flatMap((text) => fixture.text(text));
  const path = fixture.text(search ?? '');
  return fixture.as(fixture.main, 'proc_exec3', ...strings, search === undefined ? 0 : 1, ...path);
}

/** What is behind the magic number of the program that would run; the errno if none. */
function found(fixture: TreeFixture, name: string, options: ExecOptions = {}): unknown {
  const outcome = exec(fixture, name, options);
  if (!(outcome instanceof ExecWanted)) return outcome;
  return String.fromCharCode(...outcome.program.bytes.subarray(MODULE.length));
}

describe('finding a program', () => {
  it('by path: absolute, or from the working directory', () => {
    const fixture = machine();
    expect(found(fixture, '/bin/tool')).toBe('tool');
    expect(found(fixture, 'bin/../bin/tool')).toBe('tool');
    expect(found(fixture, 'tool')).toBe(Errno.ENOENT);
    fixture.ok(fixture.init, 'chdir', ...fixture.text('/bin'));
    expect(found(fixture, 'tool')).toBe('tool');
    expect(found(fixture, './tool')).toBe('tool');
  });

  it('by a mapped name, before any file', () => {
    const fixture = machine();
    expect(found(fixture, 'sh')).toBe('sh');
    expect(found(fixture, 'sh', { search: '/bin' })).toBe('sh');
    expect(found(fixture, '/opt/x')).toBe('x');
    expect(found(fixture, 'x', { search: '/bin:/opt' })).toBe('x');
  });

  it('by a search path: the one given, PATH, or the usual one', () => {
    expect(found(machine(), 'tool2', { search: '/none:/bin/only/:/bin' })).toBe('tool2');
    expect(found(machine({ PATH: '/bin/only' }), 'tool2', { search: '' })).toBe('tool2');
    expect(found(machine({ PATH: '/bin/only' }), 'tool', { search: '' })).toBe(Errno.ENOENT);
    expect(found(machine(), 'tool', { search: '' })).toBe('tool');
    expect(found(machine(), 'bin/tool', { search: '/none' })).toBe('tool');
    const fixture = machine();
    fixture.ok(fixture.init, 'chdir', ...fixture.text('/bin'));
    expect(found(fixture, 'tool', { search: ':/none' })).toBe('tool');
    // A directory of that name is no program, but another directory may have one.
    expect(found(fixture, 'only', { search: '/bin' })).toBe(Errno.EACCES);
  });

  it('refuses what is none: ENOENT, EACCES, ENOEXEC', () => {
    const fixture = machine();
    expect(found(fixture, '')).toBe(Errno.ENOENT);
    expect(found(fixture, '/none')).toBe(Errno.ENOENT);
    expect(found(fixture, '/bin/tool/x')).toBe(Errno.ENOTDIR);
    expect(found(fixture, '/bin')).toBe(Errno.EACCES);
    expect(found(fixture, '/bin/script')).toBe(Errno.ENOEXEC);
    expect(found(fixture, '/bin/empty')).toBe(Errno.ENOEXEC);
    expect(fixture.as(fixture.main, 'proc_exec3', 1 << 20, 1, 0, 0, 0, 0, 0, 0, 0)).toBe(Errno.EFAULT);
  });

  it('M10 a process without the directory cannot run what is in it', () => {
    const fixture = machine();
    fixture.call('fd_close', ROOT);
    expect(found(fixture, '/bin/tool')).toBe(Errno.ENOENT);
    expect(found(fixture, 'sh')).toBe('sh');
  });

  it('F14 mapped names must be mapped again at a resume', () => {
    const fixture = machine();
    const state = fixture.kernel.save();
    expect(() => fixture.restore(state, { programs: new Map([['sh', new Uint8Array(0)]]) })).toThrow(
      /program \/opt\/x is missing/,
    );
    fixture.restore(state, { programs: fixture.kernel.programs });
    expect(found(fixture, 'sh')).toBe('sh');
  });
});

describe("wvm's exec and spawn", () => {
  /** C's array of strings. */
  const list = (fixture: TreeFixture, ...texts: string[]): number => {
    const addresses = [...texts.map((text) => fixture.text(`${text}\0`)[0]), 0];
    return fixture.put(new Uint8Array(Uint32Array.from(addresses).buffer));
  };

  it('take strings that hold line feeds, and empty ones', () => {
    const fixture = machine({ HOME: '/' });
    const argv = list(fixture, 'sh', 'two\nlines', '');
    const envp = list(fixture, 'A=1\n2', 'odd');
    expect(fixture.as(fixture.main, 'exec', ...fixture.text('sh'), argv, envp, 0)).toMatchObject({
      args: ['sh', 'two\nlines', ''],
      env: { A: '1\n2' },
    });
    expect(fixture.as(fixture.main, 'exec', ...fixture.text('sh'), 0, 0, 0)).toMatchObject({
      args: [],
      env: { HOME: '/' },
    });
    const spawned = fixture.as(fixture.main, 'spawn', ...fixture.text('sh'), argv, 0, 0, 0, 0, RESULT);
    expect(spawned).toBeInstanceOf(Spawned);
    expect((spawned as Spawned).child.args).toEqual(['sh', 'two\nlines', '']);
    expect(fixture.u32()).toBe((spawned as Spawned).child.pid);
  });

  it('search the given directories, or those of PATH', () => {
    const fixture = machine({ PATH: '/bin/only' });
    const run = (name: string, path: number): unknown =>
      fixture.as(fixture.main, 'exec', ...fixture.text(name), 0, 0, path);
    expect(run('tool', fixture.text('/none:/bin\0')[0])).toBeInstanceOf(ExecWanted);
    expect(run('tool2', fixture.text('\0')[0])).toBeInstanceOf(ExecWanted);
    expect(run('tool', fixture.text('\0')[0])).toBe(Errno.ENOENT);
    expect(run('tool', 0)).toBe(Errno.ENOENT);
  });

  it('refuse lists outside of memory: EFAULT', () => {
    const fixture = machine();
    const size = fixture.memory.bytes.length;
    const bad = fixture.put(new Uint8Array(Uint32Array.of(size + 4, 0).buffer));
    const endless = size - 4;
    fixture.memory.bytes.fill(1, endless);
    const unended = fixture.put(new Uint8Array(Uint32Array.of(endless, 0).buffer));
    for (const argv of [-4, size, bad, unended]) {
      expect(fixture.as(fixture.main, 'exec', ...fixture.text('sh'), argv, 0, 0)).toBe(Errno.EFAULT);
    }
  });
});

describe('proc_exec', () => {
  it('takes lists with line feeds', () => {
    const fixture = machine();
    expect(exec(fixture, 'sh', { args: 'sh\n-c\n\nls', envs: 'A=1\nB=\nC=x=y\nnothing\n=odd' })).toMatchObject({
      args: ['sh', '-c', '', 'ls'],
      env: { A: '1', B: '', C: 'x=y' },
    });
    expect(exec(fixture, 'sh', { args: '' })).toMatchObject({ args: [], env: {} });
    expect(exec(fixture, 'sh', { args: 'a\0b' })).toBe(Errno.EINVAL);
  });

  it('without an environment passes on its own; if it cannot, the process ends, for there is nobody to tell', () => {
    const fixture = machine({ A: '1' });
    const old = (name: string): Outcome =>
      fixture.as(fixture.main, 'proc_exec', ...fixture.text(name), ...fixture.text('a\nb'));
    expect(old('sh')).toMatchObject({ args: ['a', 'b'], env: { A: '1' } });
    expect(old('/none')).toEqual(new Exited(127));
    expect(old('/bin/script')).toEqual(new Exited(126));
    const second = fixture.as(fixture.main, 'proc_exec2', ...fixture.text('sh'), 0, 0, ...fixture.text('B=2'));
    expect(second).toMatchObject({ args: [], env: { B: '2' } });
  });
});

interface Operation {
  readonly command: number;
  readonly fd?: number;
  readonly source?: number;
  readonly path?: string;
  readonly oflags?: number;
  readonly cloexec?: boolean;
}

function spawn(
  fixture: TreeFixture,
  name: string,
  operations: readonly Operation[] = [],
  signals: number[] = [],
): Outcome {
  const addr = fixture.put(new Uint8Array(operations.length * SPAWN_FD_OP.size));
  const { view, bytes } = fixture.memory;
  for (const [index, { command, fd = 0, source = 0, path = '', oflags = 0, cloexec = false }] of operations.entries()) {
    const at = addr + index * SPAWN_FD_OP.size;
    const [pathAddr, pathSize] = fixture.text(path);
    bytes[at + SPAWN_FD_OP.command] = command;
    view.setUint32(at + SPAWN_FD_OP.fd, fd, true);
    view.setUint32(at + SPAWN_FD_OP.sourceFd, source, true);
    view.setUint32(at + SPAWN_FD_OP.path, pathAddr, true);
    view.setUint32(at + SPAWN_FD_OP.pathLen, pathSize, true);
    view.setUint16(at + SPAWN_FD_OP.oflags, oflags, true);
    view.setBigUint64(at + SPAWN_FD_OP.rightsBase, 0xffff_ffffn, true);
    view.setUint16(at + SPAWN_FD_OP.fdflagsext, cloexec ? 1 : 0, true);
  }
  const dispositions = fixture.put(Uint8Array.from(signals));
  return fixture.as(
    fixture.main,
    'proc_spawn2',
    ...fixture.text(name),
    ...fixture.text(`${name}\nx`),
    ...fixture.text('E=1'),
    addr,
    operations.length,
    dispositions,
    signals.length / 2,
    1,
    ...fixture.text('/bin'),
    RESULT,
  );
}

describe('proc_spawn2', () => {
  it('makes a child with program, arguments, environment, and tells its pid', () => {
    const fixture = machine();
    fixture.ok(fixture.init, 'sigaction', SIGUSR1, 77, 0n, 0, 0);
    const spawned = spawn(fixture, 'tool') as Spawned;
    expect(spawned).toBeInstanceOf(Spawned);
    const { child, value, program } = spawned;
    expect([value, fixture.u32(), program.name]).toEqual([0, child.pid, '/bin/tool']);
    expect([child.args, child.env, child.parentPid, child.mainThread.name]).toEqual([
      ['tool', 'x'],
      { E: '1' },
      1,
      'tool',
    ]);
    expect(child.actions.get(SIGUSR1).handler).toBe(SIG_DFL);
    fixture.resume(fixture.kernel.save(), { programs: fixture.kernel.programs });
    expect(fixture.errno(fixture.init, 'setpgid', child.pid, 0)).toBe(Errno.EACCES);
  });

  it('V14 does the operations in their order, then closes what does not survive an exec', () => {
    const fixture = machine();
    const fd = fixture.open('kept', OFLAGS_CREAT);
    const marked = fixture.open('marked', OFLAGS_CREAT);
    fixture.init.fds.get(marked).closesOnExec = true;
    const { child } = spawn(fixture, 'tool', [
      { command: SpawnFdCommand.OPEN, fd: 20, path: 'out', oflags: OFLAGS_CREAT | OFLAGS_TRUNC },
      { command: SpawnFdCommand.DUP2, fd: 1, source: 20 },
      { command: SpawnFdCommand.CLOSE, fd: 20 },
      { command: SpawnFdCommand.OPEN, fd: 21, path: '/bin/tool', cloexec: true },
      { command: SpawnFdCommand.DUP2, fd, source: fd },
    ]) as Spawned;
    expect(child.fds.get(1).file.refs).toBe(1);
    expect([20, 21, marked].map((number) => child.fds.entries[number])).toEqual([undefined, undefined, undefined]);
    expect(child.fds.get(fd).file).toBe(fixture.init.fds.get(fd).file);
    expect(fixture.init.fds.get(marked).file.refs).toBe(1);
    expect([...fixture.files.root.entries!.keys()]).toContain('out');
  });

  it('changes the directory before it looks for the program', () => {
    const fixture = machine();
    const bin = fixture.open('bin', OFLAGS_DIRECTORY, { rights: BigInt(Rights.FD_READDIR) });
    const at = (operation: Operation): Spawned => spawn(fixture, './tool', [operation]) as Spawned;
    expect(spawn(fixture, './tool')).toBe(Errno.ENOENT);
    expect(at({ command: SpawnFdCommand.CHDIR, path: 'bin' }).child.workingDirectory).toBe('/bin');
    expect(at({ command: SpawnFdCommand.FCHDIR, fd: bin }).child.workingDirectory).toBe('/bin');
    expect(fixture.init.workingDirectory).toBe('/');
  });

  it('sets signals to default or ignored', () => {
    const fixture = machine();
    fixture.ok(fixture.init, 'sigaction', SIGTERM, SIG_IGN, 0n, 0, 0);
    const { child } = spawn(fixture, 'tool', [], [SIGINT, 1, SIGTERM, 0]) as Spawned;
    expect([child.actions.get(SIGINT).handler, child.actions.get(SIGTERM).handler]).toEqual([SIG_IGN, SIG_DFL]);
  });

  it('that fails leaves no child and no open file', () => {
    const fixture = machine();
    const before = { ...fixture.kernel.save(), lastId: 0 };
    const bad: [number, readonly Operation[], number[]?][] = [
      [Errno.EBADF, [{ command: SpawnFdCommand.CLOSE, fd: 99 }]],
      [Errno.EBADF, [{ command: SpawnFdCommand.DUP2, fd: 1, source: 99 }]],
      [Errno.EBADF, [{ command: SpawnFdCommand.DUP2, fd: -1, source: 1 }]],
      [Errno.ENOENT, [{ command: SpawnFdCommand.OPEN, fd: 1, path: 'none' }]],
      [Errno.ENOTDIR, [{ command: SpawnFdCommand.CHDIR, path: 'bin/tool' }]],
      [Errno.ENOTDIR, [{ command: SpawnFdCommand.FCHDIR, fd: 1 }]],
      [Errno.EINVAL, [{ command: 9 }]],
      [Errno.EINVAL, [], [9, 1]],
      [Errno.EINVAL, [], [2, 2]],
      [Errno.ENOENT, [{ command: SpawnFdCommand.CLOSE, fd: ROOT }]],
    ];
    for (const [errno, operations, signals] of bad) expect(spawn(fixture, 'tool', operations, signals)).toBe(errno);
    expect(fixture.pids).toEqual([1]);
    expect({ ...fixture.kernel.save(), lastId: 0 }).toEqual(before);
  });
});

describe('proc_spawn', () => {
  function spawn1(
    fixture: TreeFixture,
    modes: readonly number[],
    { preopens = '', chroot = 0, directory = '' } = {},
  ): Outcome {
    const [name, args] = [fixture.text('tool'), fixture.text('tool')];
    const rest = [...fixture.text(preopens), ...modes, ...fixture.text(directory)];
    return fixture.as(fixture.main, 'proc_spawn', ...name, chroot, ...args, ...rest, RESULT);
  }
  const { PIPED, INHERIT, NULL } = StdioMode;

  it('connects standard streams by pipes, to nothing, or to those of the parent', () => {
    const fixture = machine({ PATH: '/bin' });
    const { child } = spawn1(fixture, [PIPED, PIPED, NULL]) as Spawned;
    expect(fixture.u32(RESULT + PROCESS_HANDLES.pid)).toBe(child.pid);
    const handle = (at: number): number =>
      fixture.memory.bytes[RESULT + at] === 1 ? fixture.u32(RESULT + at + OPTION_FD.fd) : -1;
    const [input, output] = [handle(PROCESS_HANDLES.stdin), handle(PROCESS_HANDLES.stdout)];
    expect(handle(PROCESS_HANDLES.stderr)).toBe(-1);
    expect(child.fds.get(2).file).toBeInstanceOf(NullFile);
    expect([child.fds.get(0).file.canRead, child.fds.get(1).file.canWrite]).toEqual([true, true]);
    expect(fixture.write(input, 'to the child')).toBe(12);
    child.fds.get(1).file.write(Uint8Array.of(79, 75));
    fixture.resume(fixture.kernel.save(), { programs: fixture.kernel.programs, env: { PATH: '/bin' } });
    expect(fixture.read(output, 9)).toBe('OK');
    const buffer = new Uint8Array(20);
    expect(fixture.process(child.pid).fds.get(0).file.read(buffer)).toBe(12);
    expect(fixture.process(child.pid).fds.get(2).file.write(buffer)).toBe(20);
  });

  it('abandoned by the engine leaves nothing in the parent', () => {
    const fixture = machine({ PATH: '/bin' });
    const before = { ...fixture.kernel.save(), lastId: 0, lastInode: 0 };
    fixture.kernel.tree.abandon((spawn1(fixture, [PIPED, PIPED, PIPED]) as Spawned).child);
    expect({ ...fixture.kernel.save(), lastId: 0, lastInode: 0 }).toEqual(before);
  });

  it('keeps the preopened directories that are named, changes the directory, refuses what it cannot do', () => {
    const fixture = machine({ PATH: '/bin' });
    const plain = [INHERIT, INHERIT, StdioMode.LOG];
    const { child } = spawn1(fixture, plain, { preopens: '/', directory: '/bin' }) as Spawned;
    expect([child.workingDirectory, child.fds.get(1).file]).toEqual(['/bin', fixture.init.fds.get(1).file]);
    expect(spawn1(fixture, plain, { preopens: '/none' })).toBe(Errno.ENOENT);
    expect(spawn1(fixture, plain, { chroot: 1 })).toBe(Errno.ENOTSUP);
    expect(spawn1(fixture, [4, 0, 0])).toBe(Errno.EINVAL);
    expect(fixture.pids).toEqual([1, child.pid]);
  });
});
