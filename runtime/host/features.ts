// Names of what a machine uses and could use, for the feature sets of images: a resume needs the features that were
// used, a strict one all that were available.

import { WvmError } from '../base/wvm-error.ts';
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

/** Throws WVM_IMAGE_FEATURE, with the names, if this version lacks something. */
export function checkFeatures(features: FeatureSets, mode: 'strict' | 'lenient'): void {
  const needed = mode === 'strict' ? features.available : features.used;
  const missing = needed.filter((name) => !FEATURES.includes(name));
  if (missing.length === 0) return;
  throw new WvmError('WVM_IMAGE_FEATURE', `the image needs features that this wvm lacks: ${missing.join(', ')}`, {
    hint:
      mode === 'strict' && features.used.every((name) => FEATURES.includes(name))
        ? 'it has not used them yet: --features=lenient resumes it'
        : 'resume it with the version of wvm that made it',
  });
}
