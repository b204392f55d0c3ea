// Section 10, code: one sized entry per function, local declarations first. Instructions are not looked at here.

import type { CodeEntry, ValType } from './module.ts';
import { Reader } from './reader.ts';
import { readValType, type Uncapturable } from './value-types.ts';

// V8's limits (kV8MaxWasmFunctionSize, kV8MaxWasmFunctionLocals).
const MAX_BODY_BYTES = 7_654_321;
const MAX_LOCALS = 50_000;
/**
 * Locals of all functions together. Ten bytes can declare 50,000 locals, so without this bound a module of a megabyte
 * would expand to gigabytes; the largest programs (a browser engine's worth of functions) declare about a million.
 */
const MAX_TOTAL_LOCALS = 16_000_000;

const NO_LOCALS: readonly ValType[] = [];

/** Reads the contents of the code section, which must have `functionCount` entries. */
export function readCode(reader: Reader, functionCount: number, uncapturable: Uncapturable): CodeEntry[] {
  const at = reader.position;
  const count = reader.u32();
  if (count !== functionCount) reader.fail(`${count} bodies for ${functionCount} functions`, at);
  const entries: CodeEntry[] = [];
  let localCount = 0;
  for (let i = 0; i < count; i++) {
    const sizeAt = reader.position;
    const size = reader.u32();
    if (size > MAX_BODY_BYTES) reader.fail(`body of ${size} bytes, more than the limit of ${MAX_BODY_BYTES}`, sizeAt);
    const range = reader.skip(size);
    const body = new Reader(reader.bytes, range.start, range.end);
    const locals = readLocals(body, uncapturable);
    localCount += locals.length;
    if (localCount > MAX_TOTAL_LOCALS) reader.fail(`more than ${MAX_TOTAL_LOCALS} locals in all functions`, sizeAt);
    if (body.done) reader.fail('body without instructions', body.position);
    entries.push({ range, locals, bodyStart: body.position });
  }
  return entries;
}

function readLocals(body: Reader, uncapturable: Uncapturable): readonly ValType[] {
  const runCount = body.count('runs of locals', MAX_LOCALS);
  if (runCount === 0) return NO_LOCALS;
  const locals: ValType[] = [];
  for (let i = 0; i < runCount; i++) {
    const at = body.position;
    const length = body.u32();
    if (length > MAX_LOCALS - locals.length) body.fail(`more than the limit of ${MAX_LOCALS} locals`, at);
    const type = readValType(body, uncapturable);
    for (let k = 0; k < length; k++) locals.push(type);
  }
  return locals;
}
