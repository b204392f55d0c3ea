// args_* and environ_*: lists of strings, copied into guest memory as an array of addresses and the strings, each with a
// NUL at its end.
// Result: ESUCCESS. Errors: EFAULT. See: execve(2), environ(7).

import { Errno } from '../../../abi/errno.ts';
import type { SystemCallResult } from '../blocked.ts';
import { checkRange, storeU32 } from '../guest-access.ts';
import { encodeVariable, type Process } from '../process.ts';
import { encodeUtf8 } from '../utf8.ts';
import type { WasiContext } from './context.ts';

export function args_sizes_get(context: WasiContext, count: number, size: number): SystemCallResult {
  return storeSizes(context, encodeArguments(context.process), count, size);
}

export function args_get(context: WasiContext, addresses: number, buffer: number): SystemCallResult {
  return storeStrings(context, encodeArguments(context.process), addresses, buffer);
}

export function environ_sizes_get(context: WasiContext, count: number, size: number): SystemCallResult {
  const strings = encodeEnvironment(context.process);
  const result = storeSizes(context, strings, count, size);
  context.process.envToldBytes = sizeOf(strings);
  return result;
}

export function environ_get(context: WasiContext, addresses: number, buffer: number): SystemCallResult {
  return storeStrings(context, encodeEnvironment(context.process), addresses, buffer);
}

function encodeArguments(process: Process): Uint8Array[] {
  return process.args.map(encodeUtf8);
}

function encodeEnvironment(process: Process): Uint8Array[] {
  return Object.entries(process.env).map(([name, value]) => encodeVariable(name, value));
}

function sizeOf(strings: readonly Uint8Array[]): number {
  return strings.reduce((sum, string) => sum + string.length + 1, 0);
}

function storeSizes(context: WasiContext, strings: readonly Uint8Array[], count: number, size: number): number {
  const { memory } = context.process;
  const countAddr = checkRange(memory, count, 4);
  const sizeAddr = checkRange(memory, size, 4);
  storeU32(memory, countAddr, strings.length);
  storeU32(memory, sizeAddr, sizeOf(strings));
  return Errno.ESUCCESS;
}

function storeStrings(context: WasiContext, strings: readonly Uint8Array[], addresses: number, buffer: number): number {
  const { memory } = context.process;
  let entry = checkRange(memory, addresses, strings.length * 4);
  let at = checkRange(memory, buffer, sizeOf(strings));
  for (const string of strings) {
    storeU32(memory, entry, at);
    memory.bytes.set(string, at);
    memory.bytes[at + string.length] = 0;
    entry += 4;
    at += string.length + 1;
  }
  return Errno.ESUCCESS;
}
