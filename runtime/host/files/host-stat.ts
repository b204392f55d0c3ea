// Node's file status as the kernel's HostStat.

import * as fs from 'node:fs';
import type { HostStat } from '../../kernel/ports.ts';
import { HostFileType } from '../../kernel/ports.ts';
import { atimeOf, mtimeOf } from './file-times.ts';

const {
  S_IFMT,
  S_IFREG,
  S_IFDIR,
  S_IFLNK,
  S_IFCHR,
  S_IFBLK = 0o60000,
  S_IFIFO = 0o10000,
  S_IFSOCK = 0o140000,
} = fs.constants;

/** The file type in `st_mode`. */
export function fileTypeOf(mode: number): HostFileType {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return HostFileType.regularFile;
    case S_IFDIR:
      return HostFileType.directory;
    case S_IFLNK:
      return HostFileType.symbolicLink;
    case S_IFCHR:
      return HostFileType.characterDevice;
    case S_IFBLK:
      return HostFileType.blockDevice;
    case S_IFIFO:
      return HostFileType.fifo;
    case S_IFSOCK:
      return HostFileType.socket;
    default:
      return HostFileType.unknown;
  }
}

export function hostStatOf(stat: fs.BigIntStats): HostStat {
  return {
    dev: stat.dev,
    ino: stat.ino,
    type: fileTypeOf(Number(stat.mode)),
    nlink: stat.nlink,
    size: stat.size,
    atimeNs: atimeOf(stat),
    mtimeNs: mtimeOf(stat),
    ctimeNs: stat.ctimeNs,
  };
}
