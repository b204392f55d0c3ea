// Pipes: order and wholeness of what goes through, waiting at both ends, the ends of processes, and all of it over a resume.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { SIG_IGN, Signal } from '../../abi/signals.ts';
import { FDFLAGS_NONBLOCK } from '../../abi/wasi-preview1.ts';
import { Completed } from './blocked.ts';
import { BROKEN_PIPE, WOULD_BLOCK } from './open-file.ts';
import { PIPE_BUF, PIPE_CAPACITY, Pipe } from './pipe.ts';
import { bitOf } from './signals/signal-set.ts';
import { FilesFixture, PARKED } from './testing/files-fixture.ts';
import { RESULT } from './testing/fixture.ts';

function openPipe(): Pipe {
  const pipe = new Pipe(1);
  pipe.hasReader = pipe.hasWriter = true;
  return pipe;
}

function pattern(size: number, from: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (from + index) % 251);
}

/** toEqual() takes seconds for as many bytes. */
function isPattern(bytes: Uint8Array, from: number): boolean {
  return bytes.every((byte, index) => byte === (from + index) % 251);
}

describe('Pipe', () => {
  it('gives bytes in order, whatever the sizes, around its end', () => {
    const pipe = openPipe();
    let written = 0;
    let read = 0;
    const target = new Uint8Array(40_000);
    for (let step = 0; step < 300; step++) {
      const size = (step * 7919) % 9001;
      const count = pipe.write(pattern(size, written));
      if (count > 0) written += count;
      const wanted = 1 + ((step * 104_729) % 12_007);
      const got = pipe.read(target.subarray(0, wanted));
      if (got > 0) {
        expect(isPattern(target.subarray(0, got), read)).toBe(true);
        read += got;
      }
      expect(pipe.size).toBe(written - read);
    }
    expect(read).toBeGreaterThan(PIPE_CAPACITY * 3);
  });

  it('a small one takes little memory', () => {
    const pipe = openPipe();
    expect(pipe.buffer.length).toBe(0);
    pipe.write(new Uint8Array(10));
    expect(pipe.buffer.length).toBe(PIPE_BUF);
  });

  it('takes up to PIPE_BUF bytes whole or not at all, more in parts', () => {
    const pipe = openPipe();
    expect(pipe.write(new Uint8Array(PIPE_CAPACITY - 100))).toBe(PIPE_CAPACITY - 100);
    expect(pipe.write(new Uint8Array(101))).toBe(WOULD_BLOCK);
    expect(pipe.write(new Uint8Array(100))).toBe(100);
    pipe.read(new Uint8Array(PIPE_BUF));
    expect(pipe.write(new Uint8Array(PIPE_BUF + 1))).toBe(PIPE_BUF);
    expect(pipe.write(new Uint8Array(1))).toBe(WOULD_BLOCK);
  });

  it('without a writer it ends after what is in it, without a reader it is broken', () => {
    const pipe = openPipe();
    pipe.write(new Uint8Array(3));
    pipe.closeWriter();
    expect(pipe.read(new Uint8Array(9))).toBe(3);
    expect(pipe.read(new Uint8Array(9))).toBe(0);
    pipe.closeReader();
    expect(pipe.write(new Uint8Array(1))).toBe(BROKEN_PIPE);
  });
});

describe('fd_pipe(), pipe2()', () => {
  it('make the two ends, with flags', () => {
    const fixture = new FilesFixture();
    fixture.ok(fixture.init, 'fd_pipe', RESULT, RESULT + 8);
    expect([fixture.u32(RESULT), fixture.u32(RESULT + 8)]).toEqual([4, 5]);
    const [reader, writer] = fixture.pipe(FDFLAGS_NONBLOCK | (1 << 16));
    for (const fd of [reader, writer]) {
      const { file, closesOnExec } = fixture.init.fds.get(fd);
      expect([file.isNonblocking, closesOnExec]).toEqual([true, true]);
    }
    expect(fixture.errno(fixture.init, 'pipe2', 1 << 17, RESULT)).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'pipe2', 0, -4)).toBe(Errno.EFAULT);
  });

  it('an end does only what it is for, and cannot seek', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    expect(fixture.writeAs(fixture.init, reader, 'x')).toBe(Errno.EBADF);
    expect(fixture.readAs(fixture.init, writer, 1)).toBe(Errno.EBADF);
    expect(fixture.errno(fixture.init, 'fd_seek', reader, 0n, 0, RESULT)).toBe(Errno.ESPIPE);
    expect(fixture.errno(fixture.init, 'fd_allocate', writer, 0n, 1n)).toBe(Errno.ESPIPE);
    expect(fixture.errno(fixture.init, 'fd_sync', writer)).toBe(Errno.EINVAL);
    fixture.ok(fixture.init, 'fd_filestat_get', reader, RESULT);
    const ino = fixture.u64(RESULT + 8);
    fixture.ok(fixture.init, 'fd_filestat_get', writer, RESULT);
    expect(fixture.u64(RESULT + 8)).toBe(ino);
    expect(ino).toBeGreaterThan(3n);
  });
});

describe('a pipe between processes', () => {
  it('an empty one parks the reader until the writer writes', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    const child = fixture.fork();
    expect(fixture.readAs(child, reader, 10)).toBe(PARKED);
    expect(fixture.isWoken(child)).toBe(false);
    expect(fixture.writeAs(fixture.init, writer, 'hello')).toBe(5);
    expect(fixture.isWoken(child)).toBe(true);
    expect(fixture.readAgain(child)).toBe('hello');
  });

  it('ends when the last writer has gone, not before', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    const child = fixture.fork();
    fixture.close(child, writer);
    expect(fixture.readAs(child, reader, 10)).toBe(PARKED);
    const second = fixture.fork();
    fixture.close(fixture.init, writer);
    expect(fixture.readAgain(child)).toBe(PARKED);
    fixture.exit(second);
    expect(fixture.isWoken(child)).toBe(true);
    expect(fixture.readAgain(child)).toBe('');
  });

  it('a full one parks the writer, whose write then is whole', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    const child = fixture.fork();
    expect(fixture.writeAs(child, writer, pattern(PIPE_CAPACITY, 0))).toBe(PIPE_CAPACITY);
    expect(fixture.writeAs(child, writer, pattern(6000, 7))).toBe(PARKED);
    fixture.readAs(fixture.init, reader, PIPE_BUF - 1);
    expect(fixture.isWoken(child)).toBe(false);
    fixture.readAs(fixture.init, reader, 1);
    expect(fixture.isWoken(child)).toBe(true);
    expect(fixture.writeAgain(child)).toBe(PARKED);
    expect(child.mainThread.restart).toEqual({ doneBytes: PIPE_BUF });
    fixture.readAs(fixture.init, reader, PIPE_BUF);
    expect(fixture.writeAgain(child)).toBe(6000);
  });

  it('a small write waits for its own size alone', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    const child = fixture.fork();
    fixture.writeAs(child, writer, pattern(PIPE_CAPACITY, 0));
    expect(fixture.writeAs(child, writer, 'abc')).toBe(PARKED);
    fixture.readAs(fixture.init, reader, 2);
    expect(fixture.isWoken(child)).toBe(false);
    fixture.readAs(fixture.init, reader, 1);
    expect(fixture.isWoken(child)).toBe(true);
    expect(fixture.writeAgain(child)).toBe(3);
  });

  it('non-blocking ends answer EAGAIN, and write what there is room for', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe(FDFLAGS_NONBLOCK);
    expect(fixture.readAs(fixture.init, reader, 5)).toBe(Errno.EAGAIN);
    expect(fixture.writeAs(fixture.init, writer, pattern(70_000, 0))).toBe(PIPE_CAPACITY);
    expect(fixture.writeAs(fixture.init, writer, 'x')).toBe(Errno.EAGAIN);
  });

  it('a write that nobody will read answers EPIPE and sends SIGPIPE', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    fixture.ok(fixture.init, 'sigaction', Signal.SIGPIPE, 9, 0n, 0, 0);
    fixture.close(fixture.init, reader);
    const outcome = fixture.writeAs(fixture.init, writer, 'x');
    expect(outcome).toEqual(new Completed(Errno.EPIPE));
    expect(fixture.init.mainThread.signals.pending.set).toBe(bitOf(Signal.SIGPIPE));
    fixture.deliver(fixture.init);
    fixture.kernel.tree.handlerReturned(fixture.init.mainThread);
    fixture.ok(fixture.init, 'sigaction', Signal.SIGPIPE, SIG_IGN, 0n, 0, 0);
    expect(fixture.writeAs(fixture.init, writer, 'x')).toEqual(new Completed(Errno.EPIPE));
    expect(fixture.init.mainThread.signals.pending.set).toBe(0n);
  });

  it('a parked write whose reader goes has written a part, and gets SIGPIPE', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    const child = fixture.fork();
    fixture.close(child, reader);
    fixture.ok(child, 'sigaction', Signal.SIGPIPE, 9, 0n, 0, 0);
    expect(fixture.writeAs(child, writer, pattern(70_000, 0))).toBe(PARKED);
    fixture.close(fixture.init, reader);
    expect(fixture.isWoken(child)).toBe(true);
    expect(fixture.writeAgain(child)).toEqual(new Completed(Errno.ESUCCESS));
    expect(fixture.u32()).toBe(PIPE_CAPACITY);
    expect(child.mainThread.signals.pending.set).toBe(bitOf(Signal.SIGPIPE));
  });

  it('a signal ends a write with what is written, and one that has written nothing with EINTR', () => {
    const fixture = new FilesFixture();
    const [, writer] = fixture.pipe();
    fixture.ok(fixture.init, 'sigaction', Signal.SIGUSR1, 9, 0n, 0, 0);
    expect(fixture.writeAs(fixture.init, writer, pattern(70_000, 0))).toBe(PARKED);
    fixture.kernel.tree.raise(fixture.init.mainThread, Signal.SIGUSR1);
    expect(fixture.interrupt(fixture.init.mainThread).outcome).toBe(Errno.ESUCCESS);
    expect(fixture.u32()).toBe(PIPE_CAPACITY);
    fixture.kernel.tree.handlerReturned(fixture.init.mainThread);
    expect(fixture.writeAs(fixture.init, writer, 'x')).toBe(PARKED);
    fixture.kernel.tree.raise(fixture.init.mainThread, Signal.SIGUSR1);
    expect(fixture.interrupt(fixture.init.mainThread).outcome).toBe(Errno.EINTR);
  });

  it('a descriptor that another thread closes wakes its waiter, with EBADF', () => {
    const fixture = new FilesFixture();
    const [reader] = fixture.pipe();
    const other = fixture.spawn();
    expect(fixture.readAs(fixture.init, reader, 1)).toBe(PARKED);
    expect(fixture.as(other, 'fd_close', reader)).toBe(0);
    expect(fixture.isWoken(fixture.init)).toBe(true);
    expect(fixture.readAgain(fixture.init)).toBe(Errno.EBADF);
  });

  it('waiting readers get the data in the order in which they came', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    const [one, two] = [fixture.fork(), fixture.fork()];
    expect(fixture.readAs(one, reader, 2)).toBe(PARKED);
    expect(fixture.readAs(two, reader, 2)).toBe(PARKED);
    fixture.writeAs(fixture.init, writer, 'ab');
    expect(fixture.readAgain(one)).toBe('ab');
    expect(fixture.readAgain(two)).toBe(PARKED);
  });
});

describe('a pipe over a resume', () => {
  it('V09 its contents travel, and both ends are still one pipe', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    const child = fixture.fork();
    fixture.writeAs(fixture.init, writer, pattern(60_000, 0));
    fixture.readAs(fixture.init, reader, 50_000);
    fixture.writeAs(fixture.init, writer, pattern(20_000, 60_000));
    fixture.resume();
    const again = fixture.process(child.pid);
    expect(fixture.init.fds.get(writer).file).toBe(again.fds.get(writer).file);
    let from = 50_000;
    while (from < 80_000) {
      const text = fixture.readAs(again, reader, 7000) as string;
      expect(
        isPattern(
          Uint8Array.from(text, (character) => character.charCodeAt(0)),
          from,
        ),
      ).toBe(true);
      from += text.length;
    }
    expect(fixture.readAs(again, reader, 10)).toBe(PARKED);
    expect(fixture.writeAs(fixture.init, writer, 'more')).toBe(4);
    expect(fixture.isWoken(again)).toBe(true);
    expect(fixture.readAgain(again)).toBe('more');
  });

  it('O06 a reader and a writer that wait go on waiting, each for its own', () => {
    const fixture = new FilesFixture();
    const [emptyReader, emptyWriter] = fixture.pipe();
    const [fullReader, fullWriter] = fixture.pipe();
    const [child, other] = [fixture.fork(), fixture.fork()];
    expect(fixture.readAs(child, emptyReader, 10)).toBe(PARKED);
    expect(fixture.writeAs(other, fullWriter, pattern(70_000, 0))).toBe(PARKED);
    fixture.readAs(fixture.init, fullReader, 1000);
    fixture.resume();
    const [reading, writing] = [fixture.process(child.pid), fixture.process(other.pid)];
    expect([fixture.isWoken(reading), fixture.isWoken(writing)]).toEqual([false, false]);
    fixture.readAs(fixture.init, fullReader, PIPE_BUF - 1000);
    expect(fixture.isWoken(writing)).toBe(true);
    expect(fixture.writeAgain(writing)).toBe(PARKED);
    fixture.readAs(fixture.init, fullReader, 5000);
    expect(fixture.writeAgain(writing)).toBe(70_000);
    fixture.writeAs(fixture.init, emptyWriter, 'x');
    expect(fixture.readAgain(reading)).toBe('x');
  });

  it('a pipe whose other end is gone is still at its end, or broken', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    const [lastReader, lastWriter] = fixture.pipe();
    fixture.writeAs(fixture.init, writer, 'rest');
    fixture.close(fixture.init, writer, lastReader);
    fixture.ok(fixture.init, 'sigaction', Signal.SIGPIPE, SIG_IGN, 0n, 0, 0);
    fixture.resume();
    expect(fixture.readAs(fixture.init, reader, 9)).toBe('rest');
    expect(fixture.readAs(fixture.init, reader, 9)).toBe('');
    expect(fixture.writeAs(fixture.init, lastWriter, 'x')).toEqual(new Completed(Errno.EPIPE));
  });
});
