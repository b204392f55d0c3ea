// wvm resume: lets the machine of an image go on, in this process, with what this command line lends it.

import { type Command, Option } from 'commander';
import { parseSnapshotEvents, Supervisor, type ThreadResumeOptions } from '../index.ts';
import {
  addMachineOptions,
  type MachineFlags,
  toHooks,
  toMachineOptions,
  toSuperviseOptions,
} from './machine-options.ts';
import { finish } from './outcome.ts';
import { printNote } from './report.ts';
import { guestThread } from './thread.ts';

interface ResumeFlags extends MachineFlags {
  readonly files: 'check' | 'ignore';
  readonly features: 'strict' | 'lenient';
  readonly frozen?: true;
  readonly module?: string;
}

export function define(command: Command): void {
  command
    .description(
      'Let the machine of an image go on, as often as wanted. Directories and variables come from this command line, ' +
        'never from the image; a missing one is refused before anything runs.',
    )
    .argument('<image>', 'a file of wvm snapshot, or - for stdin')
    .addOption(
      new Option('--files <how>', 'what to do if an open file has changed since')
        .choices(['check', 'ignore'])
        .default('check'),
    )
    .addOption(
      new Option('--features <how>', 'strict: this wvm must have every feature of the first; lenient: those in use')
        .choices(['strict', 'lenient'])
        .default('strict'),
    )
    .option('--frozen', 'load everything, then wait for wvm continue or SIGCONT')
    .option('--module <file>', 'the module, for an image made with --no-module')
    .addHelpText(
      'after',
      `
Examples:
  wvm resume app.wvm --dir .
  wvm resume --frozen --name copy app.wvm
  wvm snapshot app -o - --stop | wvm resume -
  ssh host wvm snapshot app -o - | wvm resume --files ignore -

The exit code is the guest's; wvm help exit-codes lists the others.`,
    );
  addMachineOptions(command);
  command.action(resume);
}

async function resume(image: string, flags: ResumeFlags): Promise<void> {
  const events = flags.snapshotOn === undefined ? undefined : parseSnapshotEvents(flags.snapshotOn);
  const options: ThreadResumeOptions = {
    ...toMachineOptions(flags),
    files: flags.files,
    features: flags.features,
    // The image was stdin: nothing is left of it for the guest.
    ...(image === '-' ? { stdin: 'null' } : {}),
    ...(flags.module === undefined ? {} : { modulePath: flags.module }),
  };
  const hooks = toHooks(flags, events, () => supervisor);
  const thread = guestThread();
  await thread.resume(image === '-' ? process.stdin : image, options, hooks);
  const supervisor = new Supervisor({
    ...toSuperviseOptions(flags, events),
    program: image,
    defaultName: thread.name,
    frozen: flags.frozen,
    onPublished: (id, name) => {
      if (flags.frozen && !flags.quiet) printNote(`machine ${id} (${name}) is frozen; wvm continue ${id} lets it run`);
    },
  });
  await finish(thread, await supervisor.run(thread), flags);
}
