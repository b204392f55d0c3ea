// Overlays and tmpfs as guests see them: what is of the lower layer, what comes up, what an image needs to be resumed.

import { beforeEach, describe, expect, it } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { FILESTAT, OFLAGS_CREAT, OFLAGS_DIRECTORY, OFLAGS_EXCL, OFLAGS_TRUNC } from '../../../abi/wasi-preview1.ts';
import type { WvmError } from '../../base/wvm-error.ts';
import type { RestoreOptions } from '../kernel.ts';
import { FilesFixture } from '../testing/files-fixture.ts';
import type { FixtureOptions } from '../testing/fixture.ts';
import { RESULT, ROOT } from '../testing/fixture.ts';

const FOLLOW = 1;
const [LOCK_SH, LOCK_EX, LOCK_NB] = [1, 2, 4];

/** An overlay on "/", whose lower layer nothing may change, and what the host has besides. */
class OverlayFixture extends FilesFixture {
  constructor(options: FixtureOptions = {}) {
    super({ root: 'overlay', ...options });
    this.files.putFile('file', 'lower');
    this.files.putFile('other', 'lower other');
    this.files.putDirectory('dir');
    this.files.putFile('dir/inside', 'lower inside');
    this.files.putDirectory('dir/nested');
    this.files.beforeCall = (operation, name) => {
      if (!['openAt', 'statAt', 'readLinkAt'].includes(operation)) throw new Error(`${operation} ${name}`);
    };
  }

  path(call: string, path: string, ...rest: number[]): unknown {
    return this.call(call, ROOT, ...this.text(path), ...rest);
  }

  rename(from: string, to: string): unknown {
    return this.call('path_rename', ROOT, ...this.text(from), ROOT, ...this.text(to));
  }

  contents(path: string): string {
    const fd = this.open(path, 0, { rights: 2n });
    if (fd < 0) return `errno ${-fd}`;
    const text = this.read(fd, 100) as string;
    this.call('fd_close', fd);
    return text;
  }

  /** Names, in order, without dots. */
  list(path = '.'): string[] {
    const fd = this.open(path, OFLAGS_DIRECTORY, { rights: 0xffff_ffbfn });
    const buffer = 0x4000;
    this.call('fd_readdir', fd, buffer, 4096, 0n, RESULT);
    const names: string[] = [];
    for (let at = buffer, end = buffer + this.u32(); at < end; ) {
      const length = this.u32(at + 16);
      names.push(this.string(at + 24, length));
      at += 24 + length;
    }
    this.call('fd_close', fd);
    return names.slice(2);
  }

  stat(path: string): { readonly dev: bigint; readonly ino: bigint; readonly nlink: bigint; readonly mtime: bigint } {
    expect(this.call('path_filestat_get', ROOT, 0, ...this.text(path), RESULT)).toBe(0);
    return this.filestat();
  }

  fstat(fd: number): ReturnType<OverlayFixture['stat']> {
    expect(this.call('fd_filestat_get', fd, RESULT)).toBe(0);
    return this.filestat();
  }

  private filestat(): ReturnType<OverlayFixture['stat']> {
    const field = (offset: number): bigint => this.u64(RESULT + offset);
    const { dev, ino, nlink, mtim } = FILESTAT;
    return { dev: field(dev), ino: field(ino), nlink: field(nlink), mtime: field(mtim) };
  }

  refusal(options: Partial<RestoreOptions> = {}): { code: string; message: string; hint: string | undefined } {
    const before = this.files.openCount;
    try {
      this.restore(this.kernel.save(), options);
    } catch (error) {
      expect(this.files.openCount).toBe(before);
      const { code, message, hint } = error as WvmError;
      return { code, message, hint };
    }
    return { code: 'none', message: '', hint: undefined };
  }
}

let fixture: OverlayFixture;
beforeEach(() => {
  fixture = new OverlayFixture();
});

describe('an overlay', () => {
  it('shows the lower layer, and changes it nowhere', () => {
    expect(fixture.list()).toEqual(['dir', 'file', 'other']);
    expect(fixture.contents('dir/inside')).toBe('lower inside');
    const before = fixture.stat('file');
    const fd = fixture.open('file');
    expect(fixture.write(fd, 'UP')).toBe(2);
    expect(fixture.contents('file')).toBe('UPwer');
    expect(String.fromCharCode(...fixture.files.bytesOf('file'))).toBe('lower');
    expect(fixture.stat('file')).toMatchObject({ dev: before.dev, ino: before.ino, nlink: 1n });
    expect(fixture.fstat(fd)).toMatchObject({ dev: before.dev, ino: before.ino });
  });

  it('opening for writing copies nothing, truncating copies nothing that goes', () => {
    fixture.open('file');
    expect(fixture.kernel.vfs.fileSystems[0]!.files.pages.usedCount).toBe(0);
    fixture.open('other', OFLAGS_TRUNC);
    expect(fixture.kernel.vfs.fileSystems[0]!.files.pages.usedCount).toBe(0);
    expect(fixture.contents('other')).toBe('');
  });

  it('is one file to all that have it open, before and after it came up', () => {
    const [reader, writer] = [fixture.open('file', 0, { rights: 2n }), fixture.open('file')];
    expect(fixture.read(reader, 2)).toBe('lo');
    expect(fixture.write(writer, 'UPPER')).toBe(5);
    expect(fixture.read(reader, 9)).toBe('PER');
    fixture.resume();
    expect(fixture.contents('file')).toBe('UPPER');
  });

  it('locks hold over copying up, and over a resume', () => {
    const [one, two] = [fixture.open('file'), fixture.open('file')];
    expect(fixture.call('flock', one, LOCK_EX)).toBe(0);
    fixture.write(two, 'changed');
    const three = fixture.open('file');
    expect(fixture.call('flock', three, LOCK_SH | LOCK_NB)).toBe(Errno.EAGAIN);
    fixture.resume();
    expect(fixture.call('flock', two, LOCK_SH | LOCK_NB)).toBe(Errno.EAGAIN);
    expect(fixture.call('flock', fixture.open('other'), LOCK_EX | LOCK_NB)).toBe(0);
  });

  it('removed names stay hidden, and what is made in their place has nothing of the lower layer', () => {
    const { ino } = fixture.stat('file');
    expect(fixture.path('path_unlink_file', 'file')).toBe(0);
    expect(fixture.contents('file')).toBe(`errno ${Errno.ENOENT}`);
    expect(fixture.path('path_remove_directory', 'dir')).toBe(Errno.ENOTEMPTY);
    expect(fixture.path('path_unlink_file', 'dir/inside')).toBe(0);
    expect(fixture.path('path_remove_directory', 'dir/nested')).toBe(0);
    expect(fixture.path('path_remove_directory', 'dir')).toBe(0);
    fixture.resume();
    expect(fixture.list()).toEqual(['other']);
    expect(fixture.path('path_create_directory', 'dir')).toBe(0);
    expect(fixture.list('dir')).toEqual([]);
    expect(fixture.open('file', OFLAGS_CREAT | OFLAGS_EXCL)).toBeGreaterThan(ROOT);
    expect(fixture.stat('file').ino).not.toBe(ino);
  });

  it('a removed lower file can be read and written as long as it is open', () => {
    const fd = fixture.open('file');
    const reader = fixture.open('file', 0, { rights: 2n });
    expect(fixture.path('path_unlink_file', 'file')).toBe(0);
    expect(fixture.fstat(fd).nlink).toBe(0n);
    fixture.resume();
    expect(fixture.read(reader, 3)).toBe('low');
    expect(fixture.write(fd, 'UPPER')).toBe(5);
    fixture.resume();
    expect(fixture.read(reader, 9)).toBe('ER');
    expect(fixture.list()).toEqual(['dir', 'other']);
    fixture.close(fixture.init, fd, reader);
    expect(fixture.kernel.vfs.fileSystems[0]!.files.pages.usedCount).toBe(0);
    fixture.resume();
  });

  it('a lower directory is renamed as a name: what is in it goes along, with its numbers', () => {
    const [inside, nested] = [fixture.stat('dir/inside').ino, fixture.stat('dir/nested').ino];
    const open = fixture.open('dir/inside', 0, { rights: 2n });
    expect(fixture.rename('dir', 'moved')).toBe(0);
    expect(fixture.list()).toEqual(['file', 'moved', 'other']);
    expect(fixture.contents('moved/inside')).toBe('lower inside');
    expect(fixture.stat('moved/inside').ino).toBe(inside);
    expect(fixture.rename('moved/nested', 'file2')).toBe(0);
    expect(fixture.rename('moved', 'file2/deep')).toBe(0);
    fixture.resume();
    expect(fixture.list('file2')).toEqual(['deep']);
    expect(fixture.stat('file2').ino).toBe(nested);
    expect(fixture.read(open, 5)).toBe('lower');
    expect(fixture.write(fixture.open('file2/deep/inside'), 'UP')).toBe(2);
    expect(fixture.contents('file2/deep/inside')).toBe('UPwer inside');
    expect(fixture.rename('file2', 'file2/deep/x')).toBe(Errno.EINVAL);
    expect(fixture.path('path_create_directory', 'dir')).toBe(0);
    expect(fixture.list('dir')).toEqual([]);
  });

  it('links count names of the overlay', () => {
    const link = (from: string, to: string): unknown =>
      fixture.call('path_link', ROOT, 0, ...fixture.text(from), ROOT, ...fixture.text(to));
    expect(link('file', 'dir/twin')).toBe(0);
    expect(fixture.stat('dir/twin')).toMatchObject({ ino: fixture.stat('file').ino, nlink: 2n });
    fixture.resume();
    fixture.write(fixture.open('dir/twin'), 'BOTH');
    expect(fixture.contents('file')).toBe('BOTHr');
    expect(fixture.path('path_unlink_file', 'file')).toBe(0);
    expect(fixture.stat('dir/twin').nlink).toBe(1n);
  });

  it('no link of either layer leads outside', () => {
    fixture.files.beforeCall = undefined;
    fixture.files.putLink('up', '../secret');
    fixture.files.putLink('absolute', '/etc/passwd');
    fixture.files.putLink('good', 'dir/inside');
    for (const name of ['up', 'absolute']) {
      expect(fixture.open(name, 0, { follow: FOLLOW, rights: 2n })).toBe(-Errno.EPERM);
    }
    expect(fixture.read(fixture.open('good', 0, { follow: FOLLOW, rights: 2n }), 5)).toBe('lower');
    fixture.call('path_symlink', ...fixture.text('../../secret'), ROOT, ...fixture.text('dir/made'));
    expect(fixture.open('dir/made', 0, { follow: FOLLOW, rights: 2n })).toBe(-Errno.EPERM);
    expect(fixture.rename('up', 'dir/up')).toBe(0);
    expect(fixture.open('dir/up', 0, { follow: FOLLOW, rights: 2n })).toBe(-Errno.ENOENT);
    expect(fixture.rename('dir/up', 'up2')).toBe(0);
    expect(fixture.open('up2', 0, { follow: FOLLOW, rights: 2n })).toBe(-Errno.EPERM);
  });

  it('a lower directory that becomes a link is not followed', () => {
    const fd = fixture.open('dir', OFLAGS_DIRECTORY, { rights: 0xffff_ffbfn });
    fixture.call('path_create_directory', ROOT, ...fixture.text('dir/made'));
    fixture.files.beforeCall = undefined;
    fixture.files.root.entries.delete('dir');
    fixture.files.putLink('dir', '..');
    fixture.call('fd_close', fd);
    // What was below is gone, what was made is there.
    expect(fixture.list('dir')).toEqual(['made']);
  });

  it('pipes and other special files have names, and are not opened', () => {
    fixture.files.beforeCall = undefined;
    fixture.files.put('pipe', 8);
    expect(fixture.open('pipe', 0, { rights: 2n })).toBe(-Errno.ENXIO);
    expect(fixture.rename('pipe', 'pipe2')).toBe(0);
    fixture.resume();
    expect(fixture.list()).toContain('pipe2');
    expect(fixture.open('pipe2', 0, { rights: 2n })).toBe(-Errno.ENXIO);
  });

  it('gives back what it opened below', () => {
    const before = fixture.files.openCount;
    fixture.list();
    fixture.list('dir');
    fixture.contents('dir/inside');
    fixture.stat('dir/nested');
    fixture.rename('dir', 'moved');
    fixture.write(fixture.open('moved/inside'), 'x');
    fixture.open('other');
    fixture.kernel.close();
    expect(fixture.files.openCount).toBe(before);
  });
});

describe('resuming an overlay', () => {
  it('needs a lower directory again, as an overlay', () => {
    fixture.open('file');
    const { code, message, hint } = fixture.refusal({ grants: [] });
    expect([code, hint]).toEqual(['WVM_CAPABILITY_MISSING', 'give it with --overlay HOST::/']);
    expect(message).toContain('/');
    const asDirectory = fixture.grants.map(({ guestPath, handle }) => ({ guestPath, handle, readOnly: false }));
    expect(fixture.refusal({ grants: asDirectory }).code).toBe('WVM_CAPABILITY_MISSING');
  });

  it('does not take an overlay for a directory of the host', () => {
    const other = new OverlayFixture({ root: 'host' });
    other.open('file');
    const grants = other.grants.map((grant) => ({ ...grant, overlay: { maxBytes: 4096 } }));
    const { code, hint } = other.refusal({ grants });
    expect([code, hint]).toEqual(['WVM_CAPABILITY_MISSING', 'give it with --dir HOST::/']);
  });

  it('takes a copy of the lower directory elsewhere', () => {
    const fd = fixture.open('file');
    fixture.read(fd, 2);
    fixture.write(fixture.open('other'), 'UP');
    const { ino } = fixture.stat('file');
    fixture.files.beforeCall = undefined;
    const { mtimeNs } = fixture.files.find('file');
    fixture.files.putDirectory('dir');
    fixture.files.putFile('file', 'lower').mtimeNs = mtimeNs;
    fixture.restore(structuredClone(fixture.kernel.save()));
    expect(fixture.read(fd, 9)).toBe('wer');
    expect(fixture.fstat(fd).ino).toBe(ino);
    expect(fixture.contents('other')).toBe('UPwer other');
  });

  it('refuses open lower files that have changed, unless told to ignore that', () => {
    const changes: readonly [string, (fixture: OverlayFixture) => unknown][] = [
      ['has changed (3 bytes, were 5)', ({ files }) => files.find('file').contents!.resize(3)],
      ['has changed (modified', ({ files }) => (files.find('file').mtimeNs += 1n)],
      ['cannot be opened (error 2)', ({ files }) => files.root.entries.delete('file')],
    ];
    for (const [what, change] of changes) {
      const changed = new OverlayFixture();
      const fd = changed.open('file', 0, { rights: 2n });
      changed.open('other', 0, { rights: 2n });
      // As at the time of the snapshot.
      const state = structuredClone(changed.kernel.save());
      changed.files.beforeCall = undefined;
      change(changed);
      const before = changed.files.openCount;
      expect(() => changed.restore(state)).toThrow(
        expect.objectContaining({ code: 'WVM_FILE_CHANGED', message: expect.stringContaining(what) }),
      );
      expect(changed.files.openCount).toBe(before);
      changed.restore(state, { files: 'ignore' });
      expect(changed.read(fd, 9)).toBe(
        what.startsWith('has changed (3') ? 'low' : what.startsWith('has') ? 'lower' : Errno.ESTALE,
      );
      changed.kernel.save();
    }
  });

  it('lets the lower layer change where nothing is open', () => {
    fixture.path('path_unlink_file', 'file');
    fixture.write(fixture.open('dir/new', OFLAGS_CREAT), 'new');
    const state = structuredClone(fixture.kernel.save());
    fixture.files.beforeCall = undefined;
    fixture.files.root.entries.delete('dir');
    fixture.files.putFile('added', 'later');
    fixture.restore(state);
    expect(fixture.list()).toEqual(['added', 'dir', 'other']);
    expect(fixture.list('dir')).toEqual(['new']);
    expect(fixture.contents('added')).toBe('later');
  });
});

describe('a tmpfs', () => {
  const small = (): OverlayFixture =>
    new OverlayFixture({ tmpfs: [{ guestPath: '/tmp', maxBytes: 4 * 4096 }], overlays: [], root: 'tmpfs' });

  it('needs nothing to be resumed', () => {
    const tmpfs = new OverlayFixture({ root: 'tmpfs' });
    tmpfs.write(tmpfs.open('made', OFLAGS_CREAT), 'contents');
    const state = structuredClone(tmpfs.kernel.save());
    tmpfs.restore(state, { grants: [] });
    expect(tmpfs.contents('made')).toBe('contents');
  });

  it('is another file system than the others', () => {
    const tmpfs = small();
    const second = ROOT + 1;
    tmpfs.open('made', OFLAGS_CREAT);
    const paths = [...tmpfs.text('made'), second, ...tmpfs.text('made')] as const;
    expect(tmpfs.call('path_rename', ROOT, ...paths)).toBe(Errno.EXDEV);
    expect(tmpfs.call('path_link', ROOT, 0, ...paths)).toBe(Errno.EXDEV);
    expect(tmpfs.fstat(second).dev).not.toBe(tmpfs.fstat(ROOT).dev);
  });

  it('takes as much as was said, then ENOSPC, and has room again for what goes', () => {
    const tmpfs = small();
    const dir = ROOT + 1;
    const fd = tmpfs.open('file', OFLAGS_CREAT, { dir });
    expect(tmpfs.write(fd, 'x'.repeat(4 * 4096 - 6))).toBe(4 * 4096 - 6);
    expect(tmpfs.write(fd, 'tail and more')).toBe(6);
    expect(tmpfs.write(fd, 'more')).toBe(Errno.ENOSPC);
    expect(tmpfs.call('path_unlink_file', dir, ...tmpfs.text('file'))).toBe(0);
    tmpfs.resume();
    const other = tmpfs.open('other', OFLAGS_CREAT, { dir });
    expect(tmpfs.write(other, 'x')).toBe(Errno.ENOSPC);
    tmpfs.call('fd_close', fd);
    expect(tmpfs.write(other, 'x')).toBe(1);
    expect(tmpfs.call('fd_filestat_set_size', other, 1n << 40n)).toBe(0);
    expect(tmpfs.call('fd_filestat_set_size', other, (1n << 44n) + 1n)).toBe(Errno.EFBIG);
    tmpfs.resume();
  });

  it('holds only so many names', () => {
    const { files } = small().kernel.vfs.fileSystems[0]!;
    let count = 0;
    while (files.makeDirectoryAt(files.rootHandle, `directory ${count}`) === 0) count++;
    expect(files.makeDirectoryAt(files.rootHandle, 'one more')).toBe(-28);
    expect(count).toBeGreaterThan(100_000);
    expect(files.removeDirectoryAt(files.rootHandle, 'directory 7')).toBe(0);
    expect(files.makeDirectoryAt(files.rootHandle, 'one more')).toBe(0);
  });

  it('an overlay that is full copies nothing up', () => {
    const overlay = new OverlayFixture({ root: 'host', overlays: ['/over'] });
    overlay.files.beforeCall = undefined;
    const big = overlay.files.putFile('big');
    big.contents!.write(new Uint8Array(2 ** 24 + 1).fill(1), 0);
    const dir = ROOT + 1;
    const fd = overlay.open('big', 0, { dir });
    expect(overlay.write(fd, 'x')).toBe(Errno.ENOSPC);
    expect(overlay.kernel.vfs.fileSystems[0]!.files.pages.usedCount).toBe(0);
    expect(overlay.read(fd, 1)).toBe('\u0001');
    expect(overlay.write(overlay.open('file', 0, { dir }), 'x')).toBe(1);
  });

  it('refuses a guest path that is given twice', () => {
    expect(() => new OverlayFixture({ tmpfs: [{ guestPath: '/', maxBytes: 4096 }] })).toThrow(
      expect.objectContaining({ code: 'WVM_USAGE' }),
    );
  });
});
