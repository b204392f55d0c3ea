// The guest's stdin, stdout and stderr: what the options of a machine say, as stream ports.

import type { StreamPort } from '../kernel/ports.ts';
import { HostInput } from './host-input.ts';
import { HostOutput } from './host-output.ts';
import { BytesInput, CallbackOutput, NullStream } from './memory-streams.ts';

/** A stream that can be let go: afterwards it keeps neither the process nor a descriptor. */
export interface HostStream extends StreamPort {
  close(): void;
}

/** An input that may have taken bytes from the host which the guest has not read yet. */
export interface InputStream extends HostStream {
  /** A copy of the bytes taken from the host but not read; a snapshot must carry them. They stay readable. */
  unreadBytes(): Uint8Array;
  /** Puts bytes before everything else to read: what a snapshot carried. */
  preload(bytes: Uint8Array): void;
}

/** The guest's input: wvm's own stdin, nothing, or exactly these bytes. */
export function openInput(source: 'inherit' | 'null' | Uint8Array): InputStream {
  if (source === 'inherit') return new HostInput(0);
  return source === 'null' ? new NullStream() : new BytesInput(source);
}

/** The guest's output: wvm's own stdout (`fd` 1) or stderr (2), nowhere, or a function. */
export function openOutput(sink: 'inherit' | 'null' | ((chunk: Uint8Array) => void), fd: 1 | 2): HostStream {
  if (sink === 'inherit') return new HostOutput(fd);
  return sink === 'null' ? new NullStream() : new CallbackOutput(sink);
}
