import { describe, expect, it } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import {
  CLOCKID_MONOTONIC,
  CLOCKID_PROCESS_CPUTIME_ID,
  CLOCKID_REALTIME,
  EVENT,
  EVENTTYPE_FD_READ,
  EVENTTYPE_FD_WRITE,
  SUBSCRIPTION,
} from '../../../abi/wasi-preview1.ts';
import { Blocked } from '../blocked.ts';
import { Fixture, RESULT } from '../testing/fixture.ts';

type Subscription = { clock: number; timeout: bigint; absolute?: boolean } | { fd: number; type: number };

interface Event {
  userdata: bigint;
  error: number;
  type: number;
  bytes: bigint;
  flags: number;
}

/** Subscriptions with userdata 1000, 1001, ... as arguments of poll_oneoff. */
function subscribe(fixture: Fixture, subscriptions: readonly Subscription[]): [number, number, number, number] {
  const input = fixture.put(new Uint8Array(subscriptions.length * SUBSCRIPTION.size));
  const output = fixture.put(new Uint8Array(subscriptions.length * EVENT.size));
  const { view } = fixture.memory;
  for (const [index, subscription] of subscriptions.entries()) {
    const at = input + index * SUBSCRIPTION.size;
    view.setBigUint64(at, BigInt(1000 + index), true);
    if ('clock' in subscription) {
      view.setUint32(at + SUBSCRIPTION.clockId, subscription.clock, true);
      view.setBigUint64(at + SUBSCRIPTION.timeout, subscription.timeout, true);
      view.setUint16(at + SUBSCRIPTION.flags, subscription.absolute === true ? 1 : 0, true);
    } else {
      view.setUint8(at + SUBSCRIPTION.tag, subscription.type);
      view.setUint32(at + SUBSCRIPTION.fd, subscription.fd, true);
    }
  }
  return [input, output, subscriptions.length, RESULT];
}

function events(fixture: Fixture, output: number): Event[] {
  const { view } = fixture.memory;
  return Array.from({ length: fixture.u32() }, (_, index) => {
    const at = output + index * EVENT.size;
    return {
      userdata: view.getBigUint64(at, true),
      error: view.getUint16(at + EVENT.error, true),
      type: view.getUint8(at + EVENT.type),
      bytes: view.getBigUint64(at + EVENT.bytes, true),
      flags: view.getUint16(at + EVENT.flags, true),
    };
  });
}

/** Polls; the events, or Blocked. */
function poll(fixture: Fixture, ...subscriptions: Subscription[]): Event[] | Blocked {
  const args = subscribe(fixture, subscriptions);
  const result = fixture.call('poll_oneoff', ...args);
  if (result instanceof Blocked) return result;
  expect(result).toBe(0);
  return events(fixture, args[1]);
}

const read = (fd: number): Subscription => ({ fd, type: EVENTTYPE_FD_READ });
const write = (fd: number): Subscription => ({ fd, type: EVENTTYPE_FD_WRITE });
const event = (index: number, type: number, rest: Partial<Event> = {}): Event => ({
  userdata: BigInt(1000 + index),
  error: 0,
  type,
  bytes: 0n,
  flags: 0,
  ...rest,
});

describe('poll_oneoff() on clocks', () => {
  it('a relative timeout blocks for its time, also when it is tried again', () => {
    const fixture = new Fixture();
    const start = fixture.clock.nowNs;
    const args = subscribe(fixture, [{ clock: CLOCKID_MONOTONIC, timeout: 100n }]);
    const blocked = fixture.call('poll_oneoff', ...args) as Blocked;
    expect(blocked).toEqual(new Blocked([{ kind: 'timer', deadlineNs: start + 100n }], { startNs: start }));
    fixture.kernel.current.block('wasi_snapshot_preview1', 'poll_oneoff', args, blocked);
    fixture.clock.advance(60n);
    expect((fixture.call('poll_oneoff', ...args) as Blocked).waits).toEqual([
      { kind: 'timer', deadlineNs: start + 100n },
    ]);
    fixture.clock.advance(40n);
    expect(fixture.call('poll_oneoff', ...args)).toBe(0);
    expect(events(fixture, args[1])).toEqual([event(0, 0)]);
  });

  it('in a resumed machine waits for the rest only', () => {
    const fixture = new Fixture();
    const args = subscribe(fixture, [{ clock: CLOCKID_REALTIME, timeout: 100n }]);
    const blocked = fixture.call('poll_oneoff', ...args) as Blocked;
    fixture.kernel.current.block('wasi_snapshot_preview1', 'poll_oneoff', args, blocked);
    fixture.clock.advance(70n);
    const state = fixture.kernel.save();
    // The machine is an image for long, and its new host has been up for less.
    fixture.clock.nowNs = 12n;
    fixture.restore(state);
    const { call } = fixture.kernel.current;
    const again = fixture.call(call!.name, ...call!.args) as Blocked;
    const [wait] = again.waits;
    expect(wait).toEqual({ kind: 'timer', deadlineNs: fixture.kernel.clock.nowNs() + 30n });
    fixture.clock.advance(30n);
    expect(fixture.call(call!.name, ...call!.args)).toBe(0);
  });

  it('a timeout of 0 and an absolute time in the past are due at once', () => {
    const fixture = new Fixture();
    expect(poll(fixture, { clock: CLOCKID_MONOTONIC, timeout: 0n })).toEqual([event(0, 0)]);
    expect(poll(fixture, { clock: CLOCKID_MONOTONIC, timeout: 7n, absolute: true })).toEqual([event(0, 0)]);
  });

  it('an absolute real time is waited for in machine time', () => {
    const fixture = new Fixture();
    const timeout = fixture.clock.realtimeNs() + 50n;
    const blocked = poll(fixture, { clock: CLOCKID_REALTIME, timeout, absolute: true }) as Blocked;
    expect(blocked.waits).toEqual([{ kind: 'timer', deadlineNs: fixture.clock.nowNs + 50n }]);
  });

  it('of several clocks the earliest is the timer, and all that are due give events', () => {
    const fixture = new Fixture();
    const args = subscribe(fixture, [
      { clock: CLOCKID_MONOTONIC, timeout: 300n },
      { clock: CLOCKID_MONOTONIC, timeout: 100n },
      { clock: CLOCKID_REALTIME, timeout: 200n },
    ]);
    const blocked = fixture.call('poll_oneoff', ...args) as Blocked;
    expect(blocked.waits).toEqual([{ kind: 'timer', deadlineNs: fixture.clock.nowNs + 100n }]);
    fixture.kernel.current.block('m', 'poll_oneoff', args, blocked);
    fixture.clock.advance(250n);
    expect(fixture.call('poll_oneoff', ...args)).toBe(0);
    expect(events(fixture, args[1])).toEqual([event(1, 0), event(2, 0)]);
  });

  it('an unknown clock and a processor clock are errors of their events', () => {
    const fixture = new Fixture();
    expect(poll(fixture, { clock: 9, timeout: 1n }, { clock: CLOCKID_PROCESS_CPUTIME_ID, timeout: 1n })).toEqual([
      event(0, 0, { error: Errno.EINVAL }),
      event(1, 0, { error: Errno.ENOTSUP }),
    ]);
  });
});

describe('poll_oneoff() on files', () => {
  it('plain files are always ready, with the bytes left to read', () => {
    const fixture = new Fixture();
    fixture.files.putFile('file', '0123456789');
    const fd = fixture.open('file');
    fixture.read(fd, 3);
    expect(poll(fixture, read(fd), write(fd), { clock: CLOCKID_MONOTONIC, timeout: 5n })).toEqual([
      event(0, 1, { bytes: 7n }),
      event(1, 2),
    ]);
  });

  it('a stream without data blocks together with the clock; data or the end make it ready', () => {
    const fixture = new Fixture();
    const blocked = poll(fixture, read(0), { clock: CLOCKID_MONOTONIC, timeout: 5n }) as Blocked;
    expect(blocked.waits).toEqual([
      { kind: 'readable', stream: 0 },
      { kind: 'timer', deadlineNs: fixture.clock.nowNs + 5n },
    ]);
    fixture.streams[0]!.feed('abc');
    expect(poll(fixture, read(0))).toEqual([event(0, 1, { bytes: 3n })]);
    fixture.streams[0]!.input = [];
    fixture.streams[0]!.isEnded = true;
    expect(poll(fixture, read(0))).toEqual([event(0, 1, { flags: 1 })]);
  });

  it('a full stream is not writable', () => {
    const fixture = new Fixture();
    fixture.streams[1]!.space = 0;
    expect((poll(fixture, write(1)) as Blocked).waits).toEqual([{ kind: 'writable', stream: 1 }]);
    expect(poll(fixture, write(1), write(2))).toEqual([event(1, 2)]);
  });

  it('bad and duplicate descriptors are told one by one', () => {
    const fixture = new Fixture();
    fixture.streams[0]!.feed('a');
    expect(poll(fixture, read(77), read(0), read(0), read(1))).toEqual([
      event(0, 1, { error: Errno.EBADF }),
      event(1, 1, { bytes: 1n }),
      event(2, 1, { bytes: 1n }),
      event(3, 1, { error: Errno.EBADF }),
    ]);
  });

  it('no subscriptions and unknown kinds answer EINVAL', () => {
    const fixture = new Fixture();
    expect(fixture.call('poll_oneoff', 64, 64, 0, RESULT)).toBe(Errno.EINVAL);
    expect(fixture.call('poll_oneoff', ...subscribe(fixture, [{ fd: 0, type: 3 }]))).toBe(Errno.EINVAL);
  });
});
