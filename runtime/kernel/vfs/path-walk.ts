// Walks a path component by component over directory handles, so that nothing the guest or another process does to the
// tree meanwhile can lead outside: every handle was reached from the base by names alone, links are read and followed here,
// and '..' takes the previous handle of the walk instead of asking the host for a parent.
//
//   1. new PathWalk(base, path) walks to the directory that holds the last component.
//   2. The caller acts on (directory, name); `name` is '' if the path ends in '.', '..' or is only dots: it names `directory`.
//   3. If the last component turns out to be a link that is to be followed: followLink(), then 2 again.
//   4. close() gives the handles back.
//
// Refused: absolute paths and link targets, and '..' above the base (EPERM); more than 40 links (ELOOP, Linux's limit).

import { Errno } from '../../../abi/errno.ts';
import { assert } from '../../base/assert.ts';
import { type FilesPort, type HostHandle, HostOpen } from '../ports.ts';
import { fail, failHost } from '../sys-error.ts';
import type { HostNode } from './host-node.ts';

/** Linux MAXSYMLINKS. */
const LINK_LIMIT = 40;

const HOST_ENOTDIR = -20;
const HOST_EINVAL = -22;
const HOST_ELOOP = -40;

export class PathWalk {
  /** Where the handles of this walk are valid. */
  readonly files: FilesPort;
  readonly base: HostNode;
  /** Handles opened below the base, innermost last, and their names. */
  private readonly handles: HostHandle[] = [];
  private readonly names: string[] = [];
  /** Components still to come, next one last. */
  private readonly pending: string[] = [];
  private linkCount = 0;
  /** Last component, or '' if the path names `directory` itself. */
  name = '';
  /** '.', '..' or '': the last component when `name` is ''. */
  dots = '';
  /** A slash follows the last component. */
  mustBeDirectory = false;

  constructor(base: HostNode, path: string) {
    this.files = base.files;
    this.base = base;
    if (path === '') fail(Errno.ENOENT);
    this.append(path, true);
    try {
      this.advance();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Handle of the directory that holds `name`. */
  get directory(): HostHandle {
    return this.handles[this.handles.length - 1] ?? this.base.handle;
  }

  /** Path of `name` relative to the grant's root; null when the base itself has no name any more. */
  get grantPath(): string | null {
    if (this.base.path === null) return null;
    const parts = this.base.path === '' ? [...this.names] : [this.base.path, ...this.names];
    if (this.name !== '') parts.push(this.name);
    return parts.join('/');
  }

  /** Whether `directory` is the base of the walk. */
  get atBase(): boolean {
    return this.handles.length === 0;
  }

  /** Follows the last component if it is a link; false if it is none or does not exist. */
  followLink(): boolean {
    if (this.name === '') return false;
    const target = this.files.readLinkAt(this.directory, this.name);
    if (typeof target === 'number') return false;
    this.expand(target, true);
    this.advance();
    return true;
  }

  /** Follows links at the end until the last component is none. */
  followLinks(): void {
    while (this.followLink());
  }

  /** Hands the innermost directory over to the caller, who closes it. */
  takeDirectory(): HostHandle {
    const handle = this.handles.pop();
    assert(handle !== undefined, 'PathWalk.takeDirectory() at the base');
    this.names.pop();
    return handle;
  }

  /** `using walk = new PathWalk(...)` closes it at the end of the block. */
  [Symbol.dispose](): void {
    this.close();
  }

  close(): void {
    for (const handle of this.handles) this.files.close(handle);
    this.handles.length = 0;
    this.names.length = 0;
  }

  private append(path: string, isLast: boolean): void {
    if (path.startsWith('/')) fail(Errno.EPERM);
    const components = path.split('/');
    if (isLast && components[components.length - 1] === '') this.mustBeDirectory = true;
    for (let i = components.length - 1; i >= 0; i--) {
      const component = components[i]!;
      if (component !== '') this.pending.push(component);
    }
  }

  private expand(target: string, isLast: boolean): void {
    if (++this.linkCount > LINK_LIMIT) fail(Errno.ELOOP);
    if (target === '') fail(Errno.ENOENT);
    this.append(target, isLast);
  }

  private advance(): void {
    this.name = '';
    this.dots = '';
    for (;;) {
      const component = this.pending.pop();
      if (component === undefined) return;
      if (component === '.') {
        this.dots = '.';
      } else if (component === '..') {
        this.dots = '..';
        this.leave();
      } else if (this.pending.length === 0) {
        this.dots = '';
        this.name = component;
        return;
      } else {
        this.enter(component);
      }
    }
  }

  private leave(): void {
    const handle = this.handles.pop();
    if (handle === undefined) fail(Errno.EPERM);
    this.names.pop();
    this.files.close(handle);
  }

  private enter(name: string): void {
    const handle = this.files.openAt(this.directory, name, HostOpen.directory);
    if (handle >= 0) {
      this.handles.push(handle);
      this.names.push(name);
      return;
    }
    // Linux answers ENOTDIR for a link that is opened as a directory without following.
    if (handle !== HOST_ELOOP && handle !== HOST_ENOTDIR) failHost(handle);
    const target = this.files.readLinkAt(this.directory, name);
    if (typeof target === 'string') this.expand(target, false);
    else if (target === HOST_EINVAL) fail(Errno.ENOTDIR);
    else failHost(target);
  }
}
