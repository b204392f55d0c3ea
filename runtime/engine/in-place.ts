// A module that cannot be captured cannot be unwound either: its calls wait where they are, and everybody else with them. What would
// change its stack is refused.

import { Errno } from '../../abi/errno.ts';
import { WvmError } from '../base/wvm-error.ts';
import {
  Blocked,
  Completed,
  ExecWanted,
  Exited,
  Forked,
  SnapshotWanted,
  Spawned,
  type SystemCallResult,
  Trapped,
} from '../kernel/blocked.ts';
import type { GuestNumber } from '../kernel/thread.ts';
import type { CallRequests } from './call-requests.ts';
import type { ImportedCall } from './guest-imports.ts';
import type { GuestThread } from './guest-thread.ts';
import type { MachineHooks } from './machine-hooks.ts';
import type { Carried } from './stop.ts';

export function finishInPlace(
  guest: GuestThread,
  call: ImportedCall,
  args: readonly GuestNumber[],
  first: Exclude<SystemCallResult, number>,
  requests: CallRequests,
  waitInPlace: MachineHooks['waitInPlace'],
): Carried {
  const { thread, program } = guest;
  let result: SystemCallResult = first;
  while (result instanceof Blocked) {
    thread.block(call.module, call.name, args, result);
    if (!waitInPlace(result)) {
      throw new WvmError(
        'WVM_MODULE_UNSUPPORTED',
        `${call.name} must wait for others, and a module that uses ` +
          `${program.compiled.original.uncapturable.join(', ')} cannot be parked`,
      );
    }
    result = call.run(...args);
  }
  thread.unblock();
  if (typeof result === 'number') return result;
  if (result instanceof Completed) return result.value;
  if (result instanceof SnapshotWanted) return 0;
  if (result instanceof Forked) thread.process.kernel.tree.abandon(result.child);
  const isCarried =
    result instanceof Exited || result instanceof Trapped || result instanceof Spawned || result instanceof ExecWanted;
  return isCarried ? requests.carry(guest, call, result) : Errno.ENOTSUP;
}

/**
 * The result of a call in the start section of such a module, which V8 runs before the program has a thread that could wait or end.
 * Throws WVM_MODULE_UNSUPPORTED if it has none at once.
 */
export function resultAtStart({ name }: ImportedCall, result: Exclude<SystemCallResult, number>): number {
  if (result instanceof Completed) return result.value;
  throw new WvmError(
    'WVM_MODULE_UNSUPPORTED',
    `the start section of the module calls ${name}, which it must not yet do`,
    {
      hint: 'nothing of a module that uses a proposal which wvm cannot capture may wait, end or fork before _start',
    },
  );
}
