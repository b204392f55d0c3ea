// wvm tag: names of snapshots, which keep these from being collected.

import type { Command } from 'commander';
import { toJson } from './report.ts';
import { addStoreOption, type StoreFlags, shortId, tableText, withStore } from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';

interface TagFlags extends StoreFlags {
  readonly delete?: true;
}

export function define(command: Command): void {
  addStoreOption(command)
    .description('Name a snapshot, so that wvm gc keeps it; without arguments list the tags.')
    .argument('[name]', 'the tag')
    .argument('[snapshot]', 'id (or its beginning), tag or machine (its newest)')
    .option('-d, --delete', 'remove the tag; the snapshot stays')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExamples:\n  wvm tag before-upgrade app\n  wvm tag -d before-upgrade\n  wvm tag')
    .action(tag);
}

async function tag(name: string | undefined, snapshot: string | undefined, flags: TagFlags, command: Command) {
  if (flags.delete && (name === undefined || snapshot !== undefined))
    command.error('error: tag --delete takes one NAME');
  if (!flags.delete && name !== undefined && snapshot === undefined)
    command.error('error: tag takes NAME and SNAPSHOT');
  await withStore(flags, async (store) => {
    if (name === undefined) {
      const tags = [...(await store.tags())];
      if (flags.json) writeText(stdoutFd, `${toJson(Object.fromEntries(tags), 2)}\n`);
      else if (tags.length > 0) writeText(stdoutFd, tableText(tags.map(([tagName, id]) => [tagName, shortId(id)])));
    } else if (snapshot === undefined) {
      await store.untag(name);
      if (flags.json) writeText(stdoutFd, `${toJson({ removed: name })}\n`);
    } else {
      const id = await store.resolve(snapshot);
      await store.tag(name, id);
      writeText(stdoutFd, flags.json ? `${toJson({ tag: name, id })}\n` : `${name} is ${shortId(id)}\n`);
    }
  });
}
