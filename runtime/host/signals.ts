// Host signals as wvm uses them. Three groups, and no signal is in two of them:
// - stop signals end the guest cleanly (the first one; a second one ends wvm at once);
// - snapshot signals are free for `--snapshot-on`;
// - SIGCONT lets a machine go on that was resumed with `--frozen`.
// SIGUSR1 belongs to Node's inspector, so it is refused by name.

import { constants } from 'node:os';
import { WvmError } from '../base/wvm-error.ts';

export type SignalName = NodeJS.Signals;

/** Signals that stop a machine cleanly. */
export const stopSignals: readonly SignalName[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const snapshotSignals: readonly SignalName[] = ['SIGUSR2', 'SIGQUIT', 'SIGALRM', 'SIGIO', 'SIGPWR'];

/** Reads `TERM`, `term` or `SIGTERM`; undefined if this host has no such signal. */
export function parseSignal(text: string): SignalName | undefined {
  const upper = text.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  return Object.hasOwn(constants.signals, name) ? (name as SignalName) : undefined;
}

/** The exit code a shell shows for a process that a signal ended: 128 + its number. */
export function exitCodeOfSignal(signal: SignalName): number {
  return 128 + constants.signals[signal];
}

/** Events of `--snapshot-on`: a signal, or `exit` for the end of the machine. Refuses every other one by name. */
export function parseSnapshotEvents(text: string): { signals: readonly SignalName[]; atEnd: boolean } {
  const signals = new Set<SignalName>();
  let atEnd = false;
  for (const word of text.split(',')) {
    const event = word.trim();
    if (event.toLowerCase() === 'exit') atEnd = true;
    else signals.add(parseSnapshotSignal(event));
  }
  return { signals: [...signals], atEnd };
}

function parseSnapshotSignal(text: string): SignalName {
  const signal = parseSignal(text);
  if (signal !== undefined && snapshotSignals.includes(signal)) return signal;
  const hint = `use a list of ${snapshotSignals.join(', ')} and exit`;
  if (signal === undefined) throw new WvmError('WVM_USAGE', `--snapshot-on: '${text}' is not an event`, { hint });
  const why =
    signal === 'SIGUSR1'
      ? "belongs to Node's inspector"
      : stopSignals.includes(signal)
        ? 'stops the machine; `exit` takes a snapshot at that moment'
        : 'cannot ask for a snapshot';
  throw new WvmError('WVM_USAGE', `--snapshot-on: ${signal} ${why}`, { hint });
}
