// epoll sets and poll_oneoff over all that can be waited for: what is told, when, to whom, and over a resume.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { EVENT, EVENTTYPE_FD_READ, EVENTTYPE_FD_WRITE, OFLAGS_CREAT, SUBSCRIPTION } from '../../abi/wasi-preview1.ts';
import { EpollCtl, EpollType } from '../../abi/wasix.ts';
import { PIPE_BUF } from './pipe.ts';
import { FilesFixture, FOREVER, PARKED } from './testing/files-fixture.ts';
import { RESULT } from './testing/fixture.ts';

const { IN, OUT, RDHUP, ERR, HUP, ET, ONESHOT } = EpollType;

describe('epoll_ctl()', () => {
  it('adds, modifies, deletes, and says what is wrong', () => {
    const fixture = new FilesFixture();
    const set = fixture.epoll();
    const [reader, writer] = fixture.pipe();
    const file = fixture.open('file', OFLAGS_CREAT);
    expect(fixture.watch(set, reader, IN)).toBe(0);
    expect(fixture.watch(set, reader, IN)).toBe(Errno.EEXIST);
    expect(fixture.watch(set, writer, IN, EpollCtl.MOD)).toBe(Errno.ENOENT);
    expect(fixture.watch(set, writer, IN, EpollCtl.DEL)).toBe(Errno.ENOENT);
    expect(fixture.watch(set, file, IN)).toBe(Errno.EPERM);
    expect(fixture.watch(set, set, IN)).toBe(Errno.EINVAL);
    expect(fixture.watch(set, 99, IN)).toBe(Errno.EBADF);
    expect(fixture.watch(reader, writer, IN)).toBe(Errno.EINVAL);
    expect(fixture.watch(set, reader, IN, 3)).toBe(Errno.EINVAL);
    expect(fixture.watch(set, writer, 0x100)).toBe(Errno.EINVAL);
    expect(fixture.watch(set, reader, IN, EpollCtl.DEL)).toBe(0);
    expect(fixture.watch(set, reader, IN, EpollCtl.DEL)).toBe(Errno.ENOENT);
    expect(fixture.errno(fixture.init, 'epoll_wait', set, 0, 0, 0n, RESULT)).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'epoll_wait', reader, 0, 1, 0n, RESULT)).toBe(Errno.EINVAL);
    expect(fixture.readAs(fixture.init, set, 8)).toBe(Errno.ENOTCAPABLE);
  });

  it('an interest is of the open file: it goes with its last descriptor', () => {
    const fixture = new FilesFixture();
    const set = fixture.epoll();
    const [reader, writer] = fixture.pipe();
    fixture.writeAs(fixture.init, writer, 'x');
    fixture.watch(set, reader, IN);
    fixture.ok(fixture.init, 'fd_dup', reader, RESULT);
    const twin = fixture.u32();
    fixture.close(fixture.init, reader);
    expect(fixture.epollWait(set)).toEqual([[reader, IN]]);
    fixture.close(fixture.init, twin);
    expect(fixture.epollWait(set)).toEqual([]);
    fixture.resume();
    expect(fixture.kernel.save().openFiles.find((file) => file.kind === 'epoll')).toMatchObject({ interests: [] });
  });

  it('sets nest once', () => {
    const fixture = new FilesFixture();
    const [inner, middle, outer] = [fixture.epoll(), fixture.epoll(), fixture.epoll()];
    const [reader, writer] = fixture.pipe();
    fixture.watch(inner, reader, IN);
    expect(fixture.watch(middle, inner, IN)).toBe(0);
    expect(fixture.watch(outer, middle, IN)).toBe(Errno.ELOOP);
    expect(fixture.watch(inner, outer, IN)).toBe(Errno.ELOOP);
    expect(fixture.watch(inner, middle, IN)).toBe(Errno.ELOOP);
    expect(fixture.epollWait(middle, FOREVER)).toBe(PARKED);
    fixture.resume();
    expect(fixture.isWoken(fixture.init)).toBe(false);
    const other = fixture.spawn();
    fixture.as(other, 'fd_write', writer, ...fixture.vector(fixture.text('x')), RESULT);
    expect(fixture.isWoken(fixture.init)).toBe(true);
    expect(fixture.epollAgain()).toEqual([[inner, IN]]);
    expect(fixture.epollWait(inner)).toEqual([[reader, IN]]);
    expect(fixture.watch(middle, inner, IN, EpollCtl.DEL)).toBe(0);
    expect(fixture.watch(outer, middle, IN)).toBe(0);
  });
});

describe('epoll_wait()', () => {
  it('tells data, room, ends and broken pipes', () => {
    const fixture = new FilesFixture();
    const { init } = fixture;
    const set = fixture.epoll();
    const [reader, writer] = fixture.pipe();
    fixture.watch(set, reader, IN);
    fixture.watch(set, writer, OUT);
    expect(fixture.epollWait(set)).toEqual([[writer, OUT]]);
    fixture.writeAs(init, writer, new Uint8Array(61_441));
    expect(fixture.epollWait(set)).toEqual([[reader, IN]]);
    fixture.readAs(init, reader, 1);
    expect(fixture.epollWait(set)).toEqual([
      [writer, OUT],
      [reader, IN],
    ]);
    fixture.close(init, reader);
    expect(fixture.epollWait(set)).toEqual([[writer, OUT | ERR]]);
    const [last, gone] = fixture.pipe();
    fixture.watch(set, last, IN);
    fixture.writeAs(init, gone, 'x');
    fixture.close(init, gone);
    expect(fixture.epollWait(set)).toEqual([
      [writer, OUT | ERR],
      [last, IN | HUP],
    ]);
    fixture.readAs(init, last, 9);
    fixture.watch(set, writer, OUT, EpollCtl.DEL);
    expect(fixture.epollWait(set)).toEqual([[last, HUP]]);
  });

  it('tells of a socket that the peer has stopped sending, and that it is gone', () => {
    const fixture = new FilesFixture();
    const set = fixture.epoll();
    const [one, other] = fixture.sockets();
    fixture.watch(set, one, IN | RDHUP);
    expect(fixture.epollWait(set)).toEqual([]);
    fixture.ok(fixture.init, 'sock_shutdown', other, 2);
    expect(fixture.epollWait(set)).toEqual([[one, IN | RDHUP]]);
    fixture.close(fixture.init, other);
    expect(fixture.epollWait(set)).toEqual([[one, IN | RDHUP | HUP]]);
  });

  it('edge-triggered: each event once, and again when there is more', () => {
    const fixture = new FilesFixture();
    const set = fixture.epoll();
    const [reader, writer] = fixture.pipe();
    fixture.watch(set, reader, IN | ET);
    fixture.writeAs(fixture.init, writer, 'ab');
    for (const when of ['now', 'after a resume']) {
      expect([when, fixture.epollWait(set)]).toEqual([when, [[reader, IN]]]);
      expect([when, fixture.epollWait(set)]).toEqual([when, []]);
      fixture.resume();
      expect([when, fixture.epollWait(set)]).toEqual([when, []]);
      expect(fixture.epollWait(set, 1n)).toBe(PARKED);
      expect(fixture.pass(1n)).toEqual([[1, 0]]);
      fixture.writeAs(fixture.init, writer, 'c');
      fixture.resume();
    }
    const [, full] = fixture.pipe();
    fixture.watch(set, full, OUT | ET);
    expect(fixture.epollWait(set)).toContainEqual([full, OUT]);
    fixture.writeAs(fixture.init, full, new Uint8Array(65_536));
    expect(fixture.epollWait(set)).toEqual([]);
  });

  it('edge-triggered on a host stream: told again once it was read to the end', () => {
    const fixture = new FilesFixture();
    const set = fixture.epoll();
    const stdin = fixture.streams[0]!;
    fixture.watch(set, 0, IN | ET);
    stdin.feed('abc');
    expect(fixture.epollWait(set)).toEqual([[0, IN]]);
    expect(fixture.epollWait(set, FOREVER)).toBe(PARKED);
    expect(fixture.init.mainThread.waits.map(({ kind }) => kind)).toEqual(['queue']);
    fixture.kernel.scheduler.wake(fixture.init.mainThread);
    fixture.init.mainThread.unblock();
    fixture.readAs(fixture.init, 0, 10);
    stdin.feed('d');
    expect(fixture.epollWait(set)).toEqual([[0, IN]]);
  });

  it('one-shot: told once, until it is modified', () => {
    const fixture = new FilesFixture();
    const set = fixture.epoll();
    const [reader, writer] = fixture.pipe();
    fixture.watch(set, reader, IN | ONESHOT);
    fixture.writeAs(fixture.init, writer, 'x');
    expect(fixture.epollWait(set)).toEqual([[reader, IN]]);
    fixture.resume();
    expect(fixture.epollWait(set)).toEqual([]);
    fixture.watch(set, reader, IN | ONESHOT, EpollCtl.MOD);
    expect(fixture.epollWait(set)).toEqual([[reader, IN]]);
  });

  it('with little room tells of all in turn', () => {
    const fixture = new FilesFixture();
    const set = fixture.epoll();
    const events = [1, 2, 3].map(() => fixture.event(1n));
    for (const fd of events) fixture.watch(set, fd, IN);
    const told = (): number[] => (fixture.epollWait(set, 0n, 2) as [number, number][]).map(([fd]) => fd);
    expect([told(), told(), told()]).toEqual([
      [events[0], events[1]],
      [events[2], events[0]],
      [events[1], events[2]],
    ]);
  });

  it('O06 waits for any of them, for a change of the set, or for the rest of its time, also after a resume', () => {
    const fixture = new FilesFixture();
    const set = fixture.epoll();
    const [reader, writer] = fixture.pipe();
    const event = fixture.event(0n);
    const stdin = fixture.streams[0]!;
    for (const fd of [reader, event, 0]) fixture.watch(set, fd, IN);
    const other = fixture.fork();
    expect(fixture.epollWait(set, 1000n)).toBe(PARKED);
    fixture.clock.advance(600n);
    fixture.resume();
    const peer = fixture.process(other.pid);
    expect(fixture.pass(399n)).toEqual([]);
    expect(fixture.pass(1n)).toEqual([[1, 0]]);
    expect(fixture.u32()).toBe(0);

    expect(fixture.epollWait(set, FOREVER)).toBe(PARKED);
    fixture.writeAs(peer, writer, 'x');
    expect(fixture.isWoken(fixture.init)).toBe(true);
    expect(fixture.epollAgain()).toEqual([[reader, IN]]);
    fixture.readAs(fixture.init, reader, 1);

    expect(fixture.epollWait(set, FOREVER)).toBe(PARKED);
    fixture.kernel.scheduler.wakeStream('readable', 0);
    expect(fixture.epollAgain()).toBe(PARKED);
    stdin.feed('y');
    fixture.kernel.scheduler.wakeStream('readable', 0);
    expect(fixture.epollAgain()).toEqual([[0, IN]]);
    fixture.readAs(fixture.init, 0, 1);

    expect(fixture.epollWait(set, FOREVER)).toBe(PARKED);
    fixture.watch(set, writer, OUT, EpollCtl.ADD, peer);
    expect(fixture.isWoken(fixture.init)).toBe(true);
    expect(fixture.epollAgain()).toEqual([[writer, OUT]]);
  });

  it('a resumed set is of the same files', () => {
    const fixture = new FilesFixture();
    const set = fixture.epoll();
    const [reader, writer] = fixture.pipe();
    fixture.watch(set, reader, IN);
    const child = fixture.fork();
    fixture.close(fixture.init, reader);
    fixture.resume();
    fixture.writeAs(fixture.init, writer, 'x');
    expect(fixture.epollWait(set)).toEqual([[reader, IN]]);
    fixture.exit(fixture.process(child.pid));
    expect(fixture.epollWait(set)).toEqual([]);
  });
});

describe('poll_oneoff()', () => {
  /** Subscriptions of (type, fd) pairs. */
  function poll(fixture: FilesFixture, ...wanted: [number, number][]): unknown {
    const input = fixture.put(new Uint8Array(wanted.length * SUBSCRIPTION.size));
    const output = fixture.put(new Uint8Array(wanted.length * EVENT.size));
    for (const [index, [type, fd]] of wanted.entries()) {
      const at = input + index * SUBSCRIPTION.size;
      fixture.memory.view.setBigUint64(at, BigInt(index), true);
      fixture.memory.bytes[at + SUBSCRIPTION.tag] = type;
      fixture.memory.view.setUint32(at + SUBSCRIPTION.fd, fd, true);
    }
    const outcome = fixture.as(fixture.init.mainThread, 'poll_oneoff', input, output, wanted.length, RESULT);
    if (outcome !== 0) return outcome;
    return Array.from({ length: fixture.u32() }, (_, index) => {
      const at = output + index * EVENT.size;
      return [
        Number(fixture.u64(at)),
        fixture.memory.view.getUint16(at + EVENT.error, true),
        fixture.u64(at + EVENT.bytes),
        fixture.memory.view.getUint16(at + EVENT.flags, true),
      ];
    });
  }

  it('looks at pipes, sockets, eventfds and epoll sets', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    const [one, other] = fixture.sockets();
    const event = fixture.event(0n);
    const set = fixture.epoll();
    fixture.watch(set, event, IN);
    const all: [number, number][] = [reader, one, event, set].map((fd) => [EVENTTYPE_FD_READ, fd]);
    expect(poll(fixture, ...all)).toBe(PARKED);
    fixture.resume();
    expect(fixture.isWoken(fixture.init)).toBe(false);
    const thread = fixture.spawn();
    fixture.as(thread, 'fd_write', event, ...fixture.vector([fixture.put(new Uint8Array([2])), 8]), RESULT);
    expect(fixture.isWoken(fixture.init)).toBe(true);
    expect(fixture.again(fixture.init.mainThread)).toBe(0);
    expect(poll(fixture, ...all)).toEqual([
      [2, 0, 8n, 0],
      [3, 0, 1n, 0],
    ]);
    fixture.writeAs(fixture.init, writer, 'abc');
    fixture.close(fixture.init, other);
    expect(poll(fixture, ...all.slice(0, 2))).toEqual([
      [0, 0, 3n, 0],
      [1, 0, 0n, 1],
    ]);
    expect(poll(fixture, [EVENTTYPE_FD_WRITE, writer], [EVENTTYPE_FD_WRITE, reader])).toEqual([
      [0, 0, 65_533n, 0],
      [1, Errno.EBADF, 0n, 0],
    ]);
  });

  it('waits for room in a pipe', () => {
    const fixture = new FilesFixture();
    const [reader, writer] = fixture.pipe();
    fixture.writeAs(fixture.init, writer, new Uint8Array(65_536));
    expect(poll(fixture, [EVENTTYPE_FD_WRITE, writer])).toBe(PARKED);
    const child = fixture.spawn();
    const take = (size: number) =>
      fixture.as(child, 'fd_read', reader, ...fixture.vector([fixture.put(new Uint8Array(size)), size]), RESULT);
    take(PIPE_BUF - 1);
    expect(fixture.isWoken(fixture.init)).toBe(false);
    take(1);
    expect(fixture.isWoken(fixture.init)).toBe(true);
  });
});
