// wvm snapshot: has a running machine put itself into the store, or saves it to an image. Either is on disk before the machine
// hears that it may end.

import type { Command } from 'commander';
import { type ControlClient, connectMachine, type RemoteImage, seal, writeImageFile, writeStream } from '../index.ts';
import { Progress } from './progress.ts';
import { formatDuration, formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { addSealOptions, readSealKeys, type SealFlags } from './seal-option.ts';
import { exitOnStopSignals } from './stop-signals.ts';
import { addStoreOption, type PlaceFlags, shortId, storeKeys, storePlace } from './store-option.ts';
import { isTerminal, stderrFd, stdoutFd, writeText } from './terminal.ts';

interface SnapshotFlags extends PlaceFlags, SealFlags {
  readonly output?: string;
  readonly tag?: string;
  readonly stop?: true;
  readonly leaveRunning?: true;
  /** False for --no-module. */
  readonly module: boolean;
  readonly quiet?: true;
  readonly json?: true;
}

export function define(command: Command): void {
  addSealOptions(addStoreOption(command))
    .description(
      'Save a running machine into the store, or with -o to an image in one file. It goes on running unless told to stop. ' +
        'In the store a snapshot takes what has changed since the last one.',
    )
    .argument('<machine>', 'id (or its beginning), name or pid')
    .option('--tag <name>', 'give the snapshot a name, by which gc keeps it')
    .option('-o, --output <file>', 'write an image there instead, - for stdout')
    .option('--leave-running', 'let the machine go on (default)')
    .option('--stop', 'end the machine once the snapshot is on disk')
    .option('--no-module', 'with -o: name the module by its hash only: a smaller image, for resume --module')
    .option('--quiet', 'print nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  wvm snapshot app                    prints the id of the snapshot; wvm resume ID goes on from it
  wvm snapshot app --tag before-update
  wvm snapshot 4711 --stop -o app.wvm
  wvm snapshot app -o - | ssh host wvm resume -
  wvm snapshot app -o app.wvm --key secret.key --sign sign.pem

If anything fails, the machine goes on and nothing half is left behind.`,
    )
    .action(snapshot);
}

async function snapshot(query: string, flags: SnapshotFlags, command: Command): Promise<void> {
  if (flags.stop && flags.leaveRunning) command.error("error: options '--stop' and '--leave-running' contradict");
  const toStdout = flags.output === '-';
  if (toStdout && isTerminal(stdoutFd)) command.error('error: an image is not for a terminal; use -o FILE or a pipe');
  // The temporary file is removed when the process exits; a lost connection lets the machine go on.
  exitOnStopSignals();
  const client = await connectMachine(query);
  if (flags.output === undefined) {
    if (!flags.module) command.error("error: option '--no-module' needs -o");
    if (flags.key !== undefined || flags.sign !== undefined) {
      command.error("error: '--key' and '--sign' are for images of '-o'; a store has '--store-key' and '--store-sign'");
    }
    return await saveIntoStore(client, flags);
  }
  if (flags.store !== undefined || flags.tag !== undefined) {
    command.error("error: an image of '-o' is in no store, which '--store' and '--tag' are about");
  }
  const output = flags.output;
  const keys = readSealKeys(flags);
  const { id, name } = await client.info();
  const progress = new Progress();
  const save = async ({ chunks: plain, sizeBytes }: RemoteImage): Promise<string> => {
    const chunks = keys === undefined ? plain : seal(plain, keys);
    const onProgress = (writtenBytes: number): void => progress.show(writtenBytes, sizeBytes);
    if (toStdout) await writeStream(process.stdout, chunks, { onProgress });
    else await writeImageFile(output, chunks, { onProgress });
    return output;
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

/** The machine does it itself: it knows what has changed. */
async function saveIntoStore(client: ControlClient, flags: SnapshotFlags): Promise<void> {
  const { id: machine, name, memoryBytes } = await client.info();
  const progress = new Progress();
  const stop = flags.stop === true;
  const { id, sequence, sizeBytes, newBytes, stopNs, totalNs } = await client
    .save({ store: storePlace(flags), keys: storeKeys(flags), stop, tag: flags.tag ?? null }, (taken) =>
      progress.show(taken, memoryBytes),
    )
    .finally(() => progress.clear());
  client.close();
  if (flags.json) {
    const result = { machine, name, id, sequence, sizeBytes, newBytes, stopNs, totalNs, stopped: stop };
    writeText(stdoutFd, `${toJson(result)}\n`);
  } else if (!flags.quiet) {
    const still = stop ? '' : `, it stood still for ${formatDuration(stopNs / 1e6)}`;
    const what = `${stop ? 'stopped' : 'saved'} ${name}, ${formatSize(newBytes)} new of ${formatSize(sizeBytes)}${still}`;
    writeText(stdoutFd, `${shortId(id)}  ${what}\n`);
  }
}
