// Where a trap happened, in terms of the original module: V8's stack trace names functions and byte offsets of the
// instrumented module, or of a continuation module; both are mapped back.

import type { OffsetRun } from '../instrument/body-writer.ts';
import { continuationOffsets } from '../instrument/continuation.ts';
import { functionOffsets } from '../instrument/instrument.ts';
import { functionName } from '../wasm/names.ts';
import type { CompiledModule } from './compile.ts';
import type { GuestInstance } from './instance.ts';

export interface BacktraceFrame {
  readonly functionIndex: number;
  readonly functionName: string | undefined;
  /** Byte offset from the start of the function's code entry; -1 if it is not known. */
  readonly codeOffset: number;
  /** Byte offset in the original module; -1 if it is not known. */
  readonly moduleOffset: number;
}

/** What V8 says at the end of a stack line of WebAssembly. */
const FRAME = /wasm-function\[(\d+)\]:0x([0-9a-f]+)\)?$/;
/** A line of a continuation starts with the name that its module gives it. */
const CONTINUATION = /^\s*at k\.(\d+) \(wasm:/;

/** Message and frames, innermost first. */
export function backtraceOf(
  error: Error,
  compiled: CompiledModule,
  instance: GuestInstance,
): { message: string; backtrace: BacktraceFrame[] } {
  const backtrace: BacktraceFrame[] = [];
  for (const line of (error.stack ?? '').split('\n')) {
    const match = FRAME.exec(line);
    if (match === null) continue;
    const continuation = CONTINUATION.exec(line);
    const frame =
      continuation === null
        ? frameOf(compiled, Number(match[1]), Number.parseInt(match[2]!, 16))
        : continuationFrame(compiled, instance, Number(continuation[1]), Number.parseInt(match[2]!, 16));
    if (frame !== undefined) backtrace.push(frame);
  }
  const message =
    error.name === 'RuntimeError' || error instanceof RangeError
      ? error.message
      : 'an exception was thrown and not caught';
  return { message, backtrace };
}

function frameOf(compiled: CompiledModule, functionIndex: number, offset: number): BacktraceFrame | undefined {
  const { original, map } = compiled;
  const codeIndex = functionIndex - original.importedFunctionCount;
  const entry = original.code[codeIndex];
  // Functions behind the original's are ours: poll and the like.
  if (entry === undefined) return undefined;
  const name = functionName(original, functionIndex);
  let codeOffset = -1;
  if (map === undefined) codeOffset = offset - entry.range.start;
  else {
    const start = compiled.instrumentedCode?.(codeIndex) ?? -1;
    if (start >= 0) codeOffset = originalOffset(functionOffsets(map, functionIndex), offset - start);
  }
  const moduleOffset = codeOffset < 0 ? -1 : entry.range.start + codeOffset;
  return { functionIndex, functionName: name, codeOffset, moduleOffset };
}

function continuationFrame(
  compiled: CompiledModule,
  instance: GuestInstance,
  site: number,
  offset: number,
): BacktraceFrame | undefined {
  const { original, map } = compiled;
  const functionIndex = map?.functionOfSite(site) ?? -1;
  const group = instance.continuations.groupOf(site);
  if (functionIndex < 0 || group === undefined) return undefined;
  const start = original.code[functionIndex - original.importedFunctionCount]!.range.start;
  const { emittedStart, runs } = continuationOffsets(map!, group, site);
  const codeOffset = originalOffset(runs, offset - emittedStart);
  return {
    functionIndex,
    functionName: functionName(original, functionIndex),
    codeOffset,
    moduleOffset: codeOffset < 0 ? -1 : start + codeOffset,
  };
}

/** Offset in the original code entry of a byte of an emitted one; -1 if the byte is ours. */
function originalOffset(runs: readonly OffsetRun[], emitted: number): number {
  const run = runs.findLast((candidate) => candidate.emitted <= emitted);
  return run === undefined ? -1 : run.original + Math.min(emitted - run.emitted, run.length - 1);
}
