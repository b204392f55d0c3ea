import { describe, expect, it } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import {
  FDFLAGS_NONBLOCK,
  FDSTAT,
  FILESTAT,
  LOOKUPFLAGS_SYMLINK_FOLLOW as FOLLOW,
  FSTFLAGS_MTIM,
  FSTFLAGS_MTIM_NOW,
  OFLAGS_CREAT,
  OFLAGS_DIRECTORY,
  OFLAGS_EXCL,
  OFLAGS_TRUNC,
  Rights,
} from '../../../abi/wasi-preview1.ts';
import { HostFileType } from '../ports.ts';
import { Fixture, RESULT, ROOT } from '../testing/fixture.ts';

/** A call of the form (fd, path, length). */
function onPath(fixture: Fixture, name: string, path: string, fd = ROOT): unknown {
  return fixture.call(name, fd, ...fixture.text(path));
}

function link(fixture: Fixture, from: string, to: string, flags = 0): unknown {
  return fixture.call('path_link', ROOT, flags, ...fixture.text(from), ROOT, ...fixture.text(to));
}

function rename(fixture: Fixture, from: string, to: string): unknown {
  return fixture.call('path_rename', ROOT, ...fixture.text(from), ROOT, ...fixture.text(to));
}

function symlink(fixture: Fixture, target: string, path: string): unknown {
  return fixture.call('path_symlink', ...fixture.text(target), ROOT, ...fixture.text(path));
}

/** Filetype, or minus the errno. */
function typeOf(fixture: Fixture, path: string, flags = 0): number {
  const errno = fixture.call('path_filestat_get', ROOT, flags, ...fixture.text(path), RESULT) as number;
  return errno === 0 ? fixture.memory.bytes[RESULT + FILESTAT.filetype]! : -errno;
}

function tree(): Fixture {
  const fixture = new Fixture();
  fixture.files.putDirectory('dir');
  fixture.files.putDirectory('dir/nested');
  fixture.files.putFile('dir/nested/file', 'inside');
  fixture.files.putFile('file', 'root file');
  return fixture;
}

describe('path_open()', () => {
  it('finds files through dots, double slashes and ".."', () => {
    const fixture = tree();
    const fd = fixture.open('dir/.//nested/../../dir/nested/../nested///./file');
    expect(fixture.read(fd, 10)).toBe('inside');
  });

  it('gives the lowest free number', () => {
    const fixture = tree();
    const [a, b, c] = [fixture.open('file'), fixture.open('file'), fixture.open('file')];
    expect([a, b, c]).toEqual([4, 5, 6]);
    fixture.call('fd_close', b);
    fixture.call('fd_close', 0);
    expect([fixture.open('file'), fixture.open('file'), fixture.open('file')]).toEqual([0, 5, 7]);
  });

  it('creates, refuses to create twice, and truncates', () => {
    const fixture = tree();
    expect(fixture.open('new', OFLAGS_CREAT | OFLAGS_EXCL)).toBeGreaterThan(ROOT);
    expect(fixture.open('new', OFLAGS_CREAT | OFLAGS_EXCL)).toBe(-Errno.EEXIST);
    expect(fixture.open('file', OFLAGS_TRUNC, { rights: 0n })).toBeGreaterThan(ROOT);
    expect(fixture.files.bytesOf('file')).toHaveLength(0);
  });

  it('trailing slashes ask for a directory', () => {
    const fixture = tree();
    expect(fixture.open('dir/nested///', 0, { rights: 0n })).toBeGreaterThan(ROOT);
    expect(fixture.open('file/', 0, { rights: 0n })).toBe(-Errno.ENOTDIR);
    expect(fixture.open('file///', 0, { rights: 0n })).toBe(-Errno.ENOTDIR);
    expect(fixture.open('new/', OFLAGS_CREAT)).toBe(-Errno.EISDIR);
  });

  it('"." opens the directory again, also nonblocking; for writing it answers EISDIR', () => {
    const fixture = tree();
    const read = BigInt(Rights.FD_READ);
    expect(fixture.open('.', OFLAGS_DIRECTORY, { rights: read, fdflags: FDFLAGS_NONBLOCK })).toBeGreaterThan(ROOT);
    expect(fixture.open('dir/..', 0, { rights: 0n })).toBeGreaterThan(ROOT);
    const inner = fixture.open('dir/nested/.', 0, { rights: BigInt(Rights.PATH_OPEN) });
    expect(fixture.open('file', 0, { dir: inner, rights: 0n })).toBeGreaterThan(inner);
    expect(fixture.open('.', OFLAGS_DIRECTORY, { rights: read | BigInt(Rights.FD_WRITE) })).toBe(-Errno.EISDIR);
    expect(fixture.open('dir', 0)).toBe(-Errno.EISDIR);
  });

  it('does not follow a link at the end unless asked, but always before it', () => {
    const fixture = tree();
    fixture.files.putLink('to-file', 'dir/nested/file');
    fixture.files.putLink('to-dir', 'dir');
    fixture.files.putLink('dangling', 'nothing');
    fixture.files.putLink('loop', 'loop');
    const rights = BigInt(Rights.FD_READ);
    expect(fixture.open('to-file', 0, { rights })).toBe(-Errno.ELOOP);
    expect(fixture.read(fixture.open('to-file', 0, { rights, follow: FOLLOW }), 9)).toBe('inside');
    expect(fixture.open('to-dir', OFLAGS_DIRECTORY, { rights })).toBe(-Errno.ELOOP);
    expect(fixture.open('to-dir', OFLAGS_DIRECTORY, { rights, follow: FOLLOW })).toBeGreaterThan(ROOT);
    expect(fixture.open('to-dir/', 0, { rights })).toBeGreaterThan(ROOT);
    expect(fixture.read(fixture.open('to-dir/nested/file', 0, { rights }), 9)).toBe('inside');
    expect(fixture.open('to-file', OFLAGS_DIRECTORY, { rights, follow: FOLLOW })).toBe(-Errno.ENOTDIR);
    expect(fixture.open('dangling', 0, { rights })).toBe(-Errno.ELOOP);
    expect(fixture.open('dangling', 0, { rights, follow: FOLLOW })).toBe(-Errno.ENOENT);
    expect(fixture.open('loop', 0, { rights })).toBe(-Errno.ELOOP);
    expect(fixture.open('loop', 0, { rights, follow: FOLLOW })).toBe(-Errno.ELOOP);
    expect(fixture.open('loop/x', 0, { rights })).toBe(-Errno.ELOOP);
  });

  it('creates the target of a dangling link, but not with O_EXCL', () => {
    const fixture = tree();
    fixture.files.putLink('dangling', 'dir/made');
    expect(fixture.open('dangling', OFLAGS_CREAT | OFLAGS_EXCL, { follow: FOLLOW })).toBe(-Errno.EEXIST);
    expect(fixture.open('dangling', OFLAGS_CREAT, { follow: FOLLOW })).toBeGreaterThan(ROOT);
    expect(fixture.files.find('dir/made').type).toBe(HostFileType.regularFile);
  });

  it('refuses bad flags, bad text and a descriptor that is no directory', () => {
    const fixture = tree();
    expect(fixture.open('file', 16)).toBe(-Errno.EINVAL);
    expect(fixture.open('file', 0, { fdflags: 32 })).toBe(-Errno.EINVAL);
    expect(fixture.open('file', 0, { follow: 2 })).toBe(-Errno.EINVAL);
    expect(fixture.open('dir', OFLAGS_CREAT | OFLAGS_DIRECTORY)).toBe(-Errno.EINVAL);
    expect(fixture.open('')).toBe(-Errno.ENOENT);
    expect(fixture.open('file\0')).toBe(-Errno.EINVAL);
    expect(fixture.open('x'.repeat(5000))).toBe(-Errno.ENAMETOOLONG);
    expect(fixture.open('x'.repeat(256))).toBe(-Errno.ENAMETOOLONG);
    const bad = fixture.put(Uint8Array.of(0x66, 0xc0, 0xaf));
    expect(fixture.call('path_open', ROOT, 0, bad, 3, 0, 0n, 0n, 0, RESULT)).toBe(Errno.EILSEQ);
    const fd = fixture.open('file');
    expect(fixture.open('x', OFLAGS_CREAT, { dir: fd })).toBe(-Errno.ENOTDIR);
    expect(fixture.open('x', 0, { dir: 0 })).toBe(-Errno.ENOTDIR);
    expect(fixture.open('x', 0, { dir: 55 })).toBe(-Errno.EBADF);
  });

  it('gives rights that fit the kind of file and are inherited; more is ENOTCAPABLE', () => {
    const fixture = tree();
    const dir = fixture.open('dir', OFLAGS_DIRECTORY, { rights: BigInt(Rights.FD_SEEK | Rights.PATH_OPEN) });
    fixture.call('fd_fdstat_get', dir, RESULT);
    expect(fixture.u64(RESULT + FDSTAT.rightsBase)).toBe(BigInt(Rights.PATH_OPEN));
    expect(fixture.call('fd_fdstat_set_rights', dir, BigInt(Rights.PATH_OPEN), BigInt(Rights.FD_READ))).toBe(0);
    expect(fixture.open('nested/file', 0, { dir, rights: BigInt(Rights.FD_READ) })).toBe(-Errno.ENOTCAPABLE);
    const ask = (rights: bigint) =>
      fixture.call('path_open', dir, 0, ...fixture.text('nested/file'), 0, rights, 0n, 0, RESULT);
    expect(ask(BigInt(Rights.FD_READ))).toBe(0);
    expect(ask(BigInt(Rights.FD_WRITE))).toBe(Errno.ENOTCAPABLE);
    // Creating and truncating need rights of the directory itself.
    expect(fixture.call('path_open', dir, 0, ...fixture.text('new'), OFLAGS_CREAT, 0n, 0n, 0, RESULT)).toBe(76);
    expect(fixture.call('path_open', dir, 0, ...fixture.text('new'), OFLAGS_TRUNC, 0n, 0n, 0, RESULT)).toBe(76);
  });

  it('refuses host pipes, which could block the machine', () => {
    const fixture = tree();
    fixture.files.put('pipe', HostFileType.fifo);
    expect(fixture.open('pipe', 0, { rights: BigInt(Rights.FD_READ) })).toBe(-Errno.ENXIO);
  });

  it('answers EMFILE when the table is full, and holds ten thousand descriptors', () => {
    const fixture = tree();
    const rights = BigInt(Rights.FD_READ);
    const args = [ROOT, 0, ...fixture.text('file'), 0, rights, 0n, 0, RESULT] as const;
    for (let i = 0; i < 10_000; i++) fixture.call('path_open', ...args);
    expect(fixture.u32()).toBe(10_003);
    while (fixture.call('path_open', ...args) === 0);
    expect(fixture.call('path_open', ...args)).toBe(Errno.EMFILE);
    fixture.call('fd_close', 500);
    expect(fixture.call('path_open', ...args)).toBe(0);
    expect(fixture.u32()).toBe(500);
  });
});

describe('the sandbox', () => {
  const outside = ['/etc', '/', '..', '../x', 'dir/../..', 'dir/../../x', 'dir/nested/../../../file'];

  it('no path leads above the directory it starts from', () => {
    const fixture = tree();
    for (const path of outside) expect(fixture.open(path, 0, { rights: 0n, follow: FOLLOW })).toBe(-Errno.EPERM);
    const dir = fixture.open('dir', OFLAGS_DIRECTORY, { rights: 0xffff_ffbfn });
    expect(fixture.open('../file', 0, { dir, rights: 0n })).toBe(-Errno.EPERM);
  });

  it('no link leads outside, wherever it stands', () => {
    for (const target of outside) {
      const fixture = tree();
      fixture.files.putLink('link', target);
      expect(fixture.open('link', 0, { rights: 0n, follow: FOLLOW })).toBe(-Errno.EPERM);
      expect(fixture.open('link/', 0, { rights: 0n })).toBe(-Errno.EPERM);
      expect(fixture.open('link/passwd', 0, { rights: 0n })).toBe(-Errno.EPERM);
      expect(typeOf(fixture, 'link', FOLLOW)).toBe(-Errno.EPERM);
      expect(onPath(fixture, 'path_create_directory', 'link/new')).toBe(Errno.EPERM);
      expect(rename(fixture, 'file', 'link/new')).toBe(Errno.EPERM);
      expect(link(fixture, 'link', 'copy', FOLLOW)).toBe(Errno.EPERM);
    }
  });

  it('a directory that becomes a link during the walk is not followed blindly', () => {
    const fixture = tree();
    fixture.files.beforeCall = (operation, name) => {
      if (operation !== 'openAt' || name !== 'nested') return;
      fixture.files.find('dir').entries.delete('nested');
      fixture.files.putLink('dir/nested', '../..');
    };
    expect(fixture.open('dir/nested/file', 0, { rights: 0n })).toBe(-Errno.EPERM);
  });

  it('a directory moved away during the walk does not move the meaning of ".."', () => {
    const fixture = tree();
    fixture.files.putDirectory('elsewhere');
    fixture.files.putFile('elsewhere/file', 'wrong');
    fixture.files.putFile('dir/file', 'right');
    fixture.files.beforeCall = (operation, name) => {
      const nested = fixture.files.find('dir').entries.get('nested');
      if (operation !== 'openAt' || name !== 'file' || nested === undefined) return;
      fixture.files.find('dir').entries.delete('nested');
      fixture.files.find('elsewhere').entries.set('nested', nested);
    };
    expect(fixture.read(fixture.open('dir/nested/../file', 0, { rights: BigInt(Rights.FD_READ) }), 9)).toBe('right');
  });

  it('a file swapped for a link between look and open is an error', () => {
    const fixture = tree();
    fixture.files.putLink('link', 'file');
    let swapped = false;
    fixture.files.beforeCall = (operation, name) => {
      if (operation !== 'openAt' || name !== 'file' || swapped) return;
      swapped = true;
      fixture.files.root.entries.delete('file');
      fixture.files.putLink('file', '../secret');
    };
    expect(fixture.open('link', 0, { rights: 0n, follow: FOLLOW })).toBe(-Errno.EPERM);
    expect(swapped).toBe(true);
  });

  it('gives all handles of a walk back, also after errors', () => {
    const fixture = tree();
    fixture.files.putLink('loop', 'loop');
    const before = fixture.files.openCount;
    for (const path of [...outside, 'dir/nested/none', 'dir/nested/file/x', 'loop/x', 'dir/nested/../nested/none/x']) {
      expect(fixture.open(path, 0, { rights: 0n, follow: FOLLOW })).toBeLessThan(0);
      expect(typeOf(fixture, path, FOLLOW)).toBeLessThan(0);
    }
    expect(fixture.files.openCount).toBe(before);
    const fd = fixture.open('dir/nested', 0, { rights: 0n });
    expect(fixture.files.openCount).toBe(before + 1);
    fixture.call('fd_close', fd);
    expect(fixture.files.openCount).toBe(before);
  });
});

describe('a read-only grant', () => {
  it('answers EROFS to every change, after the errors that come first', () => {
    const fixture = new Fixture({ readOnly: true });
    fixture.files.putFile('file', 'text');
    fixture.files.putDirectory('dir');
    const rights = BigInt(Rights.FD_READ);
    expect(fixture.read(fixture.open('file', 0, { rights }), 9)).toBe('text');
    expect(fixture.open('file')).toBe(-Errno.EROFS);
    expect(fixture.open('file', OFLAGS_TRUNC, { rights })).toBe(-Errno.EROFS);
    expect(fixture.open('new', OFLAGS_CREAT, { rights })).toBe(-Errno.EROFS);
    expect(fixture.open('file', OFLAGS_CREAT, { rights })).toBeGreaterThan(ROOT);
    expect(fixture.open('file', OFLAGS_CREAT | OFLAGS_EXCL, { rights })).toBe(-Errno.EEXIST);
    expect(onPath(fixture, 'path_create_directory', 'new')).toBe(Errno.EROFS);
    expect(onPath(fixture, 'path_create_directory', 'dir')).toBe(Errno.EEXIST);
    expect(onPath(fixture, 'path_remove_directory', 'dir')).toBe(Errno.EROFS);
    expect(onPath(fixture, 'path_unlink_file', 'file')).toBe(Errno.EROFS);
    expect(onPath(fixture, 'path_unlink_file', 'none')).toBe(Errno.ENOENT);
    expect(rename(fixture, 'file', 'other')).toBe(Errno.EROFS);
    expect(link(fixture, 'file', 'other')).toBe(Errno.EROFS);
    expect(symlink(fixture, 'file', 'other')).toBe(Errno.EROFS);
    const times = [0n, 5n, FSTFLAGS_MTIM] as const;
    expect(fixture.call('path_filestat_set_times', ROOT, 0, ...fixture.text('file'), ...times)).toBe(Errno.EROFS);
    expect(fixture.call('path_filestat_set_times', ROOT, 0, ...fixture.text('.'), ...times)).toBe(Errno.EROFS);
    expect(fixture.call('fd_filestat_set_times', ROOT, ...times)).toBe(Errno.EROFS);
    expect([...fixture.files.root.entries.keys()]).toEqual(['file', 'dir']);
  });
});

describe('path_create_directory(), path_remove_directory(), path_unlink_file()', () => {
  it('make and remove, with or without a slash behind a directory', () => {
    const fixture = tree();
    expect(onPath(fixture, 'path_create_directory', 'new/')).toBe(0);
    expect(onPath(fixture, 'path_create_directory', 'new')).toBe(Errno.EEXIST);
    expect(onPath(fixture, 'path_create_directory', '.')).toBe(Errno.EEXIST);
    expect(onPath(fixture, 'path_remove_directory', 'new/')).toBe(0);
    expect(onPath(fixture, 'path_remove_directory', 'new')).toBe(Errno.ENOENT);
    expect(onPath(fixture, 'path_remove_directory', 'dir')).toBe(Errno.ENOTEMPTY);
    expect(onPath(fixture, 'path_remove_directory', 'file')).toBe(Errno.ENOTDIR);
    expect(onPath(fixture, 'path_remove_directory', 'file/')).toBe(Errno.ENOTDIR);
    expect(onPath(fixture, 'path_remove_directory', 'dir/.')).toBe(Errno.EINVAL);
    expect(onPath(fixture, 'path_remove_directory', 'dir/nested/..')).toBe(Errno.ENOTEMPTY);
  });

  it('unlink refuses directories and slashes behind files', () => {
    const fixture = tree();
    expect(onPath(fixture, 'path_unlink_file', 'dir')).toBe(Errno.EISDIR);
    expect(onPath(fixture, 'path_unlink_file', 'dir/')).toBe(Errno.EISDIR);
    expect(onPath(fixture, 'path_unlink_file', 'file/')).toBe(Errno.ENOTDIR);
    expect(onPath(fixture, 'path_unlink_file', '.')).toBe(Errno.EISDIR);
    expect(onPath(fixture, 'path_unlink_file', 'file')).toBe(0);
    expect(onPath(fixture, 'path_unlink_file', 'file')).toBe(Errno.ENOENT);
  });
});

describe('path_symlink() and path_readlink()', () => {
  it('make and read links; a short buffer gets a part', () => {
    const fixture = tree();
    expect(symlink(fixture, 'dir/nested', 'link')).toBe(0);
    const buffer = fixture.put(new Uint8Array(16));
    expect(fixture.call('path_readlink', ROOT, ...fixture.text('link'), buffer, 16, RESULT)).toBe(0);
    expect(fixture.string(buffer, fixture.u32())).toBe('dir/nested');
    expect(fixture.call('path_readlink', ROOT, ...fixture.text('link'), buffer, 3, RESULT)).toBe(0);
    expect(fixture.u32()).toBe(3);
    expect(fixture.call('path_readlink', ROOT, ...fixture.text('file'), buffer, 3, RESULT)).toBe(Errno.EINVAL);
    expect(fixture.call('path_readlink', ROOT, ...fixture.text('none'), buffer, 3, RESULT)).toBe(Errno.ENOENT);
    expect(fixture.call('path_readlink', ROOT, ...fixture.text('.'), buffer, 3, RESULT)).toBe(Errno.EINVAL);
  });

  it('refuse absolute and empty targets, existing names, and slashes behind new ones', () => {
    const fixture = tree();
    expect(symlink(fixture, '/', 'link')).toBe(Errno.EPERM);
    expect(symlink(fixture, '', 'link')).toBe(Errno.ENOENT);
    expect(symlink(fixture, 'x', 'link/')).toBe(Errno.ENOENT);
    expect(symlink(fixture, 'x', 'dir')).toBe(Errno.EEXIST);
    expect(symlink(fixture, 'x', 'dir/')).toBe(Errno.EEXIST);
    expect(symlink(fixture, 'x', 'file')).toBe(Errno.EEXIST);
    expect(symlink(fixture, 'x', 'file/')).toBe(Errno.ENOTDIR);
  });
});

describe('path_link()', () => {
  it('links files and links themselves, follows when asked', () => {
    const fixture = tree();
    fixture.files.putLink('sym', 'file');
    fixture.files.putLink('dangling', 'none');
    expect(link(fixture, 'file', 'copy')).toBe(0);
    expect(fixture.files.find('copy')).toBe(fixture.files.find('file'));
    expect(link(fixture, 'sym', 'sym2')).toBe(0);
    expect(fixture.files.find('sym2').type).toBe(HostFileType.symbolicLink);
    expect(link(fixture, 'sym', 'copy2', FOLLOW)).toBe(0);
    expect(fixture.files.find('copy2')).toBe(fixture.files.find('file'));
    expect(link(fixture, 'dangling', 'x', FOLLOW)).toBe(Errno.ENOENT);
  });

  it('refuses directories, existing names and slashes', () => {
    const fixture = tree();
    expect(link(fixture, 'dir', 'x')).toBe(Errno.EPERM);
    expect(link(fixture, '.', 'x')).toBe(Errno.EPERM);
    expect(link(fixture, 'file', 'file')).toBe(Errno.EEXIST);
    expect(link(fixture, 'file', 'dir')).toBe(Errno.EEXIST);
    expect(link(fixture, 'file', 'x/')).toBe(Errno.ENOENT);
    expect(link(fixture, 'file/', 'x')).toBe(Errno.ENOTDIR);
    expect(link(fixture, 'none', 'x')).toBe(Errno.ENOENT);
  });
});

describe('path_rename()', () => {
  it('renames directories with and without slashes, and replaces', () => {
    const fixture = tree();
    for (const [from, to] of [
      ['dir/', 'a'],
      ['a', 'b/'],
      ['b/', 'c/'],
      ['c', 'dir'],
    ] as const) {
      expect(rename(fixture, from, to)).toBe(0);
    }
    fixture.files.putDirectory('empty');
    expect(rename(fixture, 'dir', 'empty')).toBe(0);
    fixture.files.putFile('other');
    expect(rename(fixture, 'file', 'other')).toBe(0);
    expect([...fixture.files.root.entries.keys()]).toEqual(['empty', 'other']);
  });

  it('refuses what Linux refuses', () => {
    const fixture = tree();
    fixture.files.putDirectory('empty');
    expect(rename(fixture, 'none', 'x')).toBe(Errno.ENOENT);
    expect(rename(fixture, 'empty', 'dir')).toBe(Errno.ENOTEMPTY);
    expect(rename(fixture, 'empty', 'file')).toBe(Errno.ENOTDIR);
    expect(rename(fixture, 'file', 'empty')).toBe(Errno.EISDIR);
    expect(rename(fixture, 'file', 'x/')).toBe(Errno.ENOTDIR);
    expect(rename(fixture, 'file/', 'x')).toBe(Errno.ENOTDIR);
    expect(rename(fixture, 'dir', 'dir/nested/x')).toBe(Errno.EINVAL);
    expect(rename(fixture, '.', 'x')).toBe(Errno.EBUSY);
    expect(rename(fixture, 'dir', 'dir/nested/..')).toBe(Errno.EBUSY);
  });
});

describe('path_filestat_get() and path_filestat_set_times()', () => {
  it('follow links when asked', () => {
    const fixture = tree();
    fixture.files.putLink('link', 'file');
    expect(typeOf(fixture, 'link')).toBe(HostFileType.symbolicLink);
    expect(typeOf(fixture, 'link', FOLLOW)).toBe(HostFileType.regularFile);
    expect(typeOf(fixture, 'dir/')).toBe(HostFileType.directory);
    expect(typeOf(fixture, '.')).toBe(HostFileType.directory);
    expect(typeOf(fixture, 'file/')).toBe(-Errno.ENOTDIR);
    expect(typeOf(fixture, 'none')).toBe(-Errno.ENOENT);
    const set = (flags: number, mtime: bigint, times: number) =>
      fixture.call('path_filestat_set_times', ROOT, flags, ...fixture.text('link'), 0n, mtime, times);
    expect(set(0, 11n, FSTFLAGS_MTIM)).toBe(0);
    expect(set(FOLLOW, 22n, FSTFLAGS_MTIM)).toBe(0);
    expect(fixture.files.find('link').mtimeNs).toBe(11n);
    expect(fixture.files.find('file').mtimeNs).toBe(22n);
    expect(set(0, 33n, FSTFLAGS_MTIM | FSTFLAGS_MTIM_NOW)).toBe(Errno.EINVAL);
    expect(set(0, 33n, 16)).toBe(Errno.EINVAL);
    expect(set(0, 0n, FSTFLAGS_MTIM_NOW)).toBe(0);
    expect(fixture.files.find('link').mtimeNs).toBe(fixture.clock.realtimeNs());
  });
});

describe('rights of a directory', () => {
  it('each path call needs its own', () => {
    const fixture = tree();
    const dir = fixture.open('dir', OFLAGS_DIRECTORY, { rights: 0n });
    for (const name of ['path_create_directory', 'path_remove_directory', 'path_unlink_file']) {
      expect(onPath(fixture, name, 'x', dir)).toBe(Errno.ENOTCAPABLE);
      expect(onPath(fixture, name, 'x', 0)).toBe(Errno.ENOTDIR);
      expect(onPath(fixture, name, 'x', 44)).toBe(Errno.EBADF);
    }
    const x = fixture.text('x');
    expect(fixture.call('path_filestat_get', dir, 0, ...x, RESULT)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.call('path_filestat_set_times', dir, 0, ...x, 0n, 0n, 0)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.call('path_link', dir, 0, ...x, ROOT, ...x)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.call('path_link', ROOT, 0, ...x, dir, ...x)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.call('path_rename', dir, ...x, ROOT, ...x)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.call('path_rename', ROOT, ...x, dir, ...x)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.call('path_symlink', ...x, dir, ...x)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.call('path_readlink', dir, ...x, RESULT, 8, RESULT)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.call('path_open', dir, 0, ...x, 0, 0n, 0n, 0, RESULT)).toBe(Errno.ENOTCAPABLE);
  });
});
