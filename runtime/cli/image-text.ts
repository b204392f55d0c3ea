// An image's description as text for people.

import type { FrameDescription, ImageDescription, NamedValue, ThreadDescription } from '../index.ts';
import { formatSize } from './quantities.ts';

/** What to show beyond the overview. */
export interface ImageDetails {
  readonly frames?: true;
  readonly pages?: true;
  readonly features?: true;
  readonly kernel?: true;
}

type Lines = string[];

export function imageText(image: ImageDescription, details: ImageDetails): string {
  const lines: Lines = [
    `image     format ${image.formatVersion}, ${formatSize(image.sizeBytes)}, made by ${image.producer}`,
    `machine   ${image.name}, ${image.fuelUsed} fuel used`,
    `features  used: ${listText(image.features.used)}`,
  ];
  if (details.features) lines.push(`          available: ${listText(image.features.available)}`);
  for (const { hash, name, sizeBytes } of image.modules) {
    const size = sizeBytes === null ? 'not in the image' : formatSize(sizeBytes);
    lines.push(`module    ${name || '<unnamed>'} (${size}), SHA-256 ${hash}`);
  }
  for (const process of image.processes) addProcess(lines, process, details);
  for (const { kind, guestPath, maxBytes, fileCount, fileBytes } of image.fileSystems) {
    const files = fileCount === 1 ? '1 file' : `${fileCount} files`;
    lines.push(`${kind.padEnd(9)} ${guestPath}, ${files} of ${formatSize(fileBytes)}, at most ${formatSize(maxBytes)}`);
  }
  if (details.kernel) {
    lines.push('kernel');
    addTree(lines, '  ', image.kernel);
  }
  lines.push('sections');
  for (const { type, recordCount, sizeBytes } of image.sections) {
    lines.push(
      `  ${type.padEnd(10)} ${recordCount} ${recordCount === 1 ? 'record' : 'records'}, ${formatSize(sizeBytes)}`,
    );
  }
  return `${lines.map(printable).join('\n')}\n`;
}

function addProcess(lines: Lines, process: ImageDescription['processes'][number], details: ImageDetails): void {
  lines.push(`process ${process.pid}${process.parentPid === null ? '' : `, child of ${process.parentPid}`}`);
  for (const { index, name, sizeBytes, maxSizeBytes, savedBytes, runs } of process.memories) {
    const limit = maxSizeBytes === null ? '' : ` of at most ${formatSize(maxSizeBytes)}`;
    lines.push(`  memory ${index}${nameText(name)}: ${formatSize(sizeBytes)}${limit}, ${formatSize(savedBytes)} saved`);
    if (!details.pages) continue;
    for (const run of runs) {
      lines.push(`    0x${hex(run.addr)} to 0x${hex(run.addr + run.sizeBytes - 1)}  ${formatSize(run.sizeBytes)}`);
    }
  }
  for (const value of process.globals) lines.push(`  global ${valueText(value)}`);
  for (const { index, name, entryCount } of process.tables) {
    lines.push(`  table ${index}${nameText(name)}: ${entryCount === null ? 'unchanged' : `${entryCount} entries`}`);
  }
  for (const { fd, kind, path, preopen, offset, canRead, canWrite } of process.fds) {
    const access = `${canRead ? 'r' : '-'}${canWrite ? 'w' : '-'}`;
    const place = offset === null ? '' : ` at ${offset}`;
    lines.push(
      `  fd ${fd}: ${access} ${kind}${nameText(preopen ?? path)}${place}${preopen === null ? '' : ' (preopened)'}`,
    );
  }
  for (const thread of process.threads) addThread(lines, thread, details);
}

const pendingTexts: Readonly<Record<ThreadDescription['pending'], string>> = {
  entry: 'between two functions',
  poll: 'in its own code',
  call: 'in a call of the host',
  result: 'back from a call of the host',
};

function addThread(lines: Lines, thread: ThreadDescription, details: ImageDetails): void {
  const { tid, scheduling, pending, call, entries, activations, contexts } = thread;
  lines.push(`  thread ${tid}, ${pendingTexts[pending]}${scheduling === '' ? '' : `, ${scheduling}`}`);
  if (call !== null) addTree(lines, '    ', call);
  if (entries.length > 0) lines.push(`    then calls ${entries.join(', ')}`);
  addStack(lines, activations, details);
  for (const context of contexts) {
    lines.push(`    context ${context.id}${context.activations.length === 0 ? ', not begun' : ''}`);
    addStack(lines, context.activations, details);
  }
}

function addStack(lines: Lines, activations: ThreadDescription['activations'], details: ImageDetails): void {
  let depth = 0;
  for (const [index, frames] of activations.entries()) {
    if (index > 0) lines.push('    -- host --');
    for (const frame of frames) {
      lines.push(`    #${String(depth++).padEnd(2)} ${frameText(frame)}`);
      if (!details.frames) continue;
      for (const local of frame.locals) lines.push(`          local ${valueText(local)}`);
      for (const { type, value } of frame.stack) lines.push(`          operand ${type} ${value}`);
      for (const exception of frame.caught) if (exception !== null) lines.push(`          caught ${exception}`);
    }
  }
}

function frameText({ functionIndex, functionName, codeOffset, moduleOffset }: FrameDescription): string {
  const place = moduleOffset === null ? '' : `, module offset 0x${hex(moduleOffset)}`;
  return `${functionName ?? '<unnamed>'}  function ${functionIndex} + 0x${hex(codeOffset)}${place}`;
}

function valueText({ index, name, value }: NamedValue): string {
  return `${index}${nameText(name)}: ${value === null ? 'not needed' : `${value.type} ${value.value}`}`;
}

function nameText(name: string | null): string {
  return name === null || name === '' ? '' : ` ${name}`;
}

function listText(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

function hex(value: number): string {
  return value.toString(16);
}

/** Plain data, one field a line; small things on one line. */
function addTree(lines: Lines, indent: string, data: unknown): void {
  const isList = Array.isArray(data);
  for (const [key, value] of Object.entries(data as object)) {
    const label = isList ? '-' : `${key}:`;
    const flat = JSON.stringify(value) ?? '';
    if (typeof value !== 'object' || value === null || flat.length <= 100) {
      lines.push(`${indent}${label} ${typeof value === 'string' ? value : flat.replaceAll('"', '')}`);
    } else {
      lines.push(`${indent}${label}`);
      addTree(lines, `${indent}  `, value);
    }
  }
}

/** Names come from the image, and may hold what moves a terminal's cursor. */
function printable(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
