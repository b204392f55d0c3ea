// wvm diff: what differs between two snapshots.

import type { Command } from 'commander';
import type { MemoryDifference, StateDifference } from '../index.ts';
import { formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { addStoreOption, printable, type StoreFlags, shortId, withStore } from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';

interface DiffFlags extends StoreFlags {
  readonly pages?: true;
}

const pageBytes = 4096;
const mapWidth = 64;
const mapRows = 16;

export function define(command: Command): void {
  addStoreOption(command)
    .description('Show what differs between two snapshots: pages, globals, descriptors, processes.')
    .argument('<a>', 'id (or its beginning), tag or machine')
    .argument('<b>', 'the same; often the newer one')
    .option('--pages', 'draw where in the memories the pages lie that differ')
    .option('--json', 'print everything as JSON')
    .addHelpText('after', '\nExamples:\n  wvm diff 3f2a 90bc\n  wvm diff before-upgrade app --pages')
    .action(diff);
}

async function diff(a: string, b: string, flags: DiffFlags): Promise<void> {
  await withStore(flags, async (store) => {
    const [idA, idB] = [await store.resolve(a), await store.resolve(b)];
    const memories = await store.diff(idA, idB);
    const state = await store.compare(idA, idB);
    const pids = (await store.describe(idB)).processes.map(({ pid }) => pid);
    if (flags.json) writeText(stdoutFd, `${toJson({ a: idA, b: idB, memories, state }, 2)}\n`);
    else writeText(stdoutFd, diffText([idA, idB], memories, state, pids, flags.pages === true));
  });
}

function diffText(
  [a, b]: readonly [string, string],
  memories: readonly MemoryDifference[],
  state: readonly StateDifference[],
  pids: readonly number[],
  withMap: boolean,
): string {
  const lines = [`${shortId(a)} -> ${shortId(b)}`];
  for (const memory of memories) {
    const { processIndex, memoryIndex, pageCounts, runs } = memory;
    const pages = runs.reduce((sum, value, i) => sum + (i % 2 === 1 ? value : 0), 0);
    const isOfFiles = processIndex === 0xffff_ffff;
    const place = isOfFiles
      ? `file system ${memoryIndex}`
      : `process ${pids[processIndex] ?? 'that ended'} memory ${memoryIndex}`;
    lines.push(`${place}: ${pages} of ${Math.max(...pageCounts)} pages differ, ${formatSize(pages * pageBytes)}`);
    if (withMap) lines.push(...mapLines(memory));
  }
  for (const difference of state)
    lines.push(`${difference.place}: ${difference.a ?? 'none'} -> ${difference.b ?? 'none'}`);
  if (state.length === 0 && memories.every(({ runs }) => runs.length === 0)) lines.push('no difference');
  return `${lines.map(printable).join('\n')}\n`;
}

/** One character for each equal part of the memory: how much of it differs. */
function mapLines({ pageCounts, runs }: MemoryDifference): string[] {
  const pageCount = Math.max(...pageCounts);
  if (pageCount === 0) return [];
  const cellPages = Math.max(1, Math.ceil(pageCount / (mapWidth * mapRows)));
  const cells = new Array<number>(Math.ceil(pageCount / cellPages)).fill(0);
  for (let i = 0; i < runs.length; i += 2) {
    for (let page = runs[i]!; page < runs[i]! + runs[i + 1]!; page++) cells[Math.floor(page / cellPages)]!++;
  }
  const marks = cells.map((differing) => {
    if (differing === 0) return '.';
    return differing >= cellPages ? '#' : differing * 2 >= cellPages ? '+' : '-';
  });
  const lines = [`  each character ${formatSize(cellPages * pageBytes)}: . same  - some  + half  # all of it differs`];
  for (let at = 0; at < marks.length; at += mapWidth) {
    const address = `0x${(at * cellPages * pageBytes).toString(16)}`;
    lines.push(`  ${address.padStart(12)}  ${marks.slice(at, at + mapWidth).join('')}`);
  }
  return lines;
}
