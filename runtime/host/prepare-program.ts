// A program made ready to run on the thread that starts a machine's thread, while that one starts: both take about as
// long, and the machine then finds its module compiled.
//
// 1. read the file, hash it, look into the cache
// 2. only if it is not there: load the instrumenter, and let it work
// 3. store(): keep the result for the next start; the caller does that once the guest runs

import { type ModuleCache as CachePort, type PreparedModule, storedModule } from '../engine/stored-module.ts';
import { sha256Hex } from './digest.ts';
import { lateV8 } from './late-modules.ts';
import { ModuleCache } from './module-cache.ts';
import { readModule } from './read-module.ts';

export interface PreparedProgram {
  readonly module: PreparedModule;
  /** Puts the module into the cache if it was not there. Never fails. */
  readonly store: () => void;
}

/**
 * Reads a program (.wasm or .wat) and makes it ready for MachineThread.load. Blocks this thread while it instruments a
 * program that is not in the cache: for processes that run one program. `cacheDirectory` as in MachineOptions.
 */
export async function prepareProgram(path: string, cacheDirectory?: string | null): Promise<PreparedProgram> {
  const bytes = await readModule(path);
  const hash = sha256Hex(bytes);
  const cache = cacheDirectory === null ? undefined : new ModuleCache(cacheDirectory);
  const stored = storedModule(bytes, hash, { sha256: sha256Hex, cache });
  if (stored !== undefined) return { module: stored, store: () => {} };
  // Loaded before flags of V8 change: with other flags it would not take its own cache of compiled JavaScript.
  const { prepareModule } = await import('../engine/compile.ts');
  let store = (): void => {};
  const late: CachePort = {
    get: () => undefined,
    put: (key, instrumented) => {
      store = () => cache?.put(key, instrumented);
    },
  };
  const module = withQuickOptimisation(() => prepareModule(bytes, hash, { sha256: sha256Hex, cache: late }));
  return { module, store };
}

/**
 * The instrumenter works once, for a fraction of a second: TurboFan never earns back there what it costs. Without it, it takes a
 * quarter less time and a third less of the processor.
 */
function withQuickOptimisation<Result>(work: () => Result): Result {
  const v8 = lateV8();
  v8.setFlagsFromString('--no-turbofan');
  try {
    return work();
  } finally {
    v8.setFlagsFromString('--turbofan');
  }
}
