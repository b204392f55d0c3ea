// wvm export: a snapshot of the store as an image in one file.

import type { Command } from 'commander';
import { seal, writeImageFile, writeStream } from '../index.ts';
import { Progress } from './progress.ts';
import { formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { addSealOptions, readSealKeys, type SealFlags } from './seal-option.ts';
import { addStoreOption, imageBytes, type StoreFlags, shortId, withStore } from './store-option.ts';
import { isTerminal, stderrFd, stdoutFd, writeText } from './terminal.ts';

type ExportFlags = StoreFlags & SealFlags;

export function define(command: Command): void {
  addSealOptions(addStoreOption(command))
    .description('Write a snapshot to an image in one file: the same bytes as of wvm snapshot -o FILE.')
    .argument('<snapshot>', 'id (or its beginning), tag or machine (its newest)')
    .argument('<file>', 'the image, - for stdout')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  wvm export app app.wvm\n  wvm export 3f2a - | ssh host wvm resume -\n  wvm export app app.wvm --key secret.key --sign sign.pem',
    )
    .action(exportSnapshot);
}

async function exportSnapshot(snapshot: string, file: string, flags: ExportFlags, command: Command): Promise<void> {
  const keys = readSealKeys(flags);
  const toStdout = file === '-';
  if (toStdout && isTerminal(stdoutFd))
    command.error('error: an image is not for a terminal; name a file or use a pipe');
  await withStore(flags, async (store) => {
    const id = await store.resolve(snapshot);
    const totalBytes = imageBytes({ id, manifest: await store.manifest(id) });
    const progress = new Progress();
    const onProgress = (writtenBytes: number): void => progress.show(writtenBytes, Math.max(writtenBytes, totalBytes));
    const image = store.exportImage(id);
    const chunks = keys === undefined ? image : seal(image, keys);
    const written = toStdout
      ? writeStream(process.stdout, chunks, { onProgress })
      : writeImageFile(file, chunks, { onProgress });
    const sizeBytes = await written.finally(() => progress.clear());
    const out = toStdout ? stderrFd : stdoutFd;
    if (flags.json) writeText(out, `${toJson({ id, file, sizeBytes })}\n`);
    else writeText(out, `${shortId(id)}: ${toStdout ? 'image' : file} (${formatSize(sizeBytes)})\n`);
  });
}
