// The null device: always at its end, and what is written is gone. A spawned process's standard stream that leads nowhere.

import { Filetype } from '../../abi/wasi-preview1.ts';
import { anonymousStat } from './anonymous-stat.ts';
import type { FateTable } from './fate.ts';
import { OpenFile } from './open-file.ts';
import type { NullFileState } from './open-file-state.ts';
import type { HostStat } from './ports.ts';

export class NullFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    ino: 'saved',
  };

  readonly ino: number;

  constructor(ino: number, flags: number) {
    super(flags, true, true);
    this.ino = ino;
  }

  override get filetype(): number {
    return Filetype.CHARACTER_DEVICE;
  }

  override stat(): HostStat {
    return anonymousStat(this.ino, this.filetype);
  }

  override close(): void {}

  override read(_target: Uint8Array): number {
    return 0;
  }

  override write(source: Uint8Array): number {
    return source.length;
  }

  override seek(_offset: bigint, _whence: number): bigint {
    return 0n;
  }

  override save(): NullFileState {
    const { flags, canRead, canWrite, ino } = this;
    return { kind: 'null', flags, canRead, canWrite, ino };
  }
}
