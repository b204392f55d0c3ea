// The thread that the guest of `run` or `resume` gets. It takes a while until it listens, so ask for it early.

import { MachineThread } from '../index.ts';

let thread: MachineThread | undefined;

export function guestThread(): MachineThread {
  thread ??= new MachineThread();
  return thread;
}
