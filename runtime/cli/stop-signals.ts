// Commands that are no machine end at once when they are told to. What they leave half done is taken away as the process exits,
// which it does not do by itself when a signal ends it.

import { exitCodeOfSignal, stopSignals } from '../index.ts';

export function exitOnStopSignals(): void {
  for (const signal of stopSignals) process.once(signal, () => process.exit(exitCodeOfSignal(signal)));
}
