// The thread that the guest of `run` or `resume` gets. main.ts has it start before anything else: until it listens, the
// command line has been read and the module is ready for it.

import { MachineThread } from '../index.ts';
import { compileCacheDirectory } from './compile-cache.ts';

let thread: MachineThread | undefined;

export function guestThread(): MachineThread {
  thread ??= newThread();
  return thread;
}

export function newThread(): MachineThread {
  return new MachineThread(compileCacheDirectory);
}
