import { describe, expect, it } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { OFLAGS_CREAT, WASI_PREVIEW1_FUNCTIONS, WASI_UNSTABLE_FUNCTIONS } from '../../../abi/wasi-preview1.ts';
import { Fixture, RESULT, ROOT } from '../testing/fixture.ts';
import { createWasiPreview1, createWasiUnstable } from './front-door.ts';

describe('createWasiPreview1()', () => {
  it('has exactly the 46 functions of preview1', () => {
    const { kernel } = new Fixture();
    const names = Object.keys(createWasiPreview1(kernel, kernel.init)).sort();
    expect(names).toHaveLength(46);
    expect(names).toEqual(Object.keys(WASI_PREVIEW1_FUNCTIONS).sort());
  });

  it('lets an exception pass that is no SysError', () => {
    const fixture = new Fixture();
    fixture.ports.clock.realtimeNs = () => {
      throw new RangeError('planted');
    };
    expect(() => fixture.call('clock_time_get', 0, 0n, RESULT)).toThrow('planted');
  });
});

describe('createWasiUnstable()', () => {
  it('has the 45 functions of snapshot 0', () => {
    const { kernel } = new Fixture();
    const names = Object.keys(createWasiUnstable(kernel, kernel.init)).sort();
    expect(names).toEqual(Object.keys(WASI_UNSTABLE_FUNCTIONS).sort());
    expect(names).toHaveLength(45);
  });

  it('fd_seek takes CUR, END, SET as 0, 1, 2', () => {
    const fixture = new Fixture();
    fixture.files.putFile('file', 'ten bytes!');
    const fd = fixture.open('file');
    const old = createWasiUnstable(fixture.kernel, fixture.kernel.init);
    expect(old['fd_seek']!(fd, 4n, 2, RESULT)).toBe(0);
    expect(fixture.u64()).toBe(4n);
    expect(old['fd_seek']!(fd, 1n, 0, RESULT)).toBe(0);
    expect(fixture.u64()).toBe(5n);
    expect(old['fd_seek']!(fd, 0n, 1, RESULT)).toBe(0);
    expect(fixture.u64()).toBe(10n);
  });

  it('fd_filestat_get stores the 56-byte layout', () => {
    const fixture = new Fixture();
    fixture.files.putFile('file', 'ten bytes!');
    const fd = fixture.open('file');
    fixture.memory.bytes.fill(0xff, RESULT, RESULT + 64);
    expect(createWasiUnstable(fixture.kernel, fixture.kernel.init)['fd_filestat_get']!(fd, RESULT)).toBe(0);
    expect(fixture.u32(RESULT + 20)).toBe(1);
    expect(fixture.u64(RESULT + 24)).toBe(10n);
    expect(fixture.u64(RESULT + 56)).toBe(0xffff_ffff_ffff_ffffn);
  });
});

/** Much faster than toEqual for a whole memory. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  return a.findIndex((byte, index) => byte !== b[index]);
}

/** Addresses out of range, one for each way to get it wrong. The memory of the fixture has 131,072 bytes. */
const BAD = [131_072, 0xffff_ffff, -1, 0x7fff_ffff];

type Call = (bad: number, fixture: Fixture, fd: number) => (number | bigint)[];
const good = RESULT;

/** One line per pointer parameter of each function: the call with that pointer out of range and all else in order. */
const POINTERS: readonly [name: string, parameter: string, call: Call][] = [
  ['args_get', 'argv', (bad) => [bad, good]],
  ['args_get', 'buffer', (bad) => [good, bad]],
  ['args_sizes_get', 'argc', (bad) => [bad, good]],
  ['args_sizes_get', 'size', (bad) => [good, bad]],
  ['environ_get', 'environ', (bad) => [bad, good]],
  ['environ_get', 'buffer', (bad) => [good, bad]],
  ['environ_sizes_get', 'count', (bad) => [bad, good]],
  ['environ_sizes_get', 'size', (bad) => [good, bad]],
  ['clock_res_get', 'result', (bad) => [0, bad]],
  ['clock_time_get', 'result', (bad) => [0, 0n, bad]],
  ['fd_fdstat_get', 'result', (bad, _, fd) => [fd, bad]],
  ['fd_filestat_get', 'result', (bad, _, fd) => [fd, bad]],
  ['fd_pread', 'iovs', (bad, _, fd) => [fd, bad, 1, 0n, good]],
  ['fd_pread', 'buffer', (bad, f, fd) => [fd, ...f.vector([good, 4], [bad, 4]), 0n, good]],
  ['fd_pread', 'result', (bad, f, fd) => [fd, ...f.vector([good, 4]), 0n, bad]],
  ['fd_prestat_get', 'result', (bad) => [ROOT, bad]],
  ['fd_prestat_dir_name', 'path', (bad) => [ROOT, bad, 1]],
  ['fd_pwrite', 'iovs', (bad, _, fd) => [fd, bad, 1, 0n, good]],
  ['fd_pwrite', 'buffer', (bad, f, fd) => [fd, ...f.vector([good, 4], [bad, 4]), 0n, good]],
  ['fd_pwrite', 'result', (bad, f, fd) => [fd, ...f.vector([good, 4]), 0n, bad]],
  ['fd_read', 'iovs', (bad, _, fd) => [fd, bad, 1, good]],
  ['fd_read', 'buffer', (bad, f, fd) => [fd, ...f.vector([good, 4], [bad, 4]), good]],
  ['fd_read', 'result', (bad, f, fd) => [fd, ...f.vector([good, 4]), bad]],
  ['fd_readdir', 'buffer', (bad) => [ROOT, bad, 64, 0n, good]],
  ['fd_readdir', 'result', (bad) => [ROOT, good, 64, 0n, bad]],
  ['fd_seek', 'result', (bad, _, fd) => [fd, 5n, 0, bad]],
  ['fd_tell', 'result', (bad, _, fd) => [fd, bad]],
  ['fd_write', 'iovs', (bad, _, fd) => [fd, bad, 1, good]],
  ['fd_write', 'buffer', (bad, f, fd) => [fd, ...f.vector([good, 4], [bad, 4]), good]],
  ['fd_write', 'result', (bad, f, fd) => [fd, ...f.vector([good, 4]), bad]],
  ['path_create_directory', 'path', (bad) => [ROOT, bad, 3]],
  ['path_filestat_get', 'path', (bad) => [ROOT, 0, bad, 3, good]],
  ['path_filestat_get', 'result', (bad, f) => [ROOT, 0, ...f.text('file'), bad]],
  ['path_filestat_set_times', 'path', (bad) => [ROOT, 0, bad, 3, 0n, 0n, 5]],
  ['path_link', 'old', (bad, f) => [ROOT, 0, bad, 4, ROOT, ...f.text('new')]],
  ['path_link', 'new', (bad, f) => [ROOT, 0, ...f.text('file'), ROOT, bad, 4]],
  ['path_open', 'path', (bad) => [ROOT, 0, bad, 4, OFLAGS_CREAT, 0n, 0n, 0, good]],
  ['path_open', 'result', (bad, f) => [ROOT, 0, ...f.text('new'), OFLAGS_CREAT, 0n, 0n, 0, bad]],
  ['path_readlink', 'path', (bad) => [ROOT, bad, 4, good, 8, good]],
  ['path_readlink', 'buffer', (bad, f) => [ROOT, ...f.text('link'), bad, 8, good]],
  ['path_readlink', 'result', (bad, f) => [ROOT, ...f.text('link'), good, 8, bad]],
  ['path_remove_directory', 'path', (bad) => [ROOT, bad, 3]],
  ['path_rename', 'old', (bad, f) => [ROOT, bad, 4, ROOT, ...f.text('new')]],
  ['path_rename', 'new', (bad, f) => [ROOT, ...f.text('file'), ROOT, bad, 4]],
  ['path_symlink', 'target', (bad, f) => [bad, 4, ROOT, ...f.text('new')]],
  ['path_symlink', 'new', (bad, f) => [...f.text('file'), ROOT, bad, 4]],
  ['path_unlink_file', 'path', (bad) => [ROOT, bad, 4]],
  ['poll_oneoff', 'in', (bad) => [bad, good, 1, good]],
  ['poll_oneoff', 'out', (bad) => [good, bad, 1, good]],
  ['poll_oneoff', 'result', (bad) => [good, good, 1, bad]],
  ['random_get', 'buffer', (bad) => [bad, 4]],
  ['sock_accept', 'result', (bad) => [0, 0, bad]],
  ['sock_recv', 'iovs', (bad) => [0, bad, 1, 0, good, good]],
  ['sock_recv', 'buffer', (bad, f) => [0, ...f.vector([bad, 4]), 0, good, good]],
  ['sock_recv', 'result', (bad, f) => [0, ...f.vector([good, 4]), 0, bad, good]],
  ['sock_recv', 'flags', (bad, f) => [0, ...f.vector([good, 4]), 0, good, bad]],
  ['sock_send', 'iovs', (bad) => [1, bad, 1, 0, good]],
  ['sock_send', 'buffer', (bad, f) => [1, ...f.vector([bad, 4]), 0, good]],
  ['sock_send', 'result', (bad, f) => [1, ...f.vector([good, 4]), 0, bad]],
];

describe('a pointer out of range', () => {
  /** Functions that take no pointer. */
  const PLAIN = new Set(
    Object.entries(WASI_PREVIEW1_FUNCTIONS)
      .filter(([, { parameters }]) => !parameters.some(({ kind }) => /^(out|path|iovecs|ciovecs)/.test(kind)))
      .map(([name]) => name),
  );

  it('is tried for every function that takes one', () => {
    const tried = new Set(POINTERS.map(([name]) => name));
    expect(Object.keys(WASI_PREVIEW1_FUNCTIONS).filter((name) => !tried.has(name) && !PLAIN.has(name))).toEqual([]);
  });

  for (const [name, parameter, makeArgs] of POINTERS) {
    it(`${name}(${parameter}) answers EFAULT and changes nothing`, () => {
      for (const bad of BAD) {
        const fixture = new Fixture({ streamKinds: ['socket', 'socket', 'pipe'], env: { A: '1' } });
        fixture.files.putFile('file', 'ten bytes!');
        fixture.files.putLink('link', 'file');
        fixture.streams[0]!.feed('input');
        const fd = fixture.open('file');
        const args = makeArgs(bad, fixture, fd);
        const before = fixture.memory.bytes.slice();
        const state = fixture.kernel.save();
        const names = [...fixture.files.root.entries.keys()];
        expect(fixture.call(name, ...args)).toBe(Errno.EFAULT);
        expect(firstDifference(fixture.memory.bytes, before)).toBe(-1);
        expect(fixture.kernel.save()).toEqual(state);
        expect([...fixture.files.root.entries.keys()]).toEqual(names);
        expect(fixture.streams[0]!.input).toHaveLength(5);
        expect(fixture.streams[1]!.output).toHaveLength(0);
      }
    });
  }

  it('a size that runs over the end of memory answers EFAULT', () => {
    const fixture = new Fixture();
    expect(fixture.call('random_get', 8, 0xffff_ffff | 0)).toBe(Errno.EFAULT);
    expect(fixture.call('fd_write', 1, 8, 0x1fff_ffff, RESULT)).toBe(Errno.EFAULT);
    expect(fixture.call('random_get', 131_072, 0)).toBe(0);
  });
});
