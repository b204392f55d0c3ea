// What one machine holds of the host, opened from its options and closed when it ends.

import type { Grant, Ports } from '../kernel/ports.ts';
import { HostClock } from './clock.ts';
import { HostEntropy } from './entropy.ts';
import { NodeFiles } from './files.ts';
import type { MachineOptions } from './machine.ts';
import { OrderedOutput } from './ordered-output.ts';
import { type HostStream, type InputStream, openInput, openOutput } from './streams.ts';

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
    const grants = (options.directories ?? []).map(({ hostPath, guestPath, readOnly }) => ({
      guestPath,
      readOnly,
      handle: files.grant(hostPath, readOnly),
    }));
    const opened = { ...host, grants };
    return options.trial?.watch(opened) ?? opened;
  } catch (error) {
    closeHost(host);
    throw error;
  }
}

export function closeHost(host: HostParts): void {
  for (const stream of host.streams) stream.close();
  host.files.closeAll();
}
