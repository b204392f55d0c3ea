// Saving a kernel and building it again: everything is there, or nothing happens.

import { describe, expect, it } from 'vitest';
import { FDFLAGS_APPEND, FDFLAGS_NONBLOCK, OFLAGS_CREAT, OFLAGS_DIRECTORY, Rights } from '../../abi/wasi-preview1.ts';
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
    expect(String.fromCharCode(...fixture.files.bytesOf('dir/log'))).toBe('one\ntwo\nthree\n');
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
    expect(state.openFiles.map((file) => ('path' in file ? file.path : file.kind === 'stream' && file.stream))).toEqual(
      [0, 1, '', 'moved/old', 'data', 'moved'],
    );
    fixture.restore(state, RESUME);
    expect(fixture.write(4, 'x')).toBe(1);
  });

  const remove = (fixture: Fixture, path: string) => fixture.call('path_unlink_file', ROOT, ...fixture.text(path));

  it('an open file without a name goes on in memory, shared as before', () => {
    for (const takeName of [
      (fixture: Fixture) => remove(fixture, 'data'),
      (fixture: Fixture) => {
        fixture.files.putFile('other');
        return fixture.call('path_rename', ROOT, ...fixture.text('other'), ROOT, ...fixture.text('data'));
      },
    ]) {
      const fixture = busy();
      const second = fixture.open('data');
      const stat = RESULT + 64;
      expect(takeName(fixture)).toBe(0);
      const state = fixture.kernel.save();
      expect(state.detached).toHaveLength(1);
      fixture.restore(structuredClone(state), RESUME);
      expect(fixture.kernel.save()).toEqual(state);
      fixture.kernel.current.unblock();
      expect(fixture.read(5, 3)).toBe('456');
      expect(fixture.write(5, 'new and longer')).toBe(14);
      expect(fixture.read(second, 50)).toBe('0123456new and longer');
      expect(fixture.call('fd_filestat_get', second, stat)).toBe(0);
      expect(fixture.u64(stat + 8)).toBe(state.detached[0]!.ino);
      expect(fixture.call('fd_filestat_set_size', second, 2n)).toBe(0);
      expect(fixture.call('fd_filestat_set_size', second, 4n)).toBe(0);
      fixture.restore(fixture.kernel.save(), RESUME);
      const buffer = fixture.put(new Uint8Array(9));
      expect(fixture.call('fd_pread', 5, ...fixture.vector([buffer, 9]), 0n, RESULT)).toBe(0);
      expect(fixture.string(buffer, fixture.u32())).toBe('01\0\0');
      fixture.call('fd_close', 5);
      fixture.call('fd_close', second);
      expect(fixture.kernel.vfs.detached.handles.size).toBe(0);
      expect(fixture.kernel.save().detached).toEqual([]);
    }
  });

  it('a removed directory stays open and empty, and leads nowhere', () => {
    const fixture = busy();
    const gone = ((): number => {
      fixture.files.putDirectory('gone');
      return fixture.open('gone', OFLAGS_DIRECTORY, { rights: 0xffff_ffbfn });
    })();
    expect(fixture.call('path_remove_directory', ROOT, ...fixture.text('gone'))).toBe(0);
    fixture.restore(fixture.kernel.save(), RESUME);
    fixture.kernel.current.unblock();
    expect(fixture.open('x', OFLAGS_CREAT, { dir: gone })).toBe(-44);
    expect(fixture.open('data', 0, { dir: gone })).toBe(-44);
    expect(fixture.open('../data', 0, { dir: gone })).toBe(-63);
    expect(fixture.open('.', 0, { dir: gone, rights: 0n })).toBeGreaterThan(gone);
    expect(fixture.call('path_link', ROOT, 0, ...fixture.text('data'), gone, ...fixture.text('x'))).toBe(75);
    expect(fixture.call('path_rename', ROOT, ...fixture.text('data'), gone, ...fixture.text('x'))).toBe(75);
    expect(fixture.call('path_create_directory', gone, ...fixture.text('x'))).toBe(44);
  });

  it('an open file without a name that cannot be carried is refused, and the machine goes on', () => {
    const fixture = busy();
    const writer = fixture.open('data', 0, { rights: BigInt(Rights.FD_WRITE) });
    fixture.call('fd_close', 5);
    expect(remove(fixture, 'data')).toBe(0);
    expect(codeOf(() => fixture.kernel.save()).code).toBe('WVM_SNAPSHOT_UNSUPPORTED');
    expect(fixture.write(writer, 'x')).toBe(1);
    fixture.call('fd_close', writer);
    expect(codeOf(() => fixture.kernel.save()).code).toBe('none');
    fixture.files.putFile('name');
    fixture.call('path_link', ROOT, 0, ...fixture.text('name'), ROOT, ...fixture.text('alias'));
    fixture.open('name');
    remove(fixture, 'name');
    expect(codeOf(() => fixture.kernel.save()).message).toContain('another name');
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
      ['has changed', (fixture) => fixture.files.find('data').contents!.resize(3)],
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
      (state) => (state.detached = null),
      (state) =>
        state.detached.push({
          type: 4,
          dev: 1n,
          ino: 1n,
          sizeBytes: 0,
          extents: [],
          atimeNs: 0n,
          mtimeNs: 0n,
          ctimeNs: 0n,
        }),
      (state) => (state.openFiles[3].kind = 'detached'),
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
