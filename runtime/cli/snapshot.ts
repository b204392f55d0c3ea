// wvm snapshot: saves a running machine to an image, which is on disk before the machine hears that it may end.

import type { Command } from 'commander';
import {
  connectMachine,
  exitCodeOfSignal,
  type RemoteImage,
  stopSignals,
  writeImageFile,
  writeNumberedImage,
  writeStream,
} from '../index.ts';
import { Progress } from './progress.ts';
import { formatDuration, formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { isTerminal, stderrFd, stdoutFd, writeText } from './terminal.ts';

interface SnapshotFlags {
  readonly output?: string;
  readonly stop?: true;
  readonly leaveRunning?: true;
  /** False for --no-module. */
  readonly module: boolean;
  readonly quiet?: true;
  readonly json?: true;
}

export function define(command: Command): void {
  command
    .description('Save a running machine to an image. It goes on running unless told to stop.')
    .argument('<machine>', 'id (or its beginning), name or pid')
    .option('-o, --output <file>', 'the image, - for stdout (default: NAME-0001.wvm, the next free number)')
    .option('--leave-running', 'let the machine go on (default)')
    .option('--stop', 'end the machine once the image is on disk')
    .option('--no-module', 'name the module by its hash only: a smaller image, for resume --module')
    .option('--quiet', 'print nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  wvm snapshot app
  wvm snapshot 4711 --stop -o app.wvm
  wvm snapshot app -o - | ssh host wvm resume -

If anything fails, the machine goes on and no half image is left behind.`,
    )
    .action(snapshot);
}

async function snapshot(query: string, flags: SnapshotFlags, command: Command): Promise<void> {
  if (flags.stop && flags.leaveRunning) command.error("error: options '--stop' and '--leave-running' contradict");
  const toStdout = flags.output === '-';
  if (toStdout && isTerminal(stdoutFd)) command.error('error: an image is not for a terminal; use -o FILE or a pipe');
  // The temporary file is removed when the process exits; a lost connection lets the machine go on.
  for (const signal of stopSignals) process.on(signal, () => process.exit(exitCodeOfSignal(signal)));
  const client = await connectMachine(query);
  const { id, name } = await client.info();
  const progress = new Progress();
  const save = async ({ chunks, sizeBytes }: RemoteImage): Promise<string> => {
    const onProgress = (writtenBytes: number): void => progress.show(writtenBytes, sizeBytes);
    if (flags.output === undefined) return (await writeNumberedImage('.', name, chunks, { onProgress })).file;
    if (toStdout) await writeStream(process.stdout, chunks, { onProgress });
    else await writeImageFile(flags.output, chunks, { onProgress });
    return flags.output;
  };
  const { image, saved } = await client
    .saveSnapshot({ stop: flags.stop === true, includeModule: flags.module }, save)
    .finally(() => progress.clear());
  client.close();
  const { sizeBytes, stopNs, totalNs } = image;
  const out = toStdout ? stderrFd : stdoutFd;
  if (flags.json) {
    writeText(out, `${toJson({ id, name, file: saved, sizeBytes, stopNs, totalNs, stopped: flags.stop === true })}\n`);
  } else if (!flags.quiet) {
    const verb = flags.stop ? 'stopped' : 'saved';
    const still = flags.stop ? '' : `, it stood still for ${formatDuration(stopNs / 1e6)}`;
    writeText(out, `${id} ${name}: ${verb}, ${toStdout ? 'image' : saved} (${formatSize(sizeBytes)}${still})\n`);
  }
}
