// Images of one machine in one directory: NAME-0001.wvm, NAME-0002.wvm … A number is never used twice while its file
// exists, also not by two processes that save at the same time.

import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { WvmError } from '../../base/wvm-error.ts';
import { type WriteImageOptions, writeNewImageFile } from './image-file.ts';

export interface NumberedImage {
  readonly file: string;
  readonly sequence: number;
  readonly sizeBytes: number;
}

/** Saves `chunks` under the next free number, which is at least `firstSequence`. Creates the directory if need be. */
export async function writeNumberedImage(
  directory: string,
  name: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: WriteImageOptions & { readonly firstSequence?: number } = {},
): Promise<NumberedImage> {
  try {
    await mkdir(directory, { recursive: true });
    const sequence = Math.max(options.firstSequence ?? 1, lastSequence(directory, name) + 1);
    const pathOf = (attempt: number): string =>
      join(directory, `${name}-${String(sequence + attempt).padStart(4, '0')}.wvm`);
    const { attempt, sizeBytes } = await writeNewImageFile(directory, pathOf, chunks, options);
    return { file: pathOf(attempt), sequence: sequence + attempt, sizeBytes };
  } catch (cause) {
    if (cause instanceof WvmError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw cause;
    throw new WvmError('WVM_FILE', `${directory}: cannot hold images: ${message}`, { cause });
  }
}

function lastSequence(directory: string, name: string): number {
  let last = 0;
  for (const file of readdirSync(directory)) {
    if (!file.startsWith(`${name}-`) || !file.endsWith('.wvm')) continue;
    const digits = file.slice(name.length + 1, -'.wvm'.length);
    if (/^[0-9]{4,9}$/.test(digits)) last = Math.max(last, Number(digits));
  }
  return last;
}
