// Devices of --dev at the kernel's calls. What Linux answers to a program: guest/programs/devices.c.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { Filetype, OFLAGS_CREAT, OFLAGS_TRUNC, Rights } from '../../../abi/wasi-preview1.ts';
import { WvmError } from '../../base/wvm-error.ts';
import { Fixture, RESULT, ROOT } from '../testing/fixture.ts';

const DEV = ROOT + 1;
const READ = BigInt(Rights.FD_READ);
const WRITE = BigInt(Rights.FD_WRITE);
/** A state record, to be spoilt. */
// biome-ignore lint/suspicious/noExplicitAny: any field may become anything.
type Spoilt = any;

function withDevices(
  streamKinds: readonly ['tty' | 'pipe', 'tty' | 'pipe', 'tty' | 'pipe'] = ['pipe', 'pipe', 'pipe'],
) {
  const fixture = new Fixture({ devices: '/dev', seed: 5n, streamKinds });
  const open = (name: string, rights = READ | WRITE, oflags = 0): number =>
    fixture.open(name, oflags, { dir: DEV, rights });
  return { fixture, open };
}

describe('open devices over a resume', () => {
  it('are what they were, and random bytes go on', () => {
    const { fixture, open } = withDevices();
    const fds = ['null', 'zero', 'full', 'urandom'].map((name) => open(name));
    const listing = open('fd', 0xffff_ffbfn);
    expect(fixture.call('fd_readdir', listing, 1024, 512, 0n, RESULT)).toBe(Errno.ESUCCESS);
    const before = fixture.read(fds[3]!, 8);
    const state = fixture.kernel.save();
    const next = fixture.read(fds[3]!, 8);
    expect(next).not.toBe(before);
    fixture.restore(structuredClone(state));
    expect(fixture.kernel.save()).toEqual(state);
    expect(fixture.read(fds[0]!, 8)).toBe('');
    expect(fixture.read(fds[1]!, 3)).toBe('\0\0\0');
    expect(fixture.write(fds[2]!, 'x')).toBe(Errno.ENOSPC);
    expect(fixture.read(fds[3]!, 8)).toBe(next);
    expect(fixture.open('zero', 0, { dir: DEV, rights: READ })).toBeGreaterThan(DEV);
    expect(fixture.call('fd_readdir', listing, 1024, 512, 2n, RESULT)).toBe(Errno.ESUCCESS);
  });

  it.each<[string, (state: Spoilt) => void]>([
    ['an unknown device', (state) => (state.openFiles.find((file: Spoilt) => file.kind === 'device').device = 'mem')],
    ['devices that are not there', (state) => (state.devices = null)],
    ['a guest path that is none', (state) => (state.devices = 7)],
    ['an unknown directory', (state) => (state.openFiles.find((file: Spoilt) => file.path === 'fd').path = 'pts')],
    [
      'a directory opened for writing',
      (state) => (state.openFiles.find((file: Spoilt) => file.kind === 'device-directory').canWrite = true),
    ],
  ])('%s is refused', (_name, spoil) => {
    const { fixture, open } = withDevices();
    open('null');
    open('fd', 0xffff_ffbfn);
    const state = structuredClone(fixture.kernel.save());
    spoil(state);
    expect(() => fixture.restore(state)).toThrow(WvmError);
  });
});

describe('/dev/tty', () => {
  it('is the terminal, whichever streams are, also after a resume', () => {
    const { fixture, open } = withDevices(['tty', 'pipe', 'tty']);
    const fd = open('tty');
    expect(fixture.call('fd_fdstat_get', fd, RESULT)).toBe(Errno.ESUCCESS);
    expect(fixture.memory.bytes[RESULT]).toBe(Filetype.CHARACTER_DEVICE);
    expect(fixture.call('fd_seek', fd, 0n, 0, RESULT)).toBe(Errno.ESPIPE);
    fixture.write(fd, 'to stderr');
    fixture.streams[0]!.feed('typed');
    expect(fixture.read(fd, 16)).toBe('typed');
    const state = fixture.kernel.save();
    fixture.restore(structuredClone(state));
    expect(fixture.kernel.save()).toEqual(state);
    fixture.write(fd, ', too');
    expect(fixture.streams[2]!.text).toBe('to stderr, too');
    expect(fixture.streams[1]!.text).toBe('');
  });

  it('is not there without a terminal', () => {
    expect(withDevices().open('tty')).toBe(-Errno.ENXIO);
  });
});

describe('descriptors as files', () => {
  it('stdout is descriptor 1, as far as that can do it', () => {
    const { fixture, open } = withDevices();
    const fd = open('stdout', WRITE, OFLAGS_CREAT | OFLAGS_TRUNC);
    fixture.write(fd, 'said');
    expect(fixture.streams[1]!.text).toBe('said');
    expect(open('stdout', READ)).toBe(-Errno.EACCES);
    fixture.call('fd_close', 1);
    expect(open('stdout', WRITE)).toBe(-Errno.ENOENT);
    expect(fixture.write(fd, '!')).toBe(1);
  });

  it('a directory that is open can be opened again, for what it allows', () => {
    const { fixture, open } = withDevices();
    fixture.files.putFile('file', 'text');
    const again = open(`fd/${ROOT}`, 0xffff_ffbfn);
    expect(fixture.read(fixture.open('file', 0, { dir: again, rights: READ }), 4)).toBe('text');
    expect(open(`fd/${ROOT}`)).toBe(-Errno.EISDIR);
    expect(open('fd/01', READ)).toBe(-Errno.ENOENT);
    expect(open('fd/../fd/0', READ)).toBeGreaterThan(DEV);
  });
});
