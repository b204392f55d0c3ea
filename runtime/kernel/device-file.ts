// An open character device: null, zero, full, random, urandom. As on Linux none of them has an offset, and every seek leads to 0.
//
//             read             write
//   null      at its end       taken, gone
//   zero      zeros            taken, gone
//   full      zeros            ENOSPC
//   random    random bytes     taken, gone       (urandom is the same: the machine's generator, which --seed makes repeatable)

import { Errno } from '../../abi/errno.ts';
import { Filetype, WHENCE_END } from '../../abi/wasi-preview1.ts';
import type { FateTable } from './fate.ts';
import { OpenFile } from './open-file.ts';
import type { DeviceFileState } from './open-file-state.ts';
import type { HostStat } from './ports.ts';
import { fail, resultOf } from './sys-error.ts';
import type { DeviceFiles, DeviceName } from './vfs/device-files.ts';

export class DeviceFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    devices: 'derived',
    device: 'saved',
  };

  /** Derived: those of the machine. */
  readonly devices: DeviceFiles;
  readonly device: Exclude<DeviceName, 'tty'>;

  constructor(
    devices: DeviceFiles,
    device: Exclude<DeviceName, 'tty'>,
    flags: number,
    canRead: boolean,
    canWrite: boolean,
  ) {
    super(flags, canRead, canWrite);
    this.devices = devices;
    this.device = device;
  }

  override get filetype(): number {
    return Filetype.CHARACTER_DEVICE;
  }

  override stat(): HostStat {
    return resultOf(this.devices.statAt(this.devices.grant.handle, this.device));
  }

  override get inodeKey(): string {
    return `device ${this.device}`;
  }

  override close(): void {}

  override read(target: Uint8Array): number {
    if (!this.canRead) fail(Errno.EBADF);
    if (this.device === 'null') return 0;
    if (this.device === 'zero' || this.device === 'full') target.fill(0);
    else this.devices.owner!.random.fill(target);
    return target.length;
  }

  override write(source: Uint8Array): number {
    if (!this.canWrite) fail(Errno.EBADF);
    if (this.device === 'full' && source.length > 0) fail(Errno.ENOSPC);
    return source.length;
  }

  override readAt(target: Uint8Array, offset: bigint): number {
    if (offset < 0n) fail(Errno.EINVAL);
    return this.read(target);
  }

  override writeAt(source: Uint8Array, offset: bigint): number {
    if (offset < 0n) fail(Errno.EINVAL);
    return this.write(source);
  }

  override seek(_offset: bigint, whence: number): bigint {
    if (whence < 0 || whence > WHENCE_END) fail(Errno.EINVAL);
    return 0n;
  }

  override checkAdvice(): void {}

  override setTimes(): void {
    fail(Errno.EPERM);
  }

  override save(): DeviceFileState {
    const { flags, canRead, canWrite, device } = this;
    return { kind: 'device', flags, canRead, canWrite, device };
  }
}
