// Which executor and which WASI runner serve a mode.
import type { Executor } from './executor.ts';
import { InstrumentedExecutor } from './instrumented-executor.ts';
import { MarkedExecutor } from './marked-executor.ts';
import type { Mode } from './mode.ts';
import { NodeWasiRunner } from './node-wasi-runner.ts';
import { PlainExecutor } from './plain-executor.ts';
import { SnapshotExecutor } from './snapshot-executor.ts';
import type { WasiRunner } from './wasi-runner.ts';
import { WvmWasiRunner } from './wvm-wasi-runner.ts';

export function makeExecutor(mode: Mode): Executor {
  switch (mode) {
    case 'plain':
      return new PlainExecutor();
    case 'straight':
      return new InstrumentedExecutor();
    case 'marked':
      return new MarkedExecutor();
    case 'snapshot-everywhere':
      return new SnapshotExecutor();
  }
}

export function makeWasiRunner(mode: Mode): WasiRunner {
  if (mode === 'plain') return new NodeWasiRunner();
  return new WvmWasiRunner(mode === 'snapshot-everywhere', mode === 'marked');
}
