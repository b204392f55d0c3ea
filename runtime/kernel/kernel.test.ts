// Saving a kernel and building it again: everything is there, or nothing happens.

import { describe, expect, it } from 'vitest';
import { FDFLAGS_APPEND, FDFLAGS_NONBLOCK, OFLAGS_CREAT, OFLAGS_DIRECTORY } from '../../abi/wasi-preview1.ts';
import { WvmError } from '../base/wvm-error.ts';
import { Blocked } from './blocked.ts';
import { Kernel, type KernelState } from './kernel.ts';
import { Fixture, RESULT, ROOT } from './testing/fixture.ts';

/** A machine with something of everything. */
function busy(): Fixture {
  const fixture = new Fixture({ seed: 3n, args: ['prog', 'x'], env: { HOME: '/' } });
  fixture.files.putDirectory('dir');
  fixture.files.putFile('dir/log', 'one\n');
  const log = fixture.open('dir/log', 0, { fdflags: FDFLAGS_APPEND });
  fixture.write(log, 'two\n');
  const data = fixture.open('data', OFLAGS_CREAT);
  fixture.write(data, '0123456789');
  fixture.call('fd_seek', data, 4n, 0, RESULT);
  const dir = fixture.open('dir', OFLAGS_DIRECTORY, { rights: 0xffff_ffbfn });
  fixture.call('fd_readdir', dir, 4096, 30, 0n, RESULT);
  fixture.call('fd_fdstat_set_flags', 0, FDFLAGS_NONBLOCK);
  fixture.call('fd_close', 2);
  fixture.call('random_get', 4096, 9);
  fixture.call('clock_time_get', 1, 0n, RESULT);
  fixture.kernel.current.block('wasi_snapshot_preview1', 'fd_read', [0, 8, 1, 16], new Blocked([], { doneBytes: 3 }));
  return fixture;
}

const RESUME = { env: { HOME: '/' } };

function codeOf(action: () => unknown): { code: string; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof WvmError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 'none', message: '' };
}

describe('Kernel.save() and Kernel.restore()', () => {
  it('the state of a restored kernel is the same state', () => {
    const fixture = busy();
    const state = fixture.kernel.save();
    fixture.restore(structuredClone(state), RESUME);
    expect(fixture.kernel.save()).toEqual(state);
  });

  it('saving changes nothing', () => {
    const fixture = busy();
    const state = fixture.kernel.save();
    expect(fixture.kernel.save()).toEqual(state);
  });

  it('files go on at their offsets, with flags and rights', () => {
    const fixture = busy();
    fixture.restore(fixture.kernel.save(), RESUME);
    fixture.kernel.current.unblock();
    expect(fixture.read(5, 3)).toBe('456');
    expect(fixture.write(4, 'three\n')).toBe(6);
    expect(String.fromCharCode(...fixture.files.find('dir/log').data)).toBe('one\ntwo\nthree\n');
    expect(fixture.open('x', OFLAGS_CREAT)).toBe(2);
  });

  it('descriptors that share an open file still do', () => {
    const fixture = busy();
    const { fds } = fixture.kernel.init;
    fds.add(fds.get(5));
    fixture.restore(fixture.kernel.save(), RESUME);
    const again = fixture.kernel.init.fds;
    expect(again.get(2).file).toBe(again.get(5).file);
    expect(again.get(5).file.refs).toBe(2);
  });

  it('machine time goes on without a jump', () => {
    const fixture = new Fixture();
    const now = fixture.kernel.clock.nowNs();
    const state = fixture.kernel.save();
    fixture.clock.nowNs = 3n;
    fixture.restore(state);
    expect(fixture.kernel.clock.nowNs()).toBe(now);
    fixture.clock.advance(5n);
    expect(fixture.kernel.clock.nowNs()).toBe(now + 5n);
  });

  it('an open file is found again after renames through the kernel', () => {
    const fixture = busy();
    const rename = (from: string, to: string) =>
      fixture.call('path_rename', ROOT, ...fixture.text(from), ROOT, ...fixture.text(to));
    expect(rename('dir/log', 'dir/old')).toBe(0);
    expect(rename('dir', 'moved')).toBe(0);
    const state = fixture.kernel.save();
    expect(state.openFiles.map((file) => (file.kind === 'stream' ? file.stream : file.path))).toEqual([
      0,
      1,
      '',
      'moved/old',
      'data',
      'moved',
    ]);
    fixture.restore(state, RESUME);
    expect(fixture.write(4, 'x')).toBe(1);
  });

  it('a file whose name was removed or replaced cannot be saved, and the machine goes on', () => {
    for (const remove of [
      (fixture: Fixture) => fixture.call('path_unlink_file', ROOT, ...fixture.text('data')),
      (fixture: Fixture) => {
        fixture.files.putFile('other');
        return fixture.call('path_rename', ROOT, ...fixture.text('other'), ROOT, ...fixture.text('data'));
      },
    ]) {
      const fixture = busy();
      expect(remove(fixture)).toBe(0);
      expect(codeOf(() => fixture.kernel.save()).code).toBe('WVM_SNAPSHOT_UNSUPPORTED');
      expect(fixture.read(5, 2)).toBe('45');
      fixture.call('fd_close', 5);
      expect(codeOf(() => fixture.kernel.save()).code).toBe('none');
    }
  });

  it('close() gives every handle back but those of the grants', () => {
    const fixture = busy();
    fixture.kernel.close();
    expect(fixture.files.openCount).toBe(1);
  });
});

describe('Kernel.restore() refuses', () => {
  /** Restores and tells the error; nothing stays open. */
  function refusal(fixture: Fixture, state: KernelState, options = {}): { code: string; message: string } {
    const before = fixture.files.openCount;
    const result = codeOf(() =>
      Kernel.restore(fixture.ports, { grants: fixture.grants, ...RESUME, ...options }, state),
    );
    if (result.code !== 'none') expect(fixture.files.openCount).toBe(before);
    return result;
  }

  it('a missing directory, by its guest path', () => {
    const fixture = busy();
    const { code, message } = refusal(fixture, fixture.kernel.save(), { grants: [] });
    expect(code).toBe('WVM_CAPABILITY_MISSING');
    expect(message).toContain('/');
  });

  it('a read-only directory where a file is open for writing', () => {
    const fixture = busy();
    const grants = fixture.grants.map((grant) => ({ ...grant, readOnly: true }));
    const { code, message } = refusal(fixture, fixture.kernel.save(), { grants });
    expect(code).toBe('WVM_CAPABILITY_MISSING');
    expect(message).toContain('/dir/log');
  });

  it('a missing variable, by name, and an environment that has outgrown its room', () => {
    const fixture = busy();
    fixture.call('environ_sizes_get', RESULT, RESULT + 4);
    const state = fixture.kernel.save();
    expect(refusal(fixture, state, { env: {} })).toMatchObject({
      code: 'WVM_CAPABILITY_MISSING',
      message: expect.stringContaining('HOME'),
    });
    expect(refusal(fixture, state, { env: { HOME: '/home' } }).message).toContain('made room for 7');
    expect(refusal(fixture, state, { env: { HOME: 'x', MORE: '1' } }).code).toBe('none');
  });

  it('changed, replaced and missing files, unless told to ignore that', () => {
    const changes: [string, (fixture: Fixture) => void][] = [
      ['has changed', (fixture) => (fixture.files.find('data').data = new Uint8Array(3))],
      ['has changed', (fixture) => (fixture.files.find('data').mtimeNs += 1n)],
      ['another file', (fixture) => fixture.files.putFile('data', '0123456789')],
      ['another type', (fixture) => fixture.files.putDirectory('data')],
      ['missing', (fixture) => fixture.files.root.entries.delete('data')],
      ['missing', (fixture) => fixture.files.root.entries.delete('dir')],
      ['cannot be opened', (fixture) => fixture.files.putLink('data', 'dir/log')],
      ['another file', (fixture) => fixture.files.find('dir').entries.set('log', fixture.files.find('data'))],
    ];
    for (const [text, change] of changes) {
      const fixture = busy();
      const state = fixture.kernel.save();
      change(fixture);
      const { code, message } = refusal(fixture, state);
      expect(`${code} ${message}`).toMatch(new RegExp(`WVM_FILE_CHANGED .*(${text}|EISDIR|cannot be opened)`));
      expect(refusal(fixture, state, { files: 'ignore' }).code).toBe('none');
    }
  });

  it('never creates or truncates', () => {
    const fixture = busy();
    const state = fixture.kernel.save();
    fixture.files.root.entries.delete('data');
    refusal(fixture, state);
    fixture.restore(state, { ...RESUME, files: 'ignore' });
    expect(fixture.files.root.entries.has('data')).toBe(false);
    expect(fixture.read(5, 1)).toBe(72);
    expect(fixture.kernel.save()).toEqual(state);
  });

  it('records that no kernel writes', () => {
    const fixture = busy();
    const good = fixture.kernel.save();
    // biome-ignore lint/suspicious/noExplicitAny: the point is to break the types.
    const damages: ((state: any) => void)[] = [
      (state) => delete state.clock,
      (state) => (state.clock.monotonicNs = 5),
      (state) => (state.clock.monotonicNs = -1n),
      (state) => (state.clock.virtual = 'yes'),
      (state) => (state.random = [0, 0, 0, 0]),
      (state) => (state.random = [1, 2, 3]),
      (state) => (state.random = [1, 2, 3, 4.5]),
      (state) => (state.grants = null),
      (state) => (state.grants[0].guestPath = 5),
      (state) => (state.openFiles[0].kind = 'door'),
      (state) => (state.openFiles[0].stream = 3),
      (state) => (state.openFiles[0].flags = 64),
      (state) => (state.openFiles[3].grant = 1),
      (state) => (state.openFiles[3].path = '../secret'),
      (state) => (state.openFiles[3].path = '/etc/passwd'),
      (state) => (state.openFiles[3].path = 'a//b'),
      (state) => (state.openFiles[3].path = 'a/./b'),
      (state) => (state.openFiles[3].offset = -1n),
      (state) => (state.openFiles[3].offset = 2n ** 63n),
      (state) => (state.openFiles[3].type = 3),
      (state) => (state.openFiles[3].identity = null),
      (state) => (state.openFiles[3].listing = []),
      (state) => (state.openFiles[5].listing[0].name = 7),
      (state) => (state.openFiles[5].canWrite = true),
      (state) => state.openFiles.push(structuredClone(state.openFiles[0])),
      (state) => (state.processes = []),
      (state) => (state.processes[0].pid = 2),
      (state) => state.processes.push(structuredClone(state.processes[0])),
      (state) => (state.processes[0].args = ['a\0']),
      (state) => (state.processes[0].envNames = ['HOME', 'HOME']),
      (state) => (state.processes[0].fds[1].fd = 0),
      (state) => (state.processes[0].fds[1].fd = 70_000),
      (state) => (state.processes[0].fds[1].file = 99),
      (state) => (state.processes[0].fds[1].rights = 2 ** 30),
      (state) => (state.processes[0].fds[1].rights = -1),
      (state) => (state.processes[0].threads = []),
      (state) => (state.processes[0].threads[0].tid = 9),
      (state) => (state.processes[0].threads[0].call.args = [1.5]),
      (state) => (state.processes[0].threads[0].call.args = ['x']),
      (state) => (state.processes[0].threads[0].restart = { doneBytes: -1 }),
      (state) => (state.processes[0].threads[0].blockedSinceNs = null),
    ];
    for (const [index, damage] of damages.entries()) {
      const state = structuredClone(good);
      damage(state);
      expect([index, refusal(fixture, state).code]).toEqual([index, 'WVM_IMAGE_BAD_RECORD']);
    }
  });
});

describe('new Kernel()', () => {
  it('gives 0, 1, 2 and the preopens in order', () => {
    const fixture = new Fixture();
    expect(fixture.kernel.init.fds.count).toBe(4);
    expect(fixture.kernel.init.fds.get(ROOT).preopen).toBe('/');
  });

  it('refuses a guest path that is given twice', () => {
    const fixture = new Fixture();
    const grants = [...fixture.grants, ...fixture.grants];
    expect(codeOf(() => new Kernel({ ports: fixture.ports, grants, args: [], env: {} })).code).toBe('WVM_USAGE');
  });
});
