// What wvm itself tells its user, always on stderr: failures with code and hint, warnings, notes. With --json a failure
// is one JSON object on one line.

import { writeFileSync } from 'node:fs';
import colors from 'picocolors';
import { exitCodes } from './exit-codes.ts';

type Colors = ReturnType<typeof colors.createColors>;

/** Colours for stderr: on a terminal only, and not where NO_COLOR asks for none. */
export function stderrColors(): Colors {
  return colors.createColors(process.stderr.isTTY === true && !process.env['NO_COLOR']);
}

/** A failure as users see it. WvmError has a code; other errors are the system's or our own bugs. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
}

export function toFailure(error: unknown): Failure {
  const { name, code, message, hint } = error as { name: string; code?: unknown; message: string; hint?: string };
  if (name === 'WvmError') return { code: String(code), message, hint };
  // A system call that no layer has given a place: the message names the call and the path.
  if (typeof code === 'string' && name !== 'BugError') return { code: 'WVM_FILE', message, hint: undefined };
  const detail = error instanceof Error ? (error.stack ?? message) : String(error);
  return { code: 'WVM_BUG', message: detail, hint: undefined };
}

export function exitCodeOfFailure(failure: Failure): number {
  return failure.code === 'WVM_USAGE' ? exitCodes.usage : exitCodes.failure;
}

export function printFailure(failure: Failure): void {
  const { red, dim } = stderrColors();
  process.stderr.write(`wvm: ${red(failure.code)}: ${failure.message}\n`);
  if (failure.hint !== undefined) process.stderr.write(`${dim(`  hint: ${failure.hint}`)}\n`);
}

export function printWarning(message: string): void {
  process.stderr.write(`wvm: ${stderrColors().yellow('warning')}: ${message}\n`);
}

export function printNote(message: string): void {
  process.stderr.write(`wvm: ${message}\n`);
}

/** One object, one line: to stderr, or to a file if `--json=FILE` names one. */
export function printJson(value: unknown, target: string | true): void {
  const text = `${toJson(value)}\n`;
  if (target === true) process.stderr.write(text);
  else writeFileSync(target, text);
}

/** 64-bit numbers become JSON numbers. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? Number(part) : part), indent);
}
