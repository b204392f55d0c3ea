// The function that a module imports for a system call: the kernel's, and after it the question whether the guest goes on. It does
// with a plain number, unless a thread of a higher rank has become ready or it is time to look at the time. All else is the
// machine's: what it does is not in here, for V8 never optimises a function that ends by throwing.

import type { SystemCallResult } from '../kernel/blocked.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { GuestNumber } from '../kernel/thread.ts';
import type { ImportedCall } from './guest-imports.ts';

export interface CallPort {
  readonly kernel: Kernel;
  /** Counted down by calls; at 0 the machine looks at the time. */
  readonly pace: { left: number };
  /** The result that the guest goes on with. Throws if the stack is to unwind. */
  readonly finish: (call: ImportedCall, args: readonly GuestNumber[], result: SystemCallResult) => number;
  /** For who watches every call: asked before it is made; throws if the stack is to unwind first. */
  readonly before: ((call: ImportedCall, args: readonly GuestNumber[]) => void) | undefined;
  /** And told of what it returned. */
  readonly after: ((call: ImportedCall, args: readonly GuestNumber[], result: SystemCallResult) => void) | undefined;
}

export function importFunction(
  call: ImportedCall,
  port: CallPort,
): (...args: GuestNumber[]) => GuestNumber | undefined {
  const { run } = call;
  const { kernel, pace, finish, before, after } = port;
  const { ahead } = kernel.scheduler;
  // A call that has made a thread of a higher rank ready returns when that has run; now and then one is held up to see the time.
  const goesOn = (result: SystemCallResult): result is number =>
    typeof result === 'number' && (ahead.length === 0 || ahead[0] === kernel.current) && --pace.left > 0;
  if (before !== undefined || after !== undefined) {
    return (...args) => {
      before?.(call, args);
      const result = run(...args);
      after?.(call, args, result);
      return goesOn(result) ? result : finish(call, args, result);
    };
  }
  // One closure per arity: rest parameters would make an array for every call.
  switch (call.type.params.length) {
    case 1:
      return (a) => {
        const result = run(a!);
        return goesOn(result) ? result : finish(call, [a!], result);
      };
    case 2:
      return (a, b) => {
        const result = run(a!, b!);
        return goesOn(result) ? result : finish(call, [a!, b!], result);
      };
    case 3:
      return (a, b, c) => {
        const result = run(a!, b!, c!);
        return goesOn(result) ? result : finish(call, [a!, b!, c!], result);
      };
    case 4:
      return (a, b, c, d) => {
        const result = run(a!, b!, c!, d!);
        return goesOn(result) ? result : finish(call, [a!, b!, c!, d!], result);
      };
    default:
      return (...args) => {
        const result = run(...args);
        return goesOn(result) ? result : finish(call, args, result);
      };
  }
}
