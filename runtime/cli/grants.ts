// What the command line lends to a guest: directories (--dir, --overlay, --tmpfs), environment variables (--env, --env-file), programs (--map).

import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { InvalidArgumentError } from 'commander';
import type { DirectoryGrant, TmpfsGrant } from '../index.ts';
import { parseSize } from './quantities.ts';

/** Reads `HOST[::GUEST][:ro]` and adds it; the guest sees the directory under HOST as written if GUEST is missing. */
export function addDirectory(text: string, grants: readonly DirectoryGrant[] = []): DirectoryGrant[] {
  const readOnly = text.endsWith(':ro');
  const paths = readOnly ? text.slice(0, -':ro'.length) : text;
  const separator = paths.indexOf('::');
  const hostPath = separator < 0 ? paths : paths.slice(0, separator);
  const guestPath = separator < 0 ? paths : paths.slice(separator + 2);
  if (hostPath === '' || guestPath === '' || guestPath.includes('\0') || guestPath.includes('::')) {
    throw new InvalidArgumentError('Write HOST, HOST::GUEST or HOST::GUEST:ro.');
  }
  if (grants.some((grant) => grant.guestPath === guestPath)) {
    throw new InvalidArgumentError(`The guest already has a directory '${guestPath}'.`);
  }
  return [...grants, { hostPath, guestPath, readOnly }];
}

/** Reads `HOST::GUEST` or `HOST` and adds it: a directory whose changes stay in the machine. */
export function addOverlay(text: string, overlays: readonly DirectoryGrant[] = []): DirectoryGrant[] {
  if (text.endsWith(':ro')) throw new InvalidArgumentError('An overlay never writes to the host; write HOST::GUEST.');
  const grants = addDirectory(text, overlays);
  const added = grants.pop()!;
  return [...grants, { ...added, kind: 'overlay' }];
}

/** Reads `GUEST` or `GUEST:SIZE` and adds it: a directory in memory. */
export function addTmpfs(text: string, tmpfs: readonly TmpfsGrant[] = []): TmpfsGrant[] {
  const [, guestPath = text, size] = /^(.*):([^:/]*)$/.exec(text) ?? [];
  if (guestPath === '' || guestPath.includes('\0')) throw new InvalidArgumentError('Write GUEST or GUEST:SIZE.');
  if (tmpfs.some((grant) => grant.guestPath === guestPath)) {
    throw new InvalidArgumentError(`The guest already has a directory '${guestPath}'.`);
  }
  return [...tmpfs, size === undefined ? { guestPath } : { guestPath, maxBytes: parseSize(size) }];
}

/** Reads `NAME=FILE` and adds it: a program that the guest can run by that name. */
export function addProgram(text: string, programs: Readonly<Record<string, string>> = {}): Record<string, string> {
  const separator = text.indexOf('=');
  const name = text.slice(0, Math.max(separator, 0));
  const path = text.slice(separator + 1);
  if (name === '' || path === '' || text.includes('\0')) throw new InvalidArgumentError('Write NAME=FILE.wasm.');
  if (Object.hasOwn(programs, name)) throw new InvalidArgumentError(`There is a program '${name}' already.`);
  return { ...programs, [name]: path };
}

/** Reads `K=V`, or `K` for the host's own value, and adds it; the last one of the same name counts. */
export function addVariable(text: string, variables: Readonly<Record<string, string>> = {}): Record<string, string> {
  const separator = text.indexOf('=');
  const name = separator < 0 ? text : text.slice(0, separator);
  const value = separator < 0 ? process.env[name] : text.slice(separator + 1);
  if (name === '' || text.includes('\0')) throw new InvalidArgumentError('Write NAME=VALUE or NAME.');
  if (value === undefined) throw new InvalidArgumentError(`${name} is not set here; write ${name}=VALUE.`);
  return { ...variables, [name]: value };
}

/** Reads a file of `NAME=VALUE` lines (`#` comments, quotes as in .env files) and adds them. */
export function addVariablesOfFile(
  path: string,
  variables: Readonly<Record<string, string>> = {},
): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
  return { ...variables, ...(parseEnv(text) as Record<string, string>) };
}
