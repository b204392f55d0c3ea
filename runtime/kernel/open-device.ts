// Opening what --dev shows (vfs/device-files.ts): a device anew, or a descriptor of the process once more.

import { Errno } from '../../abi/errno.ts';
import { Rights } from '../../abi/wasi-preview1.ts';
import { DeviceFile } from './device-file.ts';
import { DirectoryFile } from './directory-file.ts';
import { FdEntry, type FdTable } from './fd-table.ts';
import type { EntryOptions } from './open-entry.ts';
import type { HostHandle } from './ports.ts';
import { EVENT_RIGHTS, FILE_RIGHTS, WRITE_RIGHTS } from './rights.ts';
import { fail } from './sys-error.ts';
import { TerminalFile } from './terminal-file.ts';
import type { DeviceFiles } from './vfs/device-files.ts';

/** Errors: ENXIO (tty: there is no terminal), ENOENT (no such descriptor), EACCES (a descriptor that cannot do it). */
export function openDevice(devices: DeviceFiles, handle: HostHandle, fds: FdTable, options: EntryOptions): FdEntry {
  const { rights, fdFlags } = options;
  const read = (rights & Rights.FD_READ) !== 0;
  const write = (rights & Rights.FD_WRITE) !== 0;
  const device = devices.opens(handle);
  if (typeof device === 'number') return openDescriptor(fds, device, read, write, options);
  if (device === 'tty') {
    const { terminal } = devices.owner!;
    if (![0, 1, 2].some((stream) => terminal.isTerminal(stream))) fail(Errno.ENXIO);
    return new FdEntry(new TerminalFile(terminal, fdFlags, read, write), rights & EVENT_RIGHTS, 0);
  }
  const allowed = rights & FILE_RIGHTS & (write ? -1 : ~WRITE_RIGHTS);
  return new FdEntry(new DeviceFile(devices, device, fdFlags, read, write), allowed, 0);
}

/** Of what it can do, as much as is asked for. */
function openDescriptor(fds: FdTable, fd: number, read: boolean, write: boolean, { rights }: EntryOptions): FdEntry {
  const entry = fds.entries[fd] ?? fail(Errno.ENOENT);
  if (entry.file instanceof DirectoryFile) {
    if (write) fail(Errno.EISDIR);
    return new FdEntry(entry.file, entry.rights & rights, entry.inheriting);
  }
  if ((read && !entry.file.canRead) || (write && !entry.file.canWrite)) fail(Errno.EACCES);
  return new FdEntry(entry.file, entry.rights & rights, 0);
}
