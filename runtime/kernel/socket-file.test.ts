// Pairs of sockets: both directions, shutdown, questions, and all of it over a resume.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { Signal } from '../../abi/signals.ts';
import { SDFLAGS_RD, SDFLAGS_WR } from '../../abi/wasi-preview1.ts';
import { Completed } from './blocked.ts';
import { bitOf } from './signals/signal-set.ts';
import { FilesFixture, PARKED } from './testing/files-fixture.ts';
import { RESULT } from './testing/fixture.ts';

describe('sock_pair()', () => {
  it('what one writes the other reads, both ways, also after a resume', () => {
    const fixture = new FilesFixture();
    const [one, other] = fixture.sockets();
    const child = fixture.fork();
    fixture.close(fixture.init, other);
    fixture.close(child, one);
    expect(fixture.writeAs(fixture.init, one, 'question')).toBe(8);
    expect(fixture.readAs(fixture.init, one, 10)).toBe(PARKED);
    fixture.resume();
    const peer = fixture.process(child.pid);
    expect(fixture.readAs(peer, other, 10)).toBe('question');
    expect(fixture.writeAs(peer, other, 'answer')).toBe(6);
    expect(fixture.isWoken(fixture.init)).toBe(true);
    expect(fixture.readAgain(fixture.init)).toBe('answer');
    fixture.exit(peer);
    expect(fixture.readAs(fixture.init, one, 10)).toBe('');
    expect(fixture.writeAs(fixture.init, one, 'x')).toEqual(new Completed(Errno.EPIPE));
    expect(fixture.init.mainThread.signals.pending.set & bitOf(Signal.SIGPIPE)).not.toBe(0n);
  });

  it('only pairs of streams within the machine are made', () => {
    const fixture = new FilesFixture();
    const pair = (family: number, type: number) =>
      fixture.errno(fixture.init, 'sock_pair', family, type, 0, RESULT, RESULT + 4);
    expect(pair(4, 1)).toBe(Errno.EAFNOSUPPORT);
    expect(pair(1, 1)).toBe(Errno.ENOTSUP);
    expect(pair(3, 2)).toBe(Errno.EPROTONOSUPPORT);
    expect(pair(3, 7)).toBe(Errno.EINVAL);
  });

  it('shutdown ends one direction, for both, and stays so over a resume', () => {
    const fixture = new FilesFixture();
    const [one, other] = fixture.sockets();
    fixture.writeAs(fixture.init, one, 'last');
    fixture.ok(fixture.init, 'sock_shutdown', one, SDFLAGS_WR);
    fixture.resume();
    expect(fixture.readAs(fixture.init, other, 9)).toBe('last');
    expect(fixture.readAs(fixture.init, other, 9)).toBe('');
    expect(fixture.writeAs(fixture.init, one, 'x')).toEqual(new Completed(Errno.EPIPE));
    expect(fixture.writeAs(fixture.init, other, 'back')).toBe(4);
    expect(fixture.readAs(fixture.init, one, 9)).toBe('back');
    fixture.ok(fixture.init, 'sock_shutdown', one, SDFLAGS_RD);
    fixture.resume();
    expect(fixture.readAs(fixture.init, one, 9)).toBe('');
    expect(fixture.writeAs(fixture.init, other, 'x')).toEqual(new Completed(Errno.EPIPE));
    fixture.ok(fixture.init, 'sock_status', one, RESULT);
    expect(fixture.memory.bytes[RESULT]).toBe(2);
  });

  it('shutdown wakes who waits', () => {
    const fixture = new FilesFixture();
    const [one, other] = fixture.sockets();
    const child = fixture.fork();
    expect(fixture.readAs(child, one, 9)).toBe(PARKED);
    fixture.ok(fixture.init, 'sock_shutdown', other, SDFLAGS_WR);
    expect(fixture.isWoken(child)).toBe(true);
    expect(fixture.readAgain(child)).toBe('');
  });

  it('recv, send and the rest know the pair, and answer ENOTSOCK for anything else', () => {
    const fixture = new FilesFixture();
    const { init } = fixture;
    const [one, other] = fixture.sockets();
    const [reader] = fixture.pipe();
    const data = fixture.vector(fixture.text('abc'));
    const buffer = fixture.put(new Uint8Array(8));
    const address = fixture.put(new Uint8Array(112).fill(9));
    fixture.ok(init, 'sock_send_to', one, ...data, 0, 0, RESULT);
    fixture.ok(init, 'sock_recv_from', other, ...fixture.vector([buffer, 8]), 0, RESULT, RESULT + 4, address);
    expect(fixture.string(buffer, fixture.u32())).toBe('abc');
    expect([...fixture.memory.bytes.subarray(address, address + 110)]).toEqual([3, ...new Array(109).fill(0)]);
    expect(fixture.errno(init, 'sock_send_to', one, ...data, 0, address, RESULT)).toBe(Errno.EISCONN);
    fixture.ok(init, 'sock_addr_peer', one, address);
    fixture.ok(init, 'sock_get_opt_size', one, 25, RESULT);
    expect(fixture.u64()).toBe(1n);
    expect(fixture.errno(init, 'sock_get_opt_size', one, 3, RESULT)).toBe(Errno.ENOPROTOOPT);
    expect(fixture.errno(init, 'sock_status', reader, RESULT)).toBe(Errno.ENOTSOCK);
    expect(fixture.errno(init, 'sock_shutdown', reader, SDFLAGS_WR)).toBe(Errno.ENOTSOCK);
    expect(fixture.errno(init, 'sock_bind', one, address)).toBe(Errno.ENOSYS);
  });
});
