// tty_get and tty_set: size, modes, what is a terminal, and over a resume.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { TTY } from '../../abi/wasix.ts';
import { WvmError } from '../base/wvm-error.ts';
import { FilesFixture } from './testing/files-fixture.ts';
import { RESULT } from './testing/fixture.ts';

const FLAGS = RESULT + TTY.stdinTty;

function withTerminal(): { fixture: FilesFixture; modes: boolean[] } {
  const fixture = new FilesFixture({ streamKinds: ['tty', 'tty', 'pipe'] });
  const modes: boolean[] = [];
  Object.assign(fixture.streams[0]!, {
    terminalSize: () => ({ columns: 132, rows: 43 }),
    setRawMode: (isRaw: boolean) => modes.push(isRaw),
  });
  return { fixture, modes };
}

describe('tty_get(), tty_set()', () => {
  it('tell the size and which streams are a terminal', () => {
    const { fixture } = withTerminal();
    fixture.ok(fixture.init, 'tty_get', RESULT);
    expect([fixture.u32(RESULT), fixture.u32(RESULT + TTY.rows)]).toEqual([132, 43]);
    expect([...fixture.memory.bytes.subarray(FLAGS, FLAGS + 6)]).toEqual([1, 1, 0, 1, 1, 1]);
    const plain = new FilesFixture();
    plain.ok(plain.init, 'tty_get', RESULT);
    expect([plain.u32(RESULT), plain.u32(RESULT + TTY.rows)]).toEqual([80, 24]);
    expect([...plain.memory.bytes.subarray(FLAGS, FLAGS + 3)]).toEqual([0, 0, 0]);
    expect(plain.errno(plain.init, 'tty_get', -8)).toBe(Errno.EFAULT);
  });

  it('modes reach the host, and are set again at a resume', () => {
    const { fixture, modes } = withTerminal();
    fixture.ok(fixture.init, 'tty_get', RESULT);
    fixture.memory.bytes[RESULT + TTY.echo] = 0;
    fixture.memory.bytes[RESULT + TTY.lineBuffered] = 0;
    fixture.ok(fixture.init, 'tty_set', RESULT);
    expect(modes).toEqual([true]);
    fixture.resume();
    expect(modes).toEqual([true, true]);
    fixture.ok(fixture.init, 'tty_get', RESULT);
    expect([...fixture.memory.bytes.subarray(FLAGS + 3, FLAGS + 6)]).toEqual([0, 0, 1]);
  });

  it('a record that is none is refused', () => {
    const fixture = new FilesFixture();
    const state = fixture.kernel.save();
    expect(() => fixture.restore({ ...state, terminal: { ...state.terminal, rows: -1 } })).toThrow(WvmError);
    expect(() => fixture.restore({ ...state, terminal: { ...state.terminal, echo: 1 as never } })).toThrow(WvmError);
  });
});
