// Names of what a machine uses and could use, for the feature sets of images: a resume needs the features that were
// used, a strict one all that were available.

import type { FeatureSets } from '../snapshot/machine-state.ts';
import type { WasmModule } from '../wasm/module.ts';

/** Everything this version can resume, sorted. */
export const FEATURES: readonly string[] = [
  'memory64',
  'multi-memory',
  'overlay',
  'shared-memory',
  'tmpfs',
  'wasi-preview1',
  'wasi-threads',
  'wasi-unstable',
  'wasix',
  'wasm-2.0',
  'wvm',
].sort();

/** The feature that the imports of a namespace are. */
const NAMESPACES: ReadonlyMap<string, string> = new Map([
  ['wasi_snapshot_preview1', 'wasi-preview1'],
  ['wasi_unstable', 'wasi-unstable'],
  ['wasix_32v1', 'wasix'],
  ['wasi', 'wasi-threads'],
  ['wvm', 'wvm'],
]);

/** Features of a machine whose processes run `modules`, with file systems of these kinds. */
export function featuresOf(modules: readonly WasmModule[], fileSystems: readonly string[]): FeatureSets {
  const used = new Set<string>(['wasm-2.0', ...fileSystems]);
  for (const module of modules) {
    for (const { module: from } of module.imports) {
      const feature = NAMESPACES.get(from);
      if (feature !== undefined) used.add(feature);
    }
    if (module.allMemories.length > 1) used.add('multi-memory');
    if (module.allMemories.some((limits) => limits.is64)) used.add('memory64');
    if (module.allMemories.some((limits) => limits.shared)) used.add('shared-memory');
  }
  return { used: [...used].sort(), available: FEATURES };
}
