// Module text to binary. The assembler is the one of jco (the Rust `wat` crate): it follows every proposal, and like
// the specification's it does not validate, so invalid modules reach the engine. It lacks the folded form of legacy
// exception handling, `(try (do …) (catch …))`; wabt has that.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import createWabt from 'wabt';
import type { ModuleSource } from './script.ts';

/** The text, or the bytes of a binary, cannot even be turned into bytes to run. */
export class AssemblyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AssemblyError';
  }
}

/** Bytes of a module of a script. Throws AssemblyError on malformed text. */
export async function assemble(source: ModuleSource): Promise<Uint8Array> {
  if (source.form === 'binary') return source.bytes;
  if (source.form === 'text') {
    return /\(try\b/.test(source.text) ? assembleLegacyExceptions(source.text) : assembleText(source.text);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(source.bytes);
  } catch {
    throw new AssemblyError('malformed UTF-8 encoding');
  }
  return assembleText(text);
}

export async function assembleText(text: string): Promise<Uint8Array> {
  try {
    return await parse(escapeDirectionMarks(text));
  } catch (error) {
    const payload = (error as { payload?: unknown }).payload;
    throw new AssemblyError(String(payload ?? error).slice(0, 300));
  }
}

async function assembleLegacyExceptions(text: string): Promise<Uint8Array> {
  wabt ??= createWabt();
  try {
    const module = (await wabt).parseWat('script.wat', text, { exceptions: true, tail_call: true, simd: true });
    const { buffer } = module.toBinary({});
    module.destroy();
    return buffer;
  } catch (error) {
    throw new AssemblyError(error instanceof Error ? error.message : String(error));
  }
}
let wabt: ReturnType<typeof createWabt> | undefined;

/** The assembler refuses bidirectional control characters even in strings ("confusing unicode"); as escapes they pass. */
function escapeDirectionMarks(text: string): string {
  return text.replace(/[\u202a-\u202e\u2066-\u206f]/g, (mark) => `\\u{${mark.codePointAt(0)!.toString(16)}}`);
}
