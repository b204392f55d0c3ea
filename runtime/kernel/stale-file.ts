// A file that was open when the machine was saved and could not be found at resume, where the user chose to go on all the
// same (files: 'ignore'). Every access answers ESTALE, as after a lost network mount; its record is kept for the next image.

import { Errno } from '../../abi/errno.ts';
import type { FateTable } from './fate.ts';
import { wasiFiletype } from './filetype.ts';
import { type FileSaver, OpenFile } from './open-file.ts';
import type { HostFileState } from './open-file-state.ts';
import type { Grant, HostStat } from './ports.ts';
import { fail } from './sys-error.ts';

export class StaleFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    state: 'saved',
    grant: 'saved',
  };

  readonly state: HostFileState;
  readonly grant: Grant;

  constructor(state: HostFileState, grant: Grant) {
    super(state.flags, state.canRead, state.canWrite);
    this.state = state;
    this.grant = grant;
  }

  override get filetype(): number {
    return wasiFiletype(this.state.type);
  }

  override stat(): HostStat {
    fail(Errno.ESTALE);
  }

  /** Locks on it stay what they were. */
  override get inodeKey(): string {
    const { dev, ino } = this.state.identity;
    return `stale ${dev}:${ino}`;
  }

  override close(): void {}

  override read(_target: Uint8Array): number {
    fail(Errno.ESTALE);
  }

  override write(_source: Uint8Array): number {
    fail(Errno.ESTALE);
  }

  override readAt(_target: Uint8Array, _offset: bigint): number {
    fail(Errno.ESTALE);
  }

  override writeAt(_source: Uint8Array, _offset: bigint): number {
    fail(Errno.ESTALE);
  }

  override seek(_offset: bigint, _whence: number): bigint {
    fail(Errno.ESTALE);
  }

  override setSize(_sizeBytes: bigint): void {
    fail(Errno.ESTALE);
  }

  override allocate(_offset: bigint, _sizeBytes: bigint): void {
    fail(Errno.ESTALE);
  }

  override sync(_dataOnly: boolean): void {
    fail(Errno.ESTALE);
  }

  override setTimes(_atimeNs: bigint | undefined, _mtimeNs: bigint | undefined): void {
    fail(Errno.ESTALE);
  }

  override save(saver: FileSaver): HostFileState {
    return { ...this.state, flags: this.flags, grant: saver.grantIndex(this.grant.guestPath) };
  }
}
