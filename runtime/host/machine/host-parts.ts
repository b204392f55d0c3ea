// What one machine holds of the host, opened from its options and closed when it ends.

import { WvmError } from '../../base/wvm-error.ts';
import type { TmpfsOptions } from '../../kernel/kernel.ts';
import type { Grant, Ports } from '../../kernel/ports.ts';
import { MAX_FILE_BYTES } from '../../kernel/vfs/file-pages.ts';
import { HostClock } from '../clock.ts';
import { HostEntropy } from '../entropy.ts';
import { NodeFiles } from '../files/files.ts';
import { HeldOutput } from '../streams/held-output.ts';
import type { HostStream, InputStream } from '../streams/host-stream.ts';
import { openInput, openOutput } from '../streams/open-stream.ts';
import { OrderedOutput } from '../streams/ordered-output.ts';
import { ReleaseRecord } from '../streams/release-record.ts';
import type { DirectoryGrant, MachineOptions, ResumeOptions } from './machine-options.ts';

/** What files of a tmpfs or an overlay may hold: as much as Linux gives a tmpfs on a machine with 2 GiB. */
const DEFAULT_FILES_BYTES: number = 2 ** 30;

export interface HostParts {
  readonly files: NodeFiles;
  readonly streams: readonly [InputStream, HostStream, HostStream];
  readonly ports: Ports;
  readonly grants: readonly Grant[];
  /** Those that hold, or let out what an image holds. */
  readonly outputs: readonly HeldOutput[];
  readonly record: ReleaseRecord | undefined;
}

/** `carriesOutput`: the machine comes from an image that holds some. */
export function openHost(options: MachineOptions, carriesOutput = false): HostParts {
  const files = new NodeFiles();
  const { outputCommit: holds = false, releaseRecord, onOutputHeld: onHeld = () => {} } = options;
  const record = releaseRecord === undefined ? undefined : new ReleaseRecord(releaseRecord);
  const outputs: HeldOutput[] = [];
  const open = (sink: MachineOptions['stdout'] = 'inherit', fd: 1 | 2): HostStream => {
    const output = new OrderedOutput(openOutput(sink, fd), () => files.flush());
    if (!holds && !carriesOutput) return output;
    const held = new HeldOutput(output, {
      holds,
      drops: (options as ResumeOptions).heldOutput === 'drop',
      record: record?.stream(fd, sink === 'inherit' ? fd : undefined),
      onHeld,
    });
    outputs.push(held);
    return held;
  };
  const streams: [InputStream, HostStream, HostStream] = [
    openInput(options.stdin ?? 'inherit'),
    open(options.stdout, 1),
    open(options.stderr, 2),
  ];
  const ports: Ports = { clock: new HostClock(), entropy: new HostEntropy(), files, streams };
  const host: HostParts = { files, streams, ports, grants: [], outputs, record };
  try {
    if (holds) refuseWrites(options.directories ?? []);
    const grants = (options.directories ?? []).map((grant) => openGrant(files, grant));
    const opened = { ...host, grants };
    return options.trial?.watch(opened) ?? opened;
  } catch (error) {
    closeHost(host);
    throw error;
  }
}

/** What goes to the host's files cannot be held: it would be read again before it is there. */
function refuseWrites(directories: readonly DirectoryGrant[]): void {
  for (const { guestPath, readOnly, kind } of directories) {
    if (readOnly || kind === 'overlay') continue;
    throw new WvmError('WVM_USAGE', `directory ${guestPath}: the guest could write there, and output is to be held`, {
      hint: 'lend it read-only (--dir HOST::GUEST:ro), or as an overlay, or give the guest a tmpfs',
    });
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
  host.record?.close();
  host.files.closeAll();
}
