// Names of what a machine uses and could use, for the feature sets of images: a resume needs the features that were
// used, a strict one all that were available.
//
// Used is what the image holds: functions that its programs import, and objects that there are. What was used and is gone need
// not be there any more; what has not been used yet, but may be, is among what was available.

import type { ThreadState } from '../../engine/state.ts';
import type { KernelState } from '../../kernel/kernel.ts';
import type { OpenFileState } from '../../kernel/open-file.ts';
import type { ProcessState } from '../../kernel/process.ts';
import { UNBLOCKABLE } from '../../kernel/signals/signal-set.ts';
import type { FeatureSets } from '../../snapshot/machine-state.ts';
import type { WasmModule } from '../../wasm/module.ts';

/** By the kind of an open file; the others are everybody's. */
const FILE_FEATURES: Partial<Record<OpenFileState['kind'], string>> = {
  detached: 'unlinked-files',
  epoll: 'epoll',
  event: 'eventfd',
  pipe: 'pipes',
  socket: 'socket-pairs',
};

/** Everything this version can resume, sorted. */
export const FEATURES: readonly string[] = [
  ...Object.values(FILE_FEATURES),
  'contexts',
  'devices',
  'file-locks',
  'futexes',
  'interval-timers',
  'job-control',
  'memory64',
  'multi-memory',
  'overlay',
  'priority-inheritance',
  'processes',
  'robust-lists',
  'shared-memory',
  'signals',
  'stack-checkpoints',
  'threads',
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

/** Features of a machine whose processes run `modules`, in this state; `processes`: what the engine has saved of each. */
export function featuresOf(
  modules: readonly WasmModule[],
  kernel: KernelState,
  processes: readonly { readonly threads: readonly ThreadState[] }[],
): FeatureSets {
  const used = new Set<string>(['wasm-2.0', ...kernel.fileSystems.map(({ kind }) => kind)]);
  if (kernel.devices !== null) used.add('devices');
  for (const module of modules) {
    for (const { module: from } of module.imports) {
      const feature = NAMESPACES.get(from);
      if (feature !== undefined) used.add(feature);
    }
    if (module.allMemories.length > 1) used.add('multi-memory');
    if (module.allMemories.some((limits) => limits.is64)) used.add('memory64');
    if (module.allMemories.some((limits) => limits.shared)) used.add('shared-memory');
  }
  for (const { kind } of kernel.openFiles) {
    const feature = FILE_FEATURES[kind];
    if (feature !== undefined) used.add(feature);
  }
  if (kernel.locks.length > 0) used.add('file-locks');
  if (kernel.futexes.length > 0) used.add('futexes');
  if (kernel.futexes.some(({ owner }) => owner !== null)) used.add('priority-inheritance');
  if (kernel.processes.length > 1) used.add('processes');
  for (const process of kernel.processes) addProcess(used, process);
  for (const { threads } of processes) {
    if (threads.some(({ checkpoints }) => checkpoints.length > 0)) used.add('stack-checkpoints');
  }
  return { used: [...used].sort(), available: FEATURES };
}

function addProcess(used: Set<string>, process: ProcessState): void {
  const { actions, pending, pid, pgid, sid, stopSignal, threads, timers } = process;
  if (threads.length > 1) used.add('threads');
  if (timers.length > 0) used.add('interval-timers');
  // A parent that waits for what its child did, or a session of its own.
  if (stopSignal !== 0 || (pid !== 1 && (pgid === pid || sid === pid))) used.add('job-control');
  if (actions.actions.length > 0 || actions.callback !== '' || pending.length > 0) used.add('signals');
  for (const { contexts, interrupted, robustList, signals } of threads) {
    if (contexts.parked.length > 0) used.add('contexts');
    if (robustList !== null) used.add('robust-lists');
    const isSignalled = interrupted.length > 0 || signals.pending.length > 0 || (signals.mask & ~UNBLOCKABLE) !== 0n;
    if (isSignalled) used.add('signals');
  }
}
