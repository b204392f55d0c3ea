// Which rights make sense on which kind of file. Preview1 gives each descriptor base rights, and directories the rights
// that files opened below may have at most ("inheriting"); both can only shrink.

import { Rights } from '../../abi/wasi-preview1.ts';

/** Base rights that a directory can have. */
export const DIRECTORY_RIGHTS: number =
  Rights.FD_FDSTAT_SET_FLAGS |
  Rights.FD_DATASYNC |
  Rights.FD_SYNC |
  Rights.FD_ADVISE |
  Rights.PATH_CREATE_DIRECTORY |
  Rights.PATH_CREATE_FILE |
  Rights.PATH_LINK_SOURCE |
  Rights.PATH_LINK_TARGET |
  Rights.PATH_OPEN |
  Rights.FD_READDIR |
  Rights.PATH_READLINK |
  Rights.PATH_RENAME_SOURCE |
  Rights.PATH_RENAME_TARGET |
  Rights.PATH_FILESTAT_GET |
  Rights.PATH_FILESTAT_SET_SIZE |
  Rights.PATH_FILESTAT_SET_TIMES |
  Rights.FD_FILESTAT_GET |
  Rights.FD_FILESTAT_SET_TIMES |
  Rights.PATH_SYMLINK |
  Rights.PATH_REMOVE_DIRECTORY |
  Rights.PATH_UNLINK_FILE |
  Rights.POLL_FD_READWRITE;

/** Rights of a file that need it to be open for writing. */
export const WRITE_RIGHTS: number = Rights.FD_WRITE | Rights.FD_ALLOCATE | Rights.FD_FILESTAT_SET_SIZE;

/** Base rights that a regular file or a device can have. */
export const FILE_RIGHTS: number =
  WRITE_RIGHTS |
  Rights.FD_DATASYNC |
  Rights.FD_READ |
  Rights.FD_SEEK |
  Rights.FD_FDSTAT_SET_FLAGS |
  Rights.FD_SYNC |
  Rights.FD_TELL |
  Rights.FD_ADVISE |
  Rights.FD_FILESTAT_GET |
  Rights.FD_FILESTAT_SET_TIMES |
  Rights.POLL_FD_READWRITE;

const ANONYMOUS_RIGHTS: number = Rights.FD_FDSTAT_SET_FLAGS | Rights.FD_FILESTAT_GET | Rights.POLL_FD_READWRITE;

/** Rights of what lives in no directory. */
export const READER_RIGHTS: number = ANONYMOUS_RIGHTS | Rights.FD_READ;
export const WRITER_RIGHTS: number = ANONYMOUS_RIGHTS | Rights.FD_WRITE;
export const EVENT_RIGHTS: number = READER_RIGHTS | WRITER_RIGHTS;
export const SOCKET_RIGHTS: number = EVENT_RIGHTS | Rights.SOCK_SHUTDOWN;
export const EPOLL_RIGHTS: number = ANONYMOUS_RIGHTS;

/** Rights of the standard streams. */
export const STREAM_RIGHTS: {
  readonly common: number;
  readonly input: number;
  readonly output: number;
  readonly seek: number;
} = {
  common:
    Rights.FD_FDSTAT_SET_FLAGS |
    Rights.FD_FILESTAT_GET |
    Rights.POLL_FD_READWRITE |
    Rights.SOCK_SHUTDOWN |
    Rights.SOCK_ACCEPT,
  input: Rights.FD_READ,
  output: Rights.FD_WRITE,
  seek: Rights.FD_SEEK | Rights.FD_TELL,
};
