// `wvm inspect`: describes an image from a file, of which it reads the records only, or from a stream.

import { hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { WvmError } from '../../base/wvm-error.ts';
import type { RandomAccess } from '../../snapshot/decode-image.ts';
import type { ImageDescription, TreeDescription } from '../../snapshot/inspect.ts';
import type { DecodePorts } from '../../snapshot/parse-image.ts';

export interface InspectImageOptions {
  /** Read everything, compare every checksum and the SHA-256 of the whole. */
  readonly verify?: boolean;
  /** Where names are looked up for images that name their module by its hash only. */
  readonly modules?: readonly Uint8Array[];
}

/** The tree of the processes of an image in a file: reads its beginning, however large it is. */
export async function inspectTree(path: string): Promise<TreeDescription> {
  const { inspectTreeFile } = await import('../../snapshot/inspect.ts');
  const ports = await decodePorts();
  return readingFile(path, (file) => inspectTreeFile(file, ports));
}

/** Describes the image in the file of this path, or in a stream of its bytes. */
export async function inspectImage(
  source: string | AsyncIterable<Uint8Array>,
  options: InspectImageOptions = {},
): Promise<ImageDescription> {
  // Loaded here, so that programs that never inspect do not wait for it.
  const { inspectImageFile, inspectImageStream } = await import('../../snapshot/inspect.ts');
  const ports = await decodePorts();
  const { verify = false, modules = [] } = options;
  const findModule = (wanted: string): Uint8Array | undefined =>
    modules.find((module) => hash('sha256', module, 'hex') === wanted);
  if (typeof source !== 'string') return await inspectImageStream(source, ports, { verify, findModule });
  return readingFile(source, (file) => inspectImageFile(file, ports, { verify, findModule }));
}

async function decodePorts(): Promise<DecodePorts> {
  const [{ portableStripes }, { digestPort }] = await Promise.all([
    import('../../snapshot/stripes.ts'),
    import('../digest.ts'),
  ]);
  return { digest: digestPort, stripes: portableStripes() };
}

function readingFile<Value>(path: string, read: (file: RandomAccess) => Value): Value {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw new WvmError('WVM_FILE', `${path}: cannot be opened: ${(cause as Error).message}`, { cause });
  }
  try {
    return read(fileAccess(fd, path));
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
