// A module that is ready to run, as the cache keeps it and as one thread hands it to another. Apart from compile.ts and
// open-module.ts, so that a thread which only looks into the cache loads neither parser nor instrumenter.
//
//   bytes ──storedModule()──> PreparedModule ──openModule()──> CompiledModule
//     └────prepareModule()────────┘  (compile.ts)

import { encodeUtf8 } from '../base/utf8.ts';
import { WvmError } from '../base/wvm-error.ts';
import { INSTRUMENTER_VERSION, SECTION_MAP } from '../instrument/names.ts';

/** Where instrumented modules are kept between runs. Both calls may fail silently: the cache only saves time. */
export interface ModuleCache {
  /** `key`: 64 hex digits, `-`, and the length of the original module in bytes. */
  get(key: string): Uint8Array | undefined;
  put(key: string, bytes: Uint8Array): void;
}

export interface CompilePorts {
  /** SHA-256 of some bytes, as 64 hex digits. */
  readonly sha256: (bytes: Uint8Array) => string;
  readonly cache: ModuleCache | undefined;
  /** Stores are to mark the pages that they write; default: false. */
  readonly marksWrites?: boolean;
}

/** Plain data and a module of the engine: a message to another thread can carry it. */
export interface PreparedModule {
  /** The original. */
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`, hex; empty for a trial run, of which nothing is saved. */
  readonly hash: string;
  readonly compiled: WebAssembly.Module;
  /** What `compiled` was compiled from; undefined if that is the original. */
  readonly instrumented: Uint8Array | undefined;
  /** As it was asked for. */
  readonly marksWrites: boolean;
  /** Why the module runs as it is and cannot be captured; empty if it can. */
  readonly uncapturable: readonly string[];
}

/** The module as the cache has it; undefined if it has none. */
export function storedModule(bytes: Uint8Array, hash: string, ports: CompilePorts): PreparedModule | undefined {
  const instrumented = ports.cache?.get(cacheKey(bytes, hash, ports));
  if (instrumented === undefined) return undefined;
  const compiled = compileBytes(instrumented);
  if (WebAssembly.Module.customSections(compiled, SECTION_MAP).length === 0) return undefined;
  return { bytes, hash, compiled, instrumented, marksWrites: ports.marksWrites === true, uncapturable: [] };
}

export function storeModule({ bytes, hash, instrumented }: PreparedModule, ports: CompilePorts): void {
  if (instrumented !== undefined) ports.cache?.put(cacheKey(bytes, hash, ports), instrumented);
}

/**
 * The module as it came, not instrumented: for a run that nobody looks into. Undefined if it is not valid, or imports anything
 * but functions of WASI preview1.
 */
export function plainModule(bytes: Uint8Array): PreparedModule | undefined {
  let compiled: WebAssembly.Module;
  try {
    compiled = new WebAssembly.Module(bytes);
  } catch {
    return undefined; // What is wrong with it, prepareModule() says.
  }
  const isPlain = WebAssembly.Module.imports(compiled).every(
    ({ module, kind }) => module === 'wasi_snapshot_preview1' && kind === 'function',
  );
  const asItCame = { instrumented: undefined, marksWrites: false, uncapturable: [] };
  return isPlain ? { bytes, hash: '', compiled, ...asItCame } : undefined;
}

export function compileBytes(bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    const message = error.message.replace(/^WebAssembly\.Module\(\): /, '');
    throw new WvmError('WVM_MODULE_INVALID', `the module is not valid: ${message}`, { cause: error });
  }
}

function cacheKey({ length }: Uint8Array, hash: string, ports: CompilePorts): string {
  const made = `${hash} ${INSTRUMENTER_VERSION}${ports.marksWrites === true ? ' marks' : ''}`;
  return `${ports.sha256(encodeUtf8(made))}-${length}`;
}
