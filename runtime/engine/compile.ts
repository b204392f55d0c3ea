// From the bytes of a program to a module that can run: parse, instrument (or take from the cache), compile.
// A module whose state cannot be captured runs as it is; a snapshot of it is refused by name.

import { WvmError } from '../base/wvm-error.ts';
import { buildCallGraph } from '../instrument/call-graph.ts';
import { instrument } from '../instrument/instrument.ts';
import { parseModule } from '../wasm/parse.ts';
import { type CompiledModule, openModule } from './open-module.ts';
import { type CompilePorts, compileBytes, type PreparedModule, storedModule, storeModule } from './stored-module.ts';

export type { CompiledModule } from './open-module.ts';

/** Compiles a program, or takes it from the cache. Throws WVM_MODULE_INVALID with the engine's own words if it is no valid module. */
export function compileModule(bytes: Uint8Array, ports: CompilePorts): CompiledModule {
  const hash = ports.sha256(bytes);
  return openModule(storedModule(bytes, hash, ports) ?? prepareModule(bytes, hash, ports));
}

/** Instruments and compiles a program, and stores it in the cache. `hash`: as in PreparedModule. */
export function prepareModule(bytes: Uint8Array, hash: string, ports: CompilePorts): PreparedModule {
  const original = parseModule(bytes);
  const { marksWrites = false } = ports;
  const asItIs = (uncapturable: readonly string[]): PreparedModule => {
    return { bytes, hash, compiled: compileBytes(bytes), instrumented: undefined, marksWrites, uncapturable };
  };
  if (original.uncapturable.length > 0) return asItIs(original.uncapturable);
  if (!WebAssembly.validate(bytes)) {
    compileBytes(bytes); // for its message
    throw new WvmError('WVM_MODULE_INVALID', 'the module is not valid');
  }
  const graph = buildCallGraph(original);
  if (graph.uncapturable.length > 0) return asItIs(graph.uncapturable);
  const { bytes: instrumented } = instrument(original, graph, { marksWrites });
  const compiled = compileBytes(instrumented);
  const prepared = { bytes, hash, compiled, instrumented, marksWrites, uncapturable: [] };
  storeModule(prepared, ports);
  return prepared;
}
