import { describe, expect, it } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import {
  DIRENT,
  FDFLAGS_APPEND,
  FDFLAGS_NONBLOCK,
  FDFLAGS_SYNC,
  FDSTAT,
  FILESTAT,
  Filetype,
  FSTFLAGS_ATIM,
  FSTFLAGS_ATIM_NOW,
  FSTFLAGS_MTIM,
  OFLAGS_CREAT,
  OFLAGS_DIRECTORY,
  Rights,
} from '../../../abi/wasi-preview1.ts';
import { Fixture, RESULT, ROOT } from '../testing/fixture.ts';

function rightsOf(fixture: Fixture, fd: number): bigint {
  expect(fixture.call('fd_fdstat_get', fd, RESULT)).toBe(0);
  return fixture.u64(RESULT + FDSTAT.rightsBase);
}

function filetypeOf(fixture: Fixture, fd: number): number {
  expect(fixture.call('fd_fdstat_get', fd, RESULT)).toBe(0);
  return fixture.memory.bytes[RESULT + FDSTAT.filetype]!;
}

describe('fd_close() and fd_renumber()', () => {
  it('close once', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    const open = fixture.files.openCount;
    expect(fixture.call('fd_close', fd)).toBe(0);
    expect(fixture.files.openCount).toBe(open - 1);
    expect(fixture.call('fd_close', fd)).toBe(Errno.EBADF);
  });

  it('renumber moves the entry and closes what was there', () => {
    const fixture = new Fixture();
    const a = fixture.open('a', OFLAGS_CREAT);
    const b = fixture.open('b', OFLAGS_CREAT);
    fixture.write(a, 'text');
    const open = fixture.files.openCount;
    expect(fixture.call('fd_renumber', a, b)).toBe(0);
    expect(fixture.files.openCount).toBe(open - 1);
    expect(fixture.call('fd_close', a)).toBe(Errno.EBADF);
    fixture.call('fd_tell', b, RESULT);
    expect(fixture.u64()).toBe(4n);
    expect(fixture.call('fd_renumber', b, a)).toBe(Errno.EBADF);
    expect(fixture.call('fd_renumber', 88, b)).toBe(Errno.EBADF);
    expect(fixture.call('fd_renumber', b, b)).toBe(0);
    expect(fixture.open('c', OFLAGS_CREAT)).toBe(a);
  });

  it('standard streams and preopens can be moved and closed', () => {
    const fixture = new Fixture();
    const dir = fixture.open('.', OFLAGS_DIRECTORY, { rights: 0xffff_ffbfn });
    expect(fixture.call('fd_renumber', dir, ROOT)).toBe(0);
    expect(fixture.open('file', OFLAGS_CREAT)).toBe(dir);
    expect(fixture.call('fd_renumber', 1, dir)).toBe(0);
    expect(fixture.write(dir, 'hello')).toBe(5);
    expect(fixture.streams[1]!.text).toBe('hello');
    expect(fixture.call('fd_close', ROOT)).toBe(0);
    expect(fixture.call('fd_prestat_get', ROOT, RESULT)).toBe(Errno.EBADF);
  });
});

describe('fd_fdstat_*()', () => {
  it('tell the kind of file: a terminal cannot seek, the null device can', () => {
    const fixture = new Fixture({ streamKinds: ['tty', 'null', 'file'] });
    const fd = fixture.open('file', OFLAGS_CREAT);
    expect([0, 1, 2, ROOT, fd].map((number) => filetypeOf(fixture, number))).toEqual([
      Filetype.CHARACTER_DEVICE,
      Filetype.CHARACTER_DEVICE,
      Filetype.REGULAR_FILE,
      Filetype.DIRECTORY,
      Filetype.REGULAR_FILE,
    ]);
    const seek = BigInt(Rights.FD_SEEK | Rights.FD_TELL);
    expect(rightsOf(fixture, 0) & seek).toBe(0n);
    expect(rightsOf(fixture, 1) & seek).toBe(seek);
    expect(filetypeOf(new Fixture(), 0)).toBe(Filetype.UNKNOWN);
  });

  it('flags can be changed but not invented', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT, { fdflags: FDFLAGS_APPEND | FDFLAGS_SYNC });
    fixture.call('fd_fdstat_get', fd, RESULT);
    expect(fixture.memory.view.getUint16(RESULT + FDSTAT.flags, true)).toBe(FDFLAGS_APPEND | FDFLAGS_SYNC);
    expect(fixture.call('fd_fdstat_set_flags', fd, FDFLAGS_NONBLOCK)).toBe(0);
    expect(fixture.call('fd_fdstat_set_flags', fd, 32)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_fdstat_set_flags', 0, FDFLAGS_SYNC)).toBe(Errno.EINVAL);
    fixture.call('fd_fdstat_get', fd, RESULT);
    expect(fixture.memory.view.getUint16(RESULT + FDSTAT.flags, true)).toBe(FDFLAGS_NONBLOCK);
  });

  it('rights only shrink', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    const all = rightsOf(fixture, fd);
    expect(fixture.call('fd_fdstat_set_rights', fd, all, 0n)).toBe(0);
    expect(fixture.call('fd_fdstat_set_rights', fd, BigInt(Rights.FD_READ), 0n)).toBe(0);
    expect(rightsOf(fixture, fd)).toBe(BigInt(Rights.FD_READ));
    expect(fixture.call('fd_fdstat_set_rights', fd, all, 0n)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.call('fd_fdstat_set_rights', fd, 0n, 1n)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.call('fd_fdstat_set_rights', fd, -1n, 0n)).toBe(Errno.ENOTCAPABLE);
    expect(rightsOf(fixture, fd)).toBe(BigInt(Rights.FD_READ));
  });

  it('a file that is not open for writing has no right that needs it', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT, { rights: 0xffff_ffbfn });
    const write = BigInt(Rights.FD_WRITE | Rights.FD_ALLOCATE | Rights.FD_FILESTAT_SET_SIZE);
    expect(rightsOf(fixture, fd) & write).toBe(0n);
  });
});

describe('fd_filestat_*()', () => {
  it('tell size, times and identity', () => {
    const fixture = new Fixture();
    fixture.files.putFile('file', 'ten bytes!');
    const fd = fixture.open('file');
    expect(fixture.call('fd_filestat_get', fd, RESULT)).toBe(0);
    expect(fixture.u64(RESULT + FILESTAT.bytes)).toBe(10n);
    expect(fixture.u64(RESULT + FILESTAT.ino)).toBe(fixture.files.find('file').ino);
    expect(fixture.u64(RESULT + FILESTAT.nlink)).toBe(1n);
    expect(fixture.call('fd_filestat_get', 1, RESULT)).toBe(0);
  });

  it('set the size', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    expect(fixture.call('fd_filestat_set_size', fd, 100n)).toBe(0);
    expect(fixture.files.bytesOf('file')).toHaveLength(100);
    expect(fixture.call('fd_filestat_set_size', fd, -1n)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_filestat_set_size', ROOT, 0n)).toBe(Errno.EISDIR);
    expect(fixture.call('fd_filestat_set_size', 1, 0n)).toBe(Errno.EINVAL);
    const reader = fixture.open('file', 0, { rights: BigInt(Rights.FD_READ) });
    expect(fixture.call('fd_filestat_set_size', reader, 0n)).toBe(Errno.ENOTCAPABLE);
  });

  it('set one time or both, given or now', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    const inode = fixture.files.find('file');
    const atime = inode.atimeNs;
    expect(fixture.call('fd_filestat_set_times', fd, 1n, 2n, FSTFLAGS_MTIM)).toBe(0);
    expect([inode.atimeNs, inode.mtimeNs]).toEqual([atime, 2n]);
    expect(fixture.call('fd_filestat_set_times', fd, 1n, 2n, FSTFLAGS_ATIM_NOW)).toBe(0);
    expect([inode.atimeNs, inode.mtimeNs]).toEqual([fixture.clock.realtimeNs(), 2n]);
    expect(fixture.call('fd_filestat_set_times', fd, 1n, 2n, FSTFLAGS_ATIM | FSTFLAGS_ATIM_NOW)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_filestat_set_times', fd, 1n, 2n, 16)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_filestat_set_times', 1, 1n, 2n, 0)).toBe(Errno.ENOTCAPABLE);
  });
});

describe('fd_advise(), fd_allocate(), fd_sync(), fd_datasync()', () => {
  it('advice is checked and changes nothing', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    expect(fixture.call('fd_advise', fd, 10n, 50n, 5)).toBe(0);
    expect(fixture.call('fd_advise', fd, 10n, 50n, 6)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_advise', fd, -1n, 50n, 0)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_advise', fd, 0n, -1n, 0)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_advise', 0, 0n, 0n, 0)).toBe(Errno.ESPIPE);
    expect(fixture.call('fd_advise', 99, 0n, 0n, 0)).toBe(Errno.EBADF);
  });

  it('allocating grows a file and never shrinks it', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    const size = () => fixture.files.bytesOf('file').length;
    expect(fixture.call('fd_allocate', fd, 0n, 100n)).toBe(0);
    expect(fixture.call('fd_allocate', fd, 10n, 10n)).toBe(0);
    expect(size()).toBe(100);
    expect(fixture.call('fd_allocate', fd, 90n, 20n)).toBe(0);
    expect(size()).toBe(110);
    expect(fixture.call('fd_allocate', fd, 0n, 0n)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_allocate', fd, -1n, 5n)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_allocate', fd, 2n ** 63n - 1n, 1n)).toBe(Errno.EFBIG);
    expect(fixture.call('fd_allocate', ROOT, 0n, 1n)).toBe(Errno.EISDIR);
    expect(fixture.call('fd_allocate', 1, 0n, 1n)).toBe(Errno.ESPIPE);
  });

  it('syncing works on files and directories, not on streams', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    for (const name of ['fd_sync', 'fd_datasync']) {
      expect(fixture.call(name, fd)).toBe(0);
      expect(fixture.call(name, ROOT)).toBe(0);
      expect(fixture.call(name, 1)).toBe(Errno.EINVAL);
      expect(fixture.call(name, 99)).toBe(Errno.EBADF);
    }
  });
});

describe('fd_prestat_*()', () => {
  it('name the preopened directories and nothing else', () => {
    const fixture = new Fixture();
    expect(fixture.call('fd_prestat_get', ROOT, RESULT)).toBe(0);
    expect(fixture.u32(RESULT + 4)).toBe(1);
    fixture.memory.bytes[RESULT + 1] = 0x55;
    expect(fixture.call('fd_prestat_dir_name', ROOT, RESULT, 2)).toBe(0);
    expect(fixture.string(RESULT, 2)).toBe('/\x55');
    expect(fixture.call('fd_prestat_dir_name', ROOT, RESULT, 0)).toBe(Errno.ENAMETOOLONG);
    const dir = fixture.open('.', OFLAGS_DIRECTORY, { rights: 0n });
    for (const fd of [0, dir, 99]) {
      expect(fixture.call('fd_prestat_get', fd, RESULT)).toBe(Errno.EBADF);
      expect(fixture.call('fd_prestat_dir_name', fd, RESULT, 1)).toBe(Errno.EBADF);
    }
  });
});

interface Entry {
  next: bigint;
  ino: bigint;
  name: string;
  type: number;
}

/** One fd_readdir: whole entries, and whether the buffer was used up. */
function readDirectory(
  fixture: Fixture,
  fd: number,
  cookie: bigint,
  size: number,
): { entries: Entry[]; full: boolean } {
  const buffer = fixture.put(new Uint8Array(size));
  expect(fixture.call('fd_readdir', fd, buffer, size, cookie, RESULT)).toBe(0);
  const used = fixture.u32();
  const { view } = fixture.memory;
  const entries: Entry[] = [];
  for (let at = buffer; at + DIRENT.size <= buffer + used; ) {
    const nameLength = view.getUint32(at + DIRENT.nameLen, true);
    if (at + DIRENT.size + nameLength > buffer + used) break;
    entries.push({
      next: view.getBigUint64(at + DIRENT.next, true),
      ino: view.getBigUint64(at + DIRENT.ino, true),
      name: fixture.string(at + DIRENT.size, nameLength),
      type: view.getUint8(at + DIRENT.type),
    });
    at += DIRENT.size + nameLength;
  }
  return { entries, full: used === size };
}

describe('fd_readdir()', () => {
  it('lists ".", ".." and the entries with their inodes', () => {
    const fixture = new Fixture();
    fixture.files.putFile('file');
    fixture.files.putDirectory('dir');
    const { entries, full } = readDirectory(fixture, ROOT, 0n, 500);
    expect(full).toBe(false);
    const root = fixture.files.root.ino;
    expect(entries).toEqual([
      { next: 1n, ino: root, name: '.', type: Filetype.DIRECTORY },
      { next: 2n, ino: root, name: '..', type: Filetype.DIRECTORY },
      { next: 3n, ino: fixture.files.find('dir').ino, name: 'dir', type: Filetype.DIRECTORY },
      { next: 4n, ino: fixture.files.find('file').ino, name: 'file', type: Filetype.REGULAR_FILE },
    ]);
  });

  it('with a small buffer is complete, though the directory changes and the machine is resumed meanwhile', () => {
    const fixture = new Fixture();
    for (let i = 0; i < 100; i++) fixture.files.putFile(`file.${i}`);
    const names: string[] = [];
    let cookie = 0n;
    for (let round = 0; ; round++) {
      const { entries, full } = readDirectory(fixture, ROOT, cookie, 256);
      names.push(...entries.map((entry) => entry.name));
      if (!full) break;
      cookie = entries.at(-1)!.next;
      fixture.files.root.entries.delete(`file.${round}`);
      fixture.files.putFile(`late.${round}`);
      fixture.restore(fixture.kernel.save());
    }
    expect(names).toHaveLength(102);
    expect(new Set(names).size).toBe(102);
    expect(names).not.toContain('late.0');
    expect(readDirectory(fixture, ROOT, 0n, 9000).entries.map((entry) => entry.name)).toContain('late.0');
  });

  it('a full buffer ends inside an entry; a cookie beyond the end gives nothing', () => {
    const fixture = new Fixture();
    for (const size of [0, 1, 23, 24, 25, 26, 49]) {
      expect(fixture.call('fd_readdir', ROOT, fixture.put(new Uint8Array(size)), size, 0n, RESULT)).toBe(0);
      expect(fixture.u32()).toBe(size);
    }
    for (const cookie of [2n, 3n, -1n]) expect(readDirectory(fixture, ROOT, cookie, 100).entries).toEqual([]);
  });

  it('answers ENOTDIR, ENOTCAPABLE, EBADF', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    expect(fixture.call('fd_readdir', fd, RESULT, 0, 0n, RESULT)).toBe(Errno.ENOTDIR);
    expect(fixture.call('fd_readdir', 0, RESULT, 0, 0n, RESULT)).toBe(Errno.ENOTDIR);
    expect(fixture.call('fd_readdir', 99, RESULT, 0, 0n, RESULT)).toBe(Errno.EBADF);
    const dir = fixture.open('.', OFLAGS_DIRECTORY, { rights: 0n });
    expect(fixture.call('fd_readdir', dir, RESULT, 0, 0n, RESULT)).toBe(Errno.ENOTCAPABLE);
  });
});
