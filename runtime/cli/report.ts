// What wvm itself tells its user, always on stderr: failures with code and hint, warnings, notes. With --json a failure
// is one JSON object on one line.

import { writeFileSync } from 'node:fs';
import { exitCodes } from './exit-codes.ts';
import { stderrFd, styleOf, writeText } from './terminal.ts';

/** A failure as users see it. WvmError has a code; other errors are the system's or our own bugs. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
}

export function toFailure(error: unknown): Failure {
  const { name, code, message, hint, path } = error as {
    name: string;
    code?: unknown;
    message: string;
    hint?: string;
    path?: string;
  };
  if (name === 'WvmError') return { code: String(code), message, hint };
  // A system call that no layer has given a place: "ENOENT: no such file or directory, open 'x'".
  if (typeof code === 'string' && name !== 'BugError') {
    const what = /^[A-Z0-9]+: ([^,]*), /.exec(message)?.[1];
    const text = path === undefined || what === undefined ? message : `${path}: ${what}`;
    return { code: 'WVM_FILE', message: text, hint: undefined };
  }
  const detail = error instanceof Error ? (error.stack ?? message) : String(error);
  return { code: 'WVM_BUG', message: detail, hint: undefined };
}

export function exitCodeOfFailure(failure: Failure): number {
  return failure.code === 'WVM_USAGE' ? exitCodes.usage : exitCodes.failure;
}

export function printFailure(failure: Failure): void {
  const style = styleOf(stderrFd);
  const hint = failure.hint === undefined ? '' : `${style('dim', `  hint: ${failure.hint}`)}\n`;
  writeText(stderrFd, `wvm: ${style('red', failure.code)}: ${failure.message}\n${hint}`);
}

export function printWarning(message: string): void {
  writeText(stderrFd, `wvm: ${styleOf(stderrFd)('yellow', 'warning')}: ${message}\n`);
}

export function printNote(message: string): void {
  writeText(stderrFd, `wvm: ${message}\n`);
}

/** One object, one line: to stderr, or to a file if `--json=FILE` names one. */
export function printJson(value: unknown, target: string | true): void {
  const text = `${toJson(value)}\n`;
  if (target === true) writeText(stderrFd, text);
  else writeFileSync(target, text);
}

/** 64-bit numbers become JSON numbers. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? Number(part) : part), indent);
}
