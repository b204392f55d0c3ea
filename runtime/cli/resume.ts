// wvm resume: lets the machine of an image go on, in this process, with what this command line lends it.

import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import {
  findSnapshot,
  isReleasing,
  newMachineId,
  type OwnStore,
  openImageFile,
  openStoreAt,
  parseSnapshotEvents,
  releaseRecordOf,
  type SnapshotMoment,
  type SnapshotOrigin,
  type Store,
  Supervisor,
  type ThreadHooks,
  type ThreadResumeOptions,
  unseal,
  WvmError,
} from '../index.ts';
import {
  addMachineOptions,
  type MachineFlags,
  toHooks,
  toMachineOptions,
  toSuperviseOptions,
} from './machine-options.ts';
import { finish } from './outcome.ts';
import { Progress } from './progress.ts';
import { parseMoment } from './quantities.ts';
import { printNote, printWarning } from './report.ts';
import { readUnsealKeys, type UnsealFlags } from './seal-option.ts';
import { storeKeys, storePlace } from './store-option.ts';
import { isTerminal, stderrFd } from './terminal.ts';
import { guestThread } from './thread.ts';

interface ResumeFlags extends MachineFlags, UnsealFlags {
  readonly files: 'check' | 'ignore';
  readonly features: 'strict' | 'lenient';
  readonly frozen?: true;
  readonly module?: string;
  readonly at?: SnapshotMoment;
}

export function define(command: Command): void {
  command
    .description(
      'Let the machine of an image go on, as often as wanted. Directories and variables come from this command line, ' +
        'never from the image; a missing one is refused before anything runs.',
    )
    .argument(
      '<image>',
      'an image file, - for stdin; or, in the store: an id, a tag, or a machine (its newest snapshot)',
    )
    .option('--at <moment>', 'of its machine: snapshot 12, -1 (before the newest), a time, or 5m ago', parseMoment)
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
    .option('--verify <file>', 'take an image only if it is signed with this Ed25519 key (or $WVM_VERIFY_KEY)')
    .option('--frozen', 'load everything, then wait for wvm continue or SIGCONT')
    .option('--module <file>', 'the module, for an image made with --no-module')
    .addHelpText(
      'after',
      `
Examples:
  wvm resume app.wvm --dir .
  wvm resume 3fa9c1                   a snapshot of the store, by the beginning of its id
  wvm resume app --at 5m              the machine app as it was five minutes ago
  wvm resume --frozen --name copy app.wvm
  wvm snapshot app -o - --stop | wvm resume -
  ssh host wvm snapshot app -o - | wvm resume --files ignore -

The exit code is the guest's; wvm help exit-codes lists the others.`,
    );
  addMachineOptions(command);
  command.action(resume);
}

/** The snapshot of the store that the user means. */
async function snapshotOf(text: string, flags: ResumeFlags): Promise<SnapshotOrigin> {
  let store: Store;
  try {
    store = await openStoreAt(storePlace(flags), { create: false, keys: storeKeys(flags) });
  } catch (error) {
    if (!(error instanceof WvmError) || flags.store !== undefined) throw error;
    throw new WvmError('WVM_FILE', `${text}: no such file, and there is no store to look in`, { cause: error });
  }
  try {
    const { id, manifest } = await findSnapshot(store, text, flags.at);
    return { id, machineId: manifest.machineId };
  } finally {
    await store.close();
  }
}

/** A machine that saves itself may forget the snapshot that was found before it is read; then it has a newer one. */
async function withNewest<Value>(
  find: () => Promise<SnapshotOrigin>,
  use: (found: SnapshotOrigin) => Promise<Value>,
): Promise<Value> {
  let found = await find();
  for (;;) {
    try {
      return await use(found);
    } catch (error) {
      if (!(error instanceof WvmError) || error.code !== 'WVM_NO_SUCH_SNAPSHOT') throw error;
      const next = await find();
      if (next.id === found.id) throw error;
      found = next;
    }
  }
}

function warnOfDoubt(bytes: number, flags: ResumeFlags): void {
  if (bytes === 0 || flags.quiet) return;
  printWarning(
    `${bytes} bytes of output were on their way when the last life of this machine ended; they count as written, ` +
      'though some of them may not have arrived',
  );
}

async function resume(image: string, flags: ResumeFlags): Promise<void> {
  const events = flags.snapshotOn === undefined ? undefined : parseSnapshotEvents(flags.snapshotOn);
  const options: ThreadResumeOptions = {
    ...(await toMachineOptions(flags)),
    files: flags.files,
    features: flags.features,
    // The image was stdin: nothing is left of it for the guest.
    ...(image === '-' ? { stdin: 'null' } : {}),
    ...(flags.module === undefined ? {} : { modulePath: flags.module }),
  };
  const progress = new Progress();
  const hooks: ThreadHooks = {
    ...toHooks(flags, events, () => supervisor),
    ...(isTerminal(stderrFd) && !flags.quiet ? { onLoading: progress.show } : {}),
  };
  const thread = guestThread();
  const isFile = image !== '-' && flags.at === undefined && existsSync(image);
  let parent: OwnStore['parent'];
  const id = newMachineId();
  if (isFile || image === '-') {
    const keys = readUnsealKeys(flags);
    const source = isFile ? openImageFile(image, keys) : unseal(process.stdin, keys);
    await thread.resume(source, { ...options, releaseRecord: releaseRecordOf(id) }, hooks).finally(progress.clear);
  } else {
    // Else the first snapshot comes late, if ever, and may take a little longer.
    const isTracked = flags.snapshotEvery !== undefined || flags.outputCommit === true;
    const load = async (origin: SnapshotOrigin): Promise<SnapshotOrigin> => {
      const stored = { place: storePlace(flags), keys: storeKeys(flags), origin, isTracked };
      const releaseRecord = releaseRecordOf(origin.machineId);
      // The machine goes on, and releases what its snapshot holds itself.
      const isCopy = isReleasing(releaseRecord);
      const loaded = thread.resumeFromStore(
        stored,
        isCopy ? { ...options, releaseRecord: releaseRecordOf(id), heldOutput: 'drop' } : { ...options, releaseRecord },
        hooks,
      );
      await loaded.finally(progress.clear);
      return isCopy ? { id: origin.id, machineId: id } : origin;
    };
    parent = await withNewest(() => snapshotOf(image, flags), load);
    warnOfDoubt(thread.doubtfulOutputBytes, flags);
  }
  const supervisor = new Supervisor({
    ...toSuperviseOptions(flags, events, parent),
    id,
    program: image,
    defaultName: thread.name,
    frozen: flags.frozen,
    onPublished: (id, name) => {
      if (flags.frozen && !flags.quiet) printNote(`machine ${id} (${name}) is frozen; wvm continue ${id} lets it run`);
    },
  });
  await finish(thread, await supervisor.run(thread), flags);
}
