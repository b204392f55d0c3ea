import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinuxErrno } from '../../../abi/errno.ts';
import type { HostDirEntry, HostStat } from '../../kernel/ports.ts';
import { HostOpen } from '../../kernel/ports.ts';
import { NodeFiles } from './files.ts';

const readWrite = HostOpen.read | HostOpen.write;

describe('NodeFiles', () => {
  let base: string;
  let files: NodeFiles;
  let root: number;

  beforeEach(() => {
    base = fs.mkdtempSync(path.join(os.tmpdir(), 'wvm-files-'));
    files = new NodeFiles();
    root = files.grant(base, false);
  });
  afterEach(() => {
    files.closeAll();
    fs.rmSync(base, { recursive: true, force: true });
  });

  const open = (name: string, flags: number): number => {
    const handle = files.openAt(root, name, flags);
    expect(handle).toBeGreaterThanOrEqual(0);
    return handle;
  };
  const stat = (handle: number): HostStat => files.stat(handle) as HostStat;

  it('grant() of what is no directory says so with a code', () => {
    fs.writeFileSync(path.join(base, 'file'), '');
    expect(() => files.grant(path.join(base, 'file'), false)).toThrow(/ENOTDIR/);
    expect(() => files.grant(path.join(base, 'none'), false)).toThrow(expect.objectContaining({ code: 'WVM_FILE' }));
  });

  it('read() and write() are positional and leave holes', () => {
    const handle = open('sparse', readWrite | HostOpen.create);
    expect(files.write(handle, Buffer.from('end'), 1_000_000n)).toBe(3);
    expect(stat(handle).size).toBe(1_000_003n);
    const target = new Uint8Array(4);
    expect(files.read(handle, target, 999_999n)).toBe(4);
    expect(Buffer.from(target).toString()).toBe('\0end');
    expect(files.read(handle, target, 1_000_003n)).toBe(0);
    expect(files.read(handle, target, 1n << 62n)).toBe(0);
    expect(files.read(handle, target, -1n)).toBe(-LinuxErrno.EINVAL);
    expect(files.write(handle, target, 1n << 62n)).toBe(-LinuxErrno.EFBIG);
  });

  it('write() takes views of wasm memories, shared ones too', () => {
    const handle = open('memory', readWrite | HostOpen.create);
    for (const shared of [false, true]) {
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared });
      const view = new Uint8Array(memory.buffer, 100, 5);
      view.set(Buffer.from('bytes'));
      expect(files.write(handle, view, 0n)).toBe(5);
      view.fill(0);
      expect(files.read(handle, view, 0n)).toBe(5);
      expect(Buffer.from(view).toString()).toBe('bytes');
    }
  });

  it('appending and positional writes mix on one handle, however it was opened', () => {
    for (const flags of [readWrite | HostOpen.create, readWrite | HostOpen.create | HostOpen.append]) {
      const name = `append-${flags}`;
      const [handle, other] = [open(name, flags), open(name, readWrite)];
      expect(files.write(handle, Buffer.from('aaaa'), -1n)).toBe(4);
      expect(files.write(other, Buffer.from('bb'), 4n)).toBe(2);
      expect(files.write(handle, Buffer.from('cc'), -1n)).toBe(2);
      expect(files.write(handle, Buffer.from('X'), 1n)).toBe(1);
      expect(fs.readFileSync(path.join(base, name), 'utf8')).toBe('aXaabbcc');
    }
  });

  it('openAt() with create, exclusive, truncate and none of them', () => {
    expect(files.openAt(root, 'new', HostOpen.read)).toBe(-LinuxErrno.ENOENT);
    const handle = open('new', readWrite | HostOpen.create | HostOpen.exclusive);
    files.write(handle, Buffer.from('content'), 0n);
    expect(files.openAt(root, 'new', readWrite | HostOpen.create | HostOpen.exclusive)).toBe(-LinuxErrno.EEXIST);
    expect(stat(open('new', HostOpen.read | HostOpen.create)).size).toBe(7n);
    expect(stat(open('new', HostOpen.write | HostOpen.truncate)).size).toBe(0n);
    expect(files.openAt(root, 'd', HostOpen.directory | HostOpen.create)).toBe(-LinuxErrno.ENOENT);
  });

  it('read() of a handle that may only write is EBADF, and write() of one that may only read', () => {
    const writer = open('file', HostOpen.write | HostOpen.create);
    expect(files.read(writer, new Uint8Array(1), 0n)).toBe(-LinuxErrno.EBADF);
    expect(files.write(open('file', HostOpen.read), new Uint8Array(1), 0n)).toBe(-LinuxErrno.EBADF);
  });

  it('setSize() grows and shrinks, and refuses sizes that are none', () => {
    const handle = open('file', readWrite | HostOpen.create);
    expect(files.setSize(handle, 10n)).toBe(0);
    expect(stat(handle).size).toBe(10n);
    expect(files.setSize(handle, 3n)).toBe(0);
    expect(stat(handle).size).toBe(3n);
    expect(files.setSize(handle, -1n)).toBe(-LinuxErrno.EINVAL);
    expect(files.setSize(handle, 1n << 62n)).toBe(-LinuxErrno.EFBIG);
    expect(stat(handle).size).toBe(3n);
  });

  it('setTimes() and setTimesAt() are exact to the nanosecond and leave the other time alone', () => {
    const handle = open('file', readWrite | HostOpen.create);
    const before = stat(handle);
    const mtimeNs = before.mtimeNs - 100n;
    expect(files.setTimes(handle, undefined, mtimeNs)).toBe(0);
    expect(stat(handle)).toMatchObject({ mtimeNs, atimeNs: before.atimeNs });
    expect(files.statAt(root, 'file')).toMatchObject({ mtimeNs, atimeNs: before.atimeNs });
    expect(files.setTimesAt(root, 'file', 1_234_567_890_123_456_789n, undefined)).toBe(0);
    expect(stat(handle)).toMatchObject({ mtimeNs, atimeNs: 1_234_567_890_123_456_789n });
    const onDisk = fs.statSync(path.join(base, 'file'), { bigint: true });
    expect(Math.abs(Number(onDisk.mtimeNs - mtimeNs))).toBeLessThan(1000);
    const directory = open('.d', HostOpen.write | HostOpen.create) && files.grant(base, false);
    expect(files.setTimes(directory, 5n, 7_000_000_001n)).toBe(0);
    expect(stat(directory)).toMatchObject({ mtimeNs: 7_000_000_001n });
    expect(files.setTimes(handle, -1n, undefined)).toBe(-LinuxErrno.EINVAL);
  });

  it('a write after setTimes() shows the new time', () => {
    const handle = open('file', readWrite | HostOpen.create);
    files.setTimes(handle, undefined, 1_111_111_111_111_111_111n);
    files.write(handle, Buffer.from('x'), 0n);
    expect(stat(handle).mtimeNs).toBeGreaterThan(1_111_111_111_111_111_111n);
  });

  it('list() gives names in one order with types and inodes, and leaves out what is not UTF-8', () => {
    for (const name of ['z', 'a', 'ä', '\ufffd', '😀']) open(name, HostOpen.write | HostOpen.create);
    files.makeDirectoryAt(root, 'dir');
    files.symlinkAt('nowhere', root, 'link');
    fs.writeFileSync(Buffer.concat([Buffer.from(`${base}/bad`), Buffer.from([0xff])]), '');
    const entries = files.list(root) as HostDirEntry[];
    expect(entries.map((entry) => entry.name)).toEqual(['a', 'dir', 'link', 'z', 'ä', '😀', '\ufffd']);
    expect(entries.map((entry) => entry.type)).toEqual([4, 3, 7, 4, 4, 4, 4]);
    for (const entry of entries) expect(files.statAt(root, entry.name)).toMatchObject({ ino: entry.ino });
  });

  it('directories are made, listed, renamed and removed, and a removed one stays empty', () => {
    expect(files.makeDirectoryAt(root, 'dir')).toBe(0);
    expect(files.makeDirectoryAt(root, 'dir')).toBe(-LinuxErrno.EEXIST);
    const dir = open('dir', HostOpen.directory);
    files.close(files.openAt(dir, 'file', HostOpen.write | HostOpen.create));
    expect(files.removeDirectoryAt(root, 'dir')).toBe(-LinuxErrno.ENOTEMPTY);
    expect(files.renameAt(dir, 'file', root, 'file')).toBe(0);
    expect(files.unlinkAt(root, 'dir')).toBe(-LinuxErrno.EISDIR);
    expect(files.removeDirectoryAt(root, 'dir')).toBe(0);
    expect(files.list(dir)).toEqual([]);
    expect(files.makeDirectoryAt(dir, 'x')).toBe(-LinuxErrno.ENOENT);
  });

  it('sync() takes files and directories', () => {
    const handle = open('file', readWrite | HostOpen.create | HostOpen.sync);
    for (const dataOnly of [true, false])
      expect([files.sync(handle, dataOnly), files.sync(root, dataOnly)]).toEqual([0, 0]);
  });

  it('hard links count, and readLinkAt() of what is no link is EINVAL', () => {
    open('file', HostOpen.write | HostOpen.create);
    expect(files.linkAt(root, 'file', root, 'same')).toBe(0);
    expect(files.statAt(root, 'same')).toMatchObject({ nlink: 2n });
    expect(files.readLinkAt(root, 'file')).toBe(-LinuxErrno.EINVAL);
    expect(files.symlinkAt('a\0b', root, 'link')).toBe(-LinuxErrno.EINVAL);
    fs.symlinkSync(Buffer.from([0xff, 0xfe]), path.join(base, 'raw'));
    expect(files.readLinkAt(root, 'raw')).toBe(-LinuxErrno.EILSEQ);
  });

  it('ten thousand handles are open at once', () => {
    open('file', HostOpen.write | HostOpen.create);
    const handles = new Set(Array.from({ length: 10_000 }, () => files.openAt(root, 'file', HostOpen.read)));
    const refused = [...handles].filter((handle) => handle < 0);
    // A host with a low limit says so by errno, and nothing breaks.
    expect(refused.every((errno) => errno === -LinuxErrno.EMFILE)).toBe(true);
    if (refused.length === 0) expect(handles.size).toBe(10_000);
    files.closeAll();
    expect(files.close([...handles][0]!)).toBe(-LinuxErrno.EBADF);
  });
});
