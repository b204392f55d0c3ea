// The guest's stdin, stdout and stderr: what the options of a machine say, as stream ports.

import { HostInput } from './host-input.ts';
import { HostOutput } from './host-output.ts';
import type { HostStream, InputStream } from './host-stream.ts';
import { BytesInput, CallbackOutput, NullStream } from './memory-streams.ts';

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
