// SHA-256 from node:crypto (1.6 GB/s where the CPU has instructions for it).

import type { Digest, DigestPort } from '../snapshot/image-ports.ts';
import { lateCrypto } from './late-modules.ts';

/** The whole digest at once, as 64 hex digits. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return lateCrypto().hash('sha256', bytes, 'hex');
}

export const digestPort: DigestPort = {
  sha256(): Digest {
    const hash = lateCrypto().createHash('sha256');
    return {
      update(bytes: Uint8Array): void {
        hash.update(bytes);
      },
      digest: (): Uint8Array => hash.digest(),
    };
  },
};
