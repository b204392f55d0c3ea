// getcwd and chdir. WASIX's libc makes paths absolute with what getcwd says, and passes them on with the descriptor of "/"; the
// kernel finds the preopened directory (../working-directory.ts).

import { Errno } from '../../../abi/errno.ts';
import type { SystemCallResult } from '../blocked.ts';
import { checkRange, loadPath, storeU32 } from '../guest-access.ts';
import { encodeUtf8 } from '../utf8.ts';
import type { WasiContext } from '../wasi/context.ts';
import { changeDirectory } from '../working-directory.ts';

/**
 * `length` is the size of the buffer at `path`, and becomes what the path needs with its NUL.
 * Errors: EFAULT; ERANGE if the buffer is too small, as libc expects. See: getcwd(3).
 */
export function getcwd(context: WasiContext, path: number, length: number): SystemCallResult {
  const { memory, workingDirectory } = context.process;
  const lengthAddr = checkRange(memory, length, 4);
  const size = memory.view.getUint32(lengthAddr, true);
  const text = encodeUtf8(workingDirectory);
  const needed = text.length + 1;
  if (size < needed) {
    storeU32(memory, lengthAddr, needed);
    return Errno.ERANGE;
  }
  const addr = checkRange(memory, path, needed);
  storeU32(memory, lengthAddr, needed);
  memory.bytes.set(text, addr);
  memory.bytes[addr + text.length] = 0;
  return Errno.ESUCCESS;
}

/** Errors: EFAULT, ENOENT, ENOTDIR, ENOTCAPABLE, ELOOP, and the host's. See: chdir(2). */
export function chdir(context: WasiContext, path: number, length: number): SystemCallResult {
  changeDirectory(context.process, loadPath(context.process.memory, path, length));
  return Errno.ESUCCESS;
}
