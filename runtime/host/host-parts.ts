// What one machine holds of the host, opened from its options and closed when it ends.

import { WvmError } from '../base/wvm-error.ts';
import type { TmpfsOptions } from '../kernel/kernel.ts';
import type { Grant, Ports } from '../kernel/ports.ts';
import { MAX_FILE_BYTES } from '../snapshot/file-pages.ts';
import { HostClock } from './clock.ts';
import { HostEntropy } from './entropy.ts';
import { NodeFiles } from './files.ts';
import type { DirectoryGrant, MachineOptions } from './machine.ts';
import { OrderedOutput } from './ordered-output.ts';
import { type HostStream, type InputStream, openInput, openOutput } from './streams.ts';

/** What files of a tmpfs or an overlay may hold: as much as Linux gives a tmpfs on a machine with 2 GiB. */
const DEFAULT_FILES_BYTES: number = 2 ** 30;

export interface HostParts {
  readonly files: NodeFiles;
  readonly streams: readonly [InputStream, HostStream, HostStream];
  readonly ports: Ports;
  readonly grants: readonly Grant[];
}

export function openHost(options: MachineOptions): HostParts {
  const files = new NodeFiles();
  const streams: [InputStream, HostStream, HostStream] = [
    openInput(options.stdin ?? 'inherit'),
    new OrderedOutput(openOutput(options.stdout ?? 'inherit', 1), () => files.flush()),
    new OrderedOutput(openOutput(options.stderr ?? 'inherit', 2), () => files.flush()),
  ];
  const ports: Ports = { clock: new HostClock(), entropy: new HostEntropy(), files, streams };
  const host: HostParts = { files, streams, ports, grants: [] };
  try {
    const grants = (options.directories ?? []).map((grant) => openGrant(files, grant));
    const opened = { ...host, grants };
    return options.trial?.watch(opened) ?? opened;
  } catch (error) {
    closeHost(host);
    throw error;
  }
}

function openGrant(files: NodeFiles, { hostPath, guestPath, readOnly, kind, maxBytes }: DirectoryGrant): Grant {
  if (kind !== 'overlay') return { guestPath, readOnly, handle: files.grant(hostPath, readOnly) };
  if (readOnly) throw new WvmError('WVM_USAGE', `overlay ${guestPath}: what cannot be written needs no overlay`);
  const overlay = { maxBytes: checkSize(guestPath, maxBytes) };
  // Whatever the kernel asks for, nothing there is changed.
  return { guestPath, readOnly: false, handle: files.grant(hostPath, true), overlay };
}

/** With the limits that were not given. */
export function tmpfsOf({ tmpfs }: MachineOptions): TmpfsOptions[] {
  return (tmpfs ?? []).map(({ guestPath, maxBytes }) => ({ guestPath, maxBytes: checkSize(guestPath, maxBytes) }));
}

function checkSize(guestPath: string, maxBytes: number = DEFAULT_FILES_BYTES): number {
  if (Number.isSafeInteger(maxBytes) && maxBytes >= 0 && maxBytes <= MAX_FILE_BYTES) return maxBytes;
  throw new WvmError('WVM_USAGE', `directory ${guestPath}: ${maxBytes} bytes; at most ${MAX_FILE_BYTES}`);
}

export function closeHost(host: HostParts): void {
  for (const stream of host.streams) stream.close();
  host.files.closeAll();
}
