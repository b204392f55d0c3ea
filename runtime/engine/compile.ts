// From the bytes of a program to a module that can run: parse, instrument (or take from the cache), compile.
// A module whose state cannot be captured runs as it is; a snapshot of it is refused by name.

import { encodeUtf8 } from '../base/utf8.ts';
import { WvmError } from '../base/wvm-error.ts';
import { buildCallGraph } from '../instrument/call-graph.ts';
import { instrument } from '../instrument/instrument.ts';
import { decodeModuleMap, type ModuleMap } from '../instrument/module-map.ts';
import { INSTRUMENTER_VERSION, SECTION_MAP } from '../instrument/names.ts';
import type { WasmModule } from '../wasm/module.ts';
import { parseModule } from '../wasm/parse.ts';
import { ContinuationModules } from './continuation-modules.ts';

/** Where instrumented modules are kept between runs. Both calls may fail silently: the cache only saves time. */
export interface ModuleCache {
  /** `key`: 64 hex digits. */
  get(key: string): Uint8Array | undefined;
  put(key: string, bytes: Uint8Array): void;
}

export interface CompilePorts {
  /** SHA-256 of some bytes, as 64 hex digits. */
  readonly sha256: (bytes: Uint8Array) => string;
  readonly cache: ModuleCache | undefined;
}

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

/** Compiles a program. Throws WVM_MODULE_INVALID with the engine's own words if it is no valid module. */
export function compileModule(bytes: Uint8Array, ports: CompilePorts): CompiledModule {
  const original = parseModule(bytes);
  const hash = ports.sha256(bytes);
  const continuations = new ContinuationModules();
  const asItIs = (uncapturable: readonly string[]): CompiledModule => ({
    original: { ...original, uncapturable },
    hash,
    compiled: compile(bytes),
    map: undefined,
    instrumentedCode: undefined,
    continuations,
  });
  if (original.uncapturable.length > 0) return asItIs(original.uncapturable);
  const key = ports.sha256(encodeUtf8(`${hash} ${INSTRUMENTER_VERSION}`));
  const cached = ports.cache?.get(key);
  if (cached !== undefined) {
    const compiled = compile(cached);
    const section = WebAssembly.Module.customSections(compiled, SECTION_MAP)[0];
    if (section !== undefined) {
      const map = decodeModuleMap(original, new Uint8Array(section));
      return { original, hash, compiled, map, instrumentedCode: codeStarts(cached), continuations };
    }
  }
  if (!WebAssembly.validate(bytes)) {
    compile(bytes); // for its message
    throw new WvmError('WVM_MODULE_INVALID', 'the module is not valid');
  }
  const graph = buildCallGraph(original);
  if (graph.uncapturable.length > 0) return asItIs(graph.uncapturable);
  const { bytes: instrumented, map } = instrument(original, graph);
  const compiled = compile(instrumented);
  ports.cache?.put(key, instrumented);
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

function compile(bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    const message = error.message.replace(/^WebAssembly\.Module\(\): /, '');
    throw new WvmError('WVM_MODULE_INVALID', `the module is not valid: ${message}`, { cause: error });
  }
}
