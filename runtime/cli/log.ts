// wvm log: lists the snapshots of a store.

import type { Command } from 'commander';
import type { StoredSnapshot } from '../index.ts';
import { formatDuration, formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import {
  addStoreOption,
  imageBytes,
  printable,
  type StoreFlags,
  shortId,
  tableText,
  withStore,
} from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';

export function define(command: Command): void {
  addStoreOption(command)
    .description('List the snapshots of a store, newest first.')
    .argument('[machine]', 'only those of this machine (name or id)')
    .option('--json', 'print an array of objects')
    .addHelpText(
      'after',
      `
SIZE is what an image of the snapshot would take, NEW what it added to the store, STOP how long the
machine stood still for it.

Examples:
  wvm log
  wvm log app --json | jq -r ".[0].id"`,
    )
    .action(log);
}

async function log(machine: string | undefined, flags: StoreFlags): Promise<void> {
  await withStore(flags, async (store) => {
    const snapshots = await store.log(machine);
    const tags = new Map<string, string[]>();
    for (const [name, id] of await store.tags()) tags.set(id, [...(tags.get(id) ?? []), name]);
    const tagsOf = ({ id }: StoredSnapshot): string[] => tags.get(id) ?? [];
    if (flags.json) {
      const entries = snapshots.map((snapshot) => jsonEntry(snapshot, tagsOf(snapshot)));
      writeText(stdoutFd, `${toJson(entries, 2)}\n`);
      return;
    }
    const rows = [['ID', 'MACHINE', 'NO', 'TIME', 'PARENT', 'SIZE', 'NEW', 'STOP', 'REASON', 'TAGS']];
    for (const snapshot of snapshots) rows.push(row(snapshot, tagsOf(snapshot)));
    writeText(stdoutFd, tableText(rows));
  });
}

function row(snapshot: StoredSnapshot, tags: readonly string[]): string[] {
  const { machineName, sequence, createdAtMs, parent, newBytes, stopNs, reason } = snapshot.manifest;
  return [
    shortId(snapshot.id),
    printable(machineName),
    String(sequence),
    timeText(createdAtMs),
    parent === null ? '-' : shortId(parent),
    formatSize(imageBytes(snapshot)),
    formatSize(newBytes),
    stopNs === null ? '-' : formatDuration(stopNs / 1e6),
    printable(reason),
    tags.join(' '),
  ];
}

function jsonEntry(snapshot: StoredSnapshot, tags: readonly string[]): unknown {
  const { records: _records, memories: _memories, ...manifest } = snapshot.manifest;
  return { id: snapshot.id, ...manifest, imageBytes: imageBytes(snapshot), tags };
}

/** Local time, to the second. */
function timeText(timeMs: number): string {
  const time = new Date(timeMs - new Date(timeMs).getTimezoneOffset() * 60_000);
  return Number.isNaN(time.getTime()) ? String(timeMs) : time.toISOString().slice(0, 19).replace('T', ' ');
}
