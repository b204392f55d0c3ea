// The thread that the guest of `run` or `resume` gets. It is started when this file is loaded, before the command line is
// read: both take about as long.

import { MachineThread } from '../index.ts';

export const thread: MachineThread = new MachineThread();
