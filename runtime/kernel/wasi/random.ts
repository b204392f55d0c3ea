// random_get. See: getrandom(2).

import { Errno } from '../../../abi/errno.ts';
import type { SystemCallResult } from '../blocked.ts';
import { checkRange } from '../guest-access.ts';
import type { WasiContext } from './context.ts';

/** Result: `size` random bytes at `buffer`. Errors: EFAULT. */
export function random_get(context: WasiContext, buffer: number, size: number): SystemCallResult {
  const { memory } = context.process;
  const length = size >>> 0;
  const addr = checkRange(memory, buffer, length);
  if (length > 0) context.kernel.random.fill(memory.bytes.subarray(addr, addr + length));
  return Errno.ESUCCESS;
}
