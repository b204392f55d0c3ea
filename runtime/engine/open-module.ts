// What a machine needs to know of a prepared module beside its code: the parsed original, and the map of its sites.

import { decodeModuleMap, type ModuleMap } from '../instrument/module-map.ts';
import { SECTION_MAP } from '../instrument/names.ts';
import type { WasmModule } from '../wasm/module.ts';
import { parseModule } from '../wasm/parse.ts';
import { ContinuationModules } from './continuation-modules.ts';
import type { PreparedModule } from './stored-module.ts';

export interface CompiledModule {
  readonly original: WasmModule;
  /** SHA-256 of the original's bytes, hex. */
  readonly hash: string;
  readonly compiled: WebAssembly.Module;
  /** Undefined if the module runs as it is and cannot be captured; `original.uncapturable` says why. */
  readonly map: ModuleMap | undefined;
  /** Start of code entry `codeIndex` in the instrumented module, for backtraces. */
  readonly instrumentedCode: ((codeIndex: number) => number) | undefined;
  readonly continuations: ContinuationModules;
}

/** What a machine needs of a module beside the code. */
export function openModule({ bytes, hash, compiled, instrumented, uncapturable }: PreparedModule): CompiledModule {
  const original = parseModule(bytes);
  const continuations = new ContinuationModules();
  if (instrumented === undefined) {
    const named = { ...original, uncapturable };
    return { original: named, hash, compiled, map: undefined, instrumentedCode: undefined, continuations };
  }
  const section = WebAssembly.Module.customSections(compiled, SECTION_MAP)[0]!;
  const map = decodeModuleMap(original, new Uint8Array(section));
  return { original, hash, compiled, map, instrumentedCode: codeStarts(instrumented), continuations };
}

/** The instrumented module is parsed again only if somebody asks for a backtrace. */
function codeStarts(instrumented: Uint8Array): (codeIndex: number) => number {
  let parsed: WasmModule | undefined;
  return (codeIndex) => {
    parsed ??= parseModule(instrumented);
    return parsed.code[codeIndex]?.range.start ?? -1;
  };
}
