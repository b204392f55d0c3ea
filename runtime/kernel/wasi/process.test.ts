// The small families: args, environ, clock, random, proc, sched, sock.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { Blocked, Completed, Exited } from '../blocked.ts';
import { Fixture, RESULT } from '../testing/fixture.ts';

/** The strings that args_get or environ_get stores. */
function strings(fixture: Fixture, get: string, sizes: string): string[] {
  expect(fixture.call(sizes, RESULT, RESULT + 4)).toBe(0);
  const count = fixture.u32();
  const size = fixture.u32(RESULT + 4);
  const table = fixture.put(new Uint8Array(count * 4));
  const buffer = fixture.put(new Uint8Array(size));
  expect(fixture.call(get, table, buffer)).toBe(0);
  return Array.from({ length: count }, (_, index) => {
    const start = fixture.u32(table + index * 4);
    const end = fixture.memory.bytes.indexOf(0, start);
    return fixture.string(start, end - start);
  });
}

describe('args and environ', () => {
  it('are given as strings with a NUL at the end', () => {
    const fixture = new Fixture({ args: ['prog', '', 'two words'], env: { A: '1', EMPTY: '' } });
    expect(strings(fixture, 'args_get', 'args_sizes_get')).toEqual(['prog', '', 'two words']);
    expect(strings(fixture, 'environ_get', 'environ_sizes_get')).toEqual(['A=1', 'EMPTY=']);
    expect(strings(new Fixture({ args: [] }), 'args_get', 'args_sizes_get')).toEqual([]);
  });

  it('with a NUL or a bad name are refused at the start', () => {
    expect(() => new Fixture({ args: ['a\0b'] })).toThrow(/NUL/);
    expect(() => new Fixture({ env: { A: '\0' } })).toThrow(/NUL/);
    expect(() => new Fixture({ env: { 'A=B': '' } })).toThrow(/no name/);
  });
});

describe('clocks', () => {
  it('give real, monotonic and processor time', () => {
    const fixture = new Fixture();
    const time = (id: number): bigint => {
      expect(fixture.call('clock_time_get', id, 1n, RESULT)).toBe(0);
      return fixture.u64();
    };
    expect(time(0)).toBe(fixture.clock.realtimeNs());
    expect(time(1)).toBe(fixture.clock.monotonicNs());
    fixture.clock.advance(70n);
    fixture.kernel.current.block('m', 'f', [], new Blocked([]));
    fixture.clock.advance(1000n);
    fixture.kernel.current.unblock();
    fixture.clock.advance(30n);
    expect([time(2), time(3)]).toEqual([100n, 100n]);
  });

  it('have a resolution; others do not exist', () => {
    const fixture = new Fixture();
    for (const id of [0, 1, 2, 3]) {
      expect(fixture.call('clock_res_get', id, RESULT)).toBe(0);
      expect(fixture.u64()).toBeGreaterThan(0n);
    }
    for (const id of [4, -1]) {
      expect(fixture.call('clock_res_get', id, RESULT)).toBe(Errno.EINVAL);
      expect(fixture.call('clock_time_get', id, 0n, RESULT)).toBe(Errno.EINVAL);
    }
  });

  it('with a seed pass with every read, and jump when all sleep', () => {
    const fixture = new Fixture({ seed: 7n });
    const time = (): bigint => {
      fixture.call('clock_time_get', 1, 0n, RESULT);
      return fixture.u64();
    };
    const [first, second] = [time(), time()];
    expect(second).toBeGreaterThan(first);
    fixture.clock.advance(1_000_000n);
    expect(time() - second).toBe(second - first);
    fixture.kernel.clock.jumpTo(9_000_000n);
    expect(time()).toBe(9_000_000n + second - first);
    fixture.kernel.clock.jumpTo(1n);
    expect(time()).toBeGreaterThan(9_000_000n);
  });
});

describe('random_get()', () => {
  const bytes = (fixture: Fixture, size: number): number[] => {
    expect(fixture.call('random_get', RESULT, size)).toBe(0);
    return [...fixture.memory.bytes.subarray(RESULT, RESULT + size)];
  };

  it('takes the host entropy', () => {
    expect(bytes(new Fixture(), 4)).toEqual([1, 2, 3, 4]);
  });

  it('with a seed gives the same bytes in each run, and goes on the same after a resume', () => {
    const [one, two, three] = [new Fixture({ seed: 5n }), new Fixture({ seed: 5n }), new Fixture({ seed: 6n })];
    const first = bytes(one, 11);
    expect(bytes(two, 11)).toEqual(first);
    expect(bytes(three, 11)).not.toEqual(first);
    two.restore(two.kernel.save());
    expect(bytes(two, 64)).toEqual(bytes(one, 64));
    expect(new Set(bytes(one, 256)).size).toBeGreaterThan(100);
  });
});

describe('proc_exit(), sched_yield()', () => {
  it('end the process or do nothing', () => {
    const fixture = new Fixture();
    expect(fixture.call('proc_exit', 33)).toEqual(new Exited(33));
    expect(fixture.call('proc_exit', -1)).toEqual(new Exited(0xffff_ffff));
    expect(fixture.call('sched_yield')).toBe(0);
  });
});

describe('proc_raise()', () => {
  const raise = (signal: number) => {
    const fixture = new Fixture();
    expect(fixture.call('proc_raise', signal)).toEqual(new Completed(0));
    const delivery = fixture.kernel.tree.deliver(fixture.kernel.current);
    return [delivery?.kind, fixture.kernel.init.end?.status, fixture.kernel.init.end?.signal];
  };

  it('ends the process: SIGABRT, SIGTERM, SIGKILL, SIGSYS in numbers of WASI; the status counts in those of Linux', () => {
    expect(raise(6)).toEqual(['ended', 134, 6]);
    expect(raise(15)).toEqual(['ended', 143, 15]);
    expect(raise(9)).toEqual(['ended', 137, 9]);
    expect(raise(30)).toEqual(['ended', 159, 31]);
  });

  it('does nothing for SIGCHLD, SIGCONT, SIGURG, SIGWINCH, and for stops that nobody could undo', () => {
    for (const ignored of [16, 17, 22, 27, 19, 20, 21])
      expect(raise(ignored)).toEqual([undefined, undefined, undefined]);
  });

  it('stops the process for SIGSTOP', () => {
    expect(raise(18)).toEqual(['stopped', undefined, undefined]);
  });

  it('refuses what is no signal; 0 is none', () => {
    const fixture = new Fixture();
    for (const unknown of [31, -1]) expect(fixture.call('proc_raise', unknown)).toBe(Errno.EINVAL);
    expect(fixture.call('proc_raise', 0)).toBe(0);
  });
});

describe('sockets', () => {
  it('everything else answers ENOTSOCK or EBADF', () => {
    const fixture = new Fixture();
    const vector = fixture.vector([RESULT, 4]);
    for (const [fd, errno] of [
      [1, Errno.ENOTSOCK],
      [3, Errno.ENOTSOCK],
      [9, Errno.EBADF],
    ] as const) {
      expect(fixture.call('sock_shutdown', fd, 1)).toBe(errno);
      expect(fixture.call('sock_accept', fd, 0, RESULT)).toBe(errno);
      expect(fixture.call('sock_recv', fd, ...vector, 0, RESULT, RESULT)).toBe(errno);
      expect(fixture.call('sock_send', fd, ...vector, 0, RESULT)).toBe(errno);
    }
  });

  it('a stream that is a socket sends, receives and shuts down', () => {
    const fixture = new Fixture({ streamKinds: ['socket', 'socket', 'pipe'] });
    fixture.streams[0]!.feed('ping');
    const buffer = fixture.put(new Uint8Array(8));
    expect(fixture.call('sock_recv', 0, ...fixture.vector([buffer, 8]), 0, RESULT, RESULT + 4)).toBe(0);
    expect(fixture.string(buffer, fixture.u32())).toBe('ping');
    expect(fixture.call('sock_recv', 0, ...fixture.vector([buffer, 8]), 0, RESULT, RESULT + 4)).toBeInstanceOf(Blocked);
    expect(fixture.call('sock_recv', 0, ...fixture.vector([buffer, 8]), 1, RESULT, RESULT + 4)).toBe(Errno.ENOTSUP);
    expect(fixture.call('sock_recv', 0, ...fixture.vector([buffer, 8]), 8, RESULT, RESULT + 4)).toBe(Errno.EINVAL);
    expect(fixture.call('sock_send', 1, ...fixture.vector(fixture.text('pong')), 0, RESULT)).toBe(0);
    expect(fixture.streams[1]!.text).toBe('pong');
    expect(fixture.call('sock_send', 1, ...fixture.vector(fixture.text('pong')), 1, RESULT)).toBe(Errno.EINVAL);
    expect(fixture.call('sock_shutdown', 1, 3)).toBe(0);
    expect(fixture.streams[1]!.shutdowns).toEqual(['rw']);
    for (const how of [0, 4]) expect(fixture.call('sock_shutdown', 1, how)).toBe(Errno.EINVAL);
    expect(fixture.call('sock_accept', 0, 0, RESULT)).toBe(Errno.EINVAL);
  });
});
