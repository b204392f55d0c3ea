// wvm import: takes an image into the store.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { newMachineId, unseal } from '../index.ts';
import { Progress } from './progress.ts';
import { formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { addUnsealOptions, readUnsealKeys, type UnsealFlags } from './seal-option.ts';
import { addStoreOption, type StoreFlags, shortId, withStore } from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';

type ImportFlags = StoreFlags & UnsealFlags;

export function define(command: Command): void {
  addUnsealOptions(addStoreOption(command))
    .description('Take an image into the store. All of it is verified first; what the store has is not stored again.')
    .argument('<file>', 'an image of wvm snapshot -o or wvm export, or - for stdin')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExamples:\n  wvm import app.wvm\n  ssh host wvm export app - | wvm import -')
    .action(importImage);
}

async function importImage(file: string, flags: ImportFlags): Promise<void> {
  const keys = readUnsealKeys(flags);
  const progress = new Progress();
  const totalBytes = file === '-' ? 0 : (await stat(file)).size;
  const onProgress = (takenBytes: number): void => progress.show(takenBytes, Math.max(takenBytes, totalBytes));
  const chunks = unseal(file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 }), keys);
  const take = async (): Promise<void> => {
    await withStore(
      flags,
      async (store) => {
        const { id, manifest, newBytes } = await store.importImage(chunks, { machineId: newMachineId(), onProgress });
        progress.clear();
        const { machineName } = manifest;
        if (flags.json) writeText(stdoutFd, `${toJson({ id, machineName, newBytes })}\n`);
        else writeText(stdoutFd, `${shortId(id)}: ${machineName} (${formatSize(newBytes)} new)\n`);
      },
      { create: true },
    );
  };
  await take().finally(() => progress.clear());
}
