// `wvm inspect`: describes an image from a file, of which it reads the records only, or from a stream.

import { hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { WvmError } from '../base/wvm-error.ts';
import type { RandomAccess } from '../snapshot/decode-image.ts';
import type { ImageDescription } from '../snapshot/inspect.ts';
import type { DecodePorts } from '../snapshot/parse-image.ts';

export interface InspectImageOptions {
  /** Read everything, compare every checksum and the SHA-256 of the whole. */
  readonly verify?: boolean;
  /** Where names are looked up for images that name their module by its hash only. */
  readonly modules?: readonly Uint8Array[];
}

/** Describes the image in the file of this path, or in a stream of its bytes. */
export async function inspectImage(
  source: string | AsyncIterable<Uint8Array>,
  options: InspectImageOptions = {},
): Promise<ImageDescription> {
  // Loaded here, so that programs that never inspect do not wait for it.
  const [{ inspectImageFile, inspectImageStream }, { portableStripes }, { digestPort }] = await Promise.all([
    import('../snapshot/inspect.ts'),
    import('../snapshot/stripes.ts'),
    import('./digest.ts'),
  ]);
  const ports: DecodePorts = { digest: digestPort, stripes: portableStripes() };
  const { verify = false, modules = [] } = options;
  const findModule = (wanted: string): Uint8Array | undefined =>
    modules.find((module) => hash('sha256', module, 'hex') === wanted);
  if (typeof source !== 'string') return await inspectImageStream(source, ports, { verify, findModule });
  let fd: number;
  try {
    fd = openSync(source, 'r');
  } catch (cause) {
    throw new WvmError('WVM_FILE', `${source}: cannot be opened: ${(cause as Error).message}`, { cause });
  }
  try {
    return inspectImageFile(fileAccess(fd, source), ports, { verify, findModule });
  } finally {
    closeSync(fd);
  }
}

function fileAccess(fd: number, path: string): RandomAccess {
  return {
    read(offset, sizeBytes) {
      const bytes = new Uint8Array(sizeBytes);
      let readBytes = 0;
      try {
        while (readBytes < sizeBytes) {
          const count = readSync(fd, bytes, readBytes, sizeBytes - readBytes, offset + readBytes);
          if (count === 0) break;
          readBytes += count;
        }
      } catch (cause) {
        throw new WvmError('WVM_FILE', `${path}: cannot be read: ${(cause as Error).message}`, { cause });
      }
      return bytes.subarray(0, readBytes);
    },
  };
}
