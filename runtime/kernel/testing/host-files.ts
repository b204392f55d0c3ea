// The host's files for tests of the kernel: the file system in memory that guests get as tmpfs, in the place of a host, with a
// view of the tree for tests. `openCount` counts what is open, and `beforeCall` lets a test change the tree between two calls of
// the kernel, as another process could.

import { HostFileType, type HostHandle, HostOpen, type HostResult, type HostStat } from '../ports.ts';
import { FileContents } from '../vfs/file-contents.ts';
import { MemoryFiles } from '../vfs/memory-files.ts';
import { MemoryInode } from '../vfs/memory-inode.ts';

const MAX_BYTES: number = 2 ** 30;

export class HostFiles extends MemoryFiles {
  /** Called before every operation that takes a name. */
  beforeCall: ((operation: string, name: string) => void) | undefined;

  constructor() {
    let timeNs = 1_000_000n;
    super({ maxBytes: MAX_BYTES, dev: 7n, nowNs: () => (timeNs += 1000n) });
  }

  /** Without its own handle of the root. */
  get openCount(): number {
    return this.handles.size - 1;
  }

  /** Opens a directory of the tree, as the host does for a grant. */
  grant(path = ''): HostHandle {
    return this.open(this.find(path), HostOpen.read | HostOpen.directory);
  }

  /** Inode at a path without links; a test's own view of the tree. */
  find(path: string): MemoryInode {
    let inode = this.root;
    for (const name of path.split('/')) if (name !== '') inode = inode.entries.get(name)!;
    return inode;
  }

  bytesOf(path: string): Uint8Array {
    const contents = this.find(path).contents!;
    const bytes = new Uint8Array(contents.sizeBytes);
    contents.read(bytes, 0);
    return bytes;
  }

  putFile(path: string, text = ''): MemoryInode {
    const inode = this.put(path, HostFileType.regularFile);
    inode.contents = new FileContents(this.pages);
    inode.contents.write(
      Uint8Array.from(text, (character) => character.charCodeAt(0)),
      0,
    );
    return inode;
  }

  putDirectory(path: string): MemoryInode {
    return this.put(path, HostFileType.directory);
  }

  putLink(path: string, target: string): MemoryInode {
    const inode = this.put(path, HostFileType.symbolicLink);
    inode.target = target;
    return inode;
  }

  /** In the place of what was there. */
  put(path: string, type: number): MemoryInode {
    const slash = path.lastIndexOf('/');
    const nowNs = this.nowNs();
    const times = { atimeNs: nowNs, mtimeNs: nowNs, ctimeNs: nowNs };
    const inode = new MemoryInode(this.dev, ++this.lastIno, type, times);
    inode.names = 1;
    const parent = this.find(path.slice(0, Math.max(slash, 0)));
    if (inode.isDirectory) inode.parent = parent;
    const name = path.slice(slash + 1);
    const old = parent.entries.get(name);
    if (old != null) old.isGone = --old.names === 0;
    parent.entries.set(name, inode);
    return inode;
  }

  override openAt(dir: HostHandle, name: string, flags: number): HostResult {
    this.#before('openAt', name);
    return super.openAt(dir, name, flags);
  }

  override statAt(dir: HostHandle, name: string): HostStat | HostResult {
    this.#before('statAt', name);
    return super.statAt(dir, name);
  }

  override setTimesAt(
    dir: HostHandle,
    name: string,
    atimeNs: bigint | undefined,
    mtimeNs: bigint | undefined,
  ): HostResult {
    this.#before('setTimesAt', name);
    return super.setTimesAt(dir, name, atimeNs, mtimeNs);
  }

  override makeDirectoryAt(dir: HostHandle, name: string): HostResult {
    this.#before('makeDirectoryAt', name);
    return super.makeDirectoryAt(dir, name);
  }

  override readLinkAt(dir: HostHandle, name: string): string | HostResult {
    this.#before('readLinkAt', name);
    return super.readLinkAt(dir, name);
  }

  override symlinkAt(target: string, dir: HostHandle, name: string): HostResult {
    this.#before('symlinkAt', name);
    return super.symlinkAt(target, dir, name);
  }

  override linkAt(fromDir: HostHandle, fromName: string, toDir: HostHandle, toName: string): HostResult {
    this.#before('linkAt', fromName, toName);
    return super.linkAt(fromDir, fromName, toDir, toName);
  }

  override renameAt(fromDir: HostHandle, fromName: string, toDir: HostHandle, toName: string): HostResult {
    this.#before('renameAt', fromName, toName);
    return super.renameAt(fromDir, fromName, toDir, toName);
  }

  override unlinkAt(dir: HostHandle, name: string): HostResult {
    this.#before('unlinkAt', name);
    return super.unlinkAt(dir, name);
  }

  override removeDirectoryAt(dir: HostHandle, name: string): HostResult {
    this.#before('removeDirectoryAt', name);
    return super.removeDirectoryAt(dir, name);
  }

  /** A name that the port's contract forbids is a bug of the kernel. */
  #before(operation: string, ...names: string[]): void {
    for (const name of names) {
      if (name === '' || name === '.' || name === '..' || name.includes('/'))
        throw new Error(`${operation}: "${name}"`);
      this.beforeCall?.(operation, name);
    }
  }
}
