// A stream of the host as a machine has it: a port of the kernel that can be let go.

import type { StreamPort } from '../../kernel/ports.ts';

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
