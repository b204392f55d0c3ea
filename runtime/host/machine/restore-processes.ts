// The processes of a kernel that was restored get their instances and threads.

import type { Pid } from '../../base/ids.ts';
import { WvmError } from '../../base/wvm-error.ts';
import type { CompiledModule } from '../../engine/compile.ts';
import type { GuestMachine } from '../../engine/guest-machine.ts';
import type { MachineState } from '../../snapshot/machine-state.ts';

/** By hash. */
export type Programs = ReadonlyMap<string, CompiledModule>;

/** Throws WVM_IMAGE_BAD_RECORD if image and kernel do not have the same processes. */
export function restoreProcesses(guest: GuestMachine, state: MachineState, programs: Programs): void {
  const { processes } = guest.kernel;
  for (const { pid, instance, threads } of state.processes) {
    const process = processes.get(pid as Pid);
    if (process === undefined || process.end !== undefined) {
      throw new WvmError('WVM_IMAGE_BAD_RECORD', `process ${pid}: the kernel's record has no such process`);
    }
    guest.restore(process, programs.get(instance.moduleHash)!, instance, threads);
  }
  for (const process of processes.values()) {
    if (process.end === undefined && !guest.processes.has(process.pid)) {
      throw new WvmError('WVM_IMAGE_BAD_RECORD', `process ${process.pid}: the image has no instance of it`);
    }
  }
}
