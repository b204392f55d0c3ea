// Names of what a machine uses and could use, for the feature sets of images: a resume needs the features that were
// used, a strict one all that were available.

import type { FeatureSets } from '../snapshot/machine-state.ts';
import type { WasmModule } from '../wasm/module.ts';

/** Everything this version can resume, sorted. */
export const FEATURES: readonly string[] = [
  'memory64',
  'multi-memory',
  'shared-memory',
  'wasi-preview1',
  'wasi-unstable',
  'wasm-2.0',
  'wvm',
].sort();

/** Features of a machine that runs `module`. */
export function featuresOf(module: WasmModule): FeatureSets {
  const used = new Set<string>(['wasm-2.0']);
  for (const { module: from } of module.imports) {
    if (from === 'wasi_snapshot_preview1') used.add('wasi-preview1');
    if (from === 'wasi_unstable') used.add('wasi-unstable');
    if (from === 'wvm') used.add('wvm');
  }
  if (module.allMemories.length > 1) used.add('multi-memory');
  if (module.allMemories.some((limits) => limits.is64)) used.add('memory64');
  if (module.allMemories.some((limits) => limits.shared)) used.add('shared-memory');
  return { used: [...used].sort(), available: FEATURES };
}
