// tty_get and tty_set: the terminal behind the standard streams (terminal.ts). Errors: EFAULT. See: tcgetattr(3), ioctl_tty(2).

import { Errno } from '../../../abi/errno.ts';
import { TTY } from '../../../abi/wasix.ts';
import type { SystemCallResult } from '../blocked.ts';
import { checkRange, storeU32 } from '../guest-access.ts';
import type { WasiContext } from '../wasi/context.ts';

/** Result: the terminal's size and modes, and which of the standard streams are connected to it, at `state`. */
export function tty_get(context: WasiContext, state: number): SystemCallResult {
  const { memory } = context.process;
  const { terminal } = context.kernel;
  const addr = checkRange(memory, state, TTY.size);
  const { columns, rows, width, height, echo, lineBuffered, lineFeeds } = terminal.current;
  memory.bytes.fill(0, addr, addr + TTY.size);
  storeU32(memory, addr + TTY.cols, columns);
  storeU32(memory, addr + TTY.rows, rows);
  storeU32(memory, addr + TTY.width, width);
  storeU32(memory, addr + TTY.height, height);
  memory.bytes[addr + TTY.stdinTty] = Number(terminal.isTerminal(0));
  memory.bytes[addr + TTY.stdoutTty] = Number(terminal.isTerminal(1));
  memory.bytes[addr + TTY.stderrTty] = Number(terminal.isTerminal(2));
  memory.bytes[addr + TTY.echo] = Number(echo);
  memory.bytes[addr + TTY.lineBuffered] = Number(lineBuffered);
  memory.bytes[addr + TTY.lineFeeds] = Number(lineFeeds);
  return Errno.ESUCCESS;
}

/** What is connected cannot be changed, and a host's terminal keeps its size. */
export function tty_set(context: WasiContext, state: number): SystemCallResult {
  const { memory } = context.process;
  const addr = checkRange(memory, state, TTY.size);
  const { view } = memory;
  context.kernel.terminal.set({
    columns: view.getUint32(addr + TTY.cols, true),
    rows: view.getUint32(addr + TTY.rows, true),
    width: view.getUint32(addr + TTY.width, true),
    height: view.getUint32(addr + TTY.height, true),
    echo: memory.bytes[addr + TTY.echo] !== 0,
    lineBuffered: memory.bytes[addr + TTY.lineBuffered] !== 0,
    lineFeeds: memory.bytes[addr + TTY.lineFeeds] !== 0,
  });
  return Errno.ESUCCESS;
}
