import { describe, expect, it } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import {
  FDFLAGS_APPEND,
  FDFLAGS_NONBLOCK,
  OFLAGS_CREAT,
  Rights,
  WHENCE_CUR,
  WHENCE_END,
  WHENCE_SET,
} from '../../../abi/wasi-preview1.ts';
import { Blocked } from '../blocked.ts';
import { Fixture, RESULT, ROOT } from '../testing/fixture.ts';

const READ_WRITE = BigInt(Rights.FD_READ | Rights.FD_WRITE | Rights.FD_SEEK | Rights.FD_TELL);

describe('fd_write() and fd_read() on a file', () => {
  it('move the offset of the open file', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    expect(fixture.write(fd, 'hello ')).toBe(6);
    expect(fixture.write(fd, 'world')).toBe(5);
    expect(fixture.call('fd_seek', fd, 0n, WHENCE_SET, RESULT)).toBe(0);
    expect(fixture.read(fd, 20)).toBe('hello world');
    expect(fixture.read(fd, 20)).toBe('');
  });

  it('scatter and gather over several buffers, empty ones included', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    const [ab, cde] = [fixture.text('ab'), fixture.text('cde')];
    expect(fixture.call('fd_write', fd, ...fixture.vector(ab, [0, 0], cde), RESULT)).toBe(0);
    expect(fixture.u32()).toBe(5);
    const [first, second] = [fixture.put(new Uint8Array(3)), fixture.put(new Uint8Array(9))];
    expect(fixture.call('fd_pread', fd, ...fixture.vector([first, 3], [second, 9]), 0n, RESULT)).toBe(0);
    expect(fixture.u32()).toBe(5);
    expect(fixture.string(first, 3) + fixture.string(second, 3)).toBe('abcde\0');
  });

  it('move large vectors buffer by buffer', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    fixture.memory.bytes.fill(0x41, 20_000, 60_000);
    fixture.memory.bytes.fill(0x42, 60_000, 100_000);
    const vector = fixture.vector([20_000, 40_000], [60_000, 40_000]);
    expect(fixture.call('fd_write', fd, ...vector, RESULT)).toBe(0);
    expect(fixture.u32()).toBe(80_000);
    fixture.memory.bytes.fill(0, 20_000, 100_000);
    expect(fixture.call('fd_pread', fd, ...vector, 1n, RESULT)).toBe(0);
    expect(fixture.u32()).toBe(79_999);
    expect(fixture.memory.bytes[59_998]).toBe(0x41);
    expect(fixture.memory.bytes[59_999]).toBe(0x42);
    expect(fixture.memory.bytes[99_999]).toBe(0);
  });

  it('an empty vector moves nothing', () => {
    const fixture = new Fixture();
    expect(fixture.call('fd_write', 1, 0, 0, RESULT)).toBe(0);
    expect(fixture.u32()).toBe(0);
    expect(fixture.call('fd_read', 0, 0, 0, RESULT)).toBe(0);
  });

  it('a write beyond the end leaves a hole of zeros', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    expect(fixture.call('fd_seek', fd, 5n, WHENCE_END, RESULT)).toBe(0);
    expect(fixture.write(fd, 'x')).toBe(1);
    expect([...fixture.files.bytesOf('file')]).toEqual([0, 0, 0, 0, 0, 0x78]);
  });

  it('append mode goes to the end, can be turned off, and pwrite ignores it', () => {
    const fixture = new Fixture();
    fixture.files.putFile('file', 'abc');
    const fd = fixture.open('file', 0, { fdflags: FDFLAGS_APPEND });
    expect(fixture.write(fd, 'de')).toBe(2);
    expect(fixture.call('fd_tell', fd, RESULT)).toBe(0);
    expect(fixture.u64()).toBe(5n);
    expect(fixture.call('fd_pwrite', fd, ...fixture.vector(fixture.text('A')), 0n, RESULT)).toBe(0);
    expect(fixture.call('fd_fdstat_set_flags', fd, 0)).toBe(0);
    expect(fixture.call('fd_seek', fd, 1n, WHENCE_SET, RESULT)).toBe(0);
    expect(fixture.write(fd, 'B')).toBe(1);
    expect(String.fromCharCode(...fixture.files.bytesOf('file'))).toBe('ABcde');
  });

  it('need the access mode (EBADF) and the right (ENOTCAPABLE); a directory answers EISDIR', () => {
    const fixture = new Fixture();
    fixture.files.putFile('file', 'abc');
    const reader = fixture.open('file', 0, { rights: BigInt(Rights.FD_READ) });
    expect(fixture.write(reader, 'x')).toBe(Errno.EBADF);
    const writer = fixture.open('file', 0, { rights: BigInt(Rights.FD_WRITE) });
    expect(fixture.read(writer, 1)).toBe(Errno.EBADF);
    const both = fixture.open('file', 0, { rights: READ_WRITE });
    expect(fixture.call('fd_fdstat_set_rights', both, BigInt(Rights.FD_SEEK), 0n)).toBe(0);
    expect(fixture.read(both, 1)).toBe(Errno.ENOTCAPABLE);
    expect(fixture.write(both, 'x')).toBe(Errno.ENOTCAPABLE);
    expect(fixture.read(ROOT, 1)).toBe(Errno.EISDIR);
    expect(fixture.write(ROOT, 'x')).toBe(Errno.EISDIR);
    expect(fixture.write(99, 'x')).toBe(Errno.EBADF);
    expect(fixture.call('fd_write', -31337, 0, 0, RESULT)).toBe(Errno.EBADF);
  });
});

describe('fd_pread() and fd_pwrite()', () => {
  it('leave the offset alone', () => {
    const fixture = new Fixture();
    fixture.files.putFile('file', '0123456789');
    const fd = fixture.open('file');
    expect(fixture.read(fd, 2)).toBe('01');
    const buffer = fixture.put(new Uint8Array(3));
    expect(fixture.call('fd_pread', fd, ...fixture.vector([buffer, 3]), 7n, RESULT)).toBe(0);
    expect(fixture.string(buffer, 3)).toBe('789');
    expect(fixture.call('fd_pwrite', fd, ...fixture.vector(fixture.text('xy')), 2n, RESULT)).toBe(0);
    expect(fixture.read(fd, 3)).toBe('xy4');
  });

  it('answer EINVAL below 0 and ESPIPE on a stream', () => {
    const fixture = new Fixture();
    const fd = fixture.open('file', OFLAGS_CREAT);
    const vector = fixture.vector([RESULT, 1]);
    expect(fixture.call('fd_pread', fd, ...vector, -1n, RESULT)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_pwrite', fd, ...vector, -(2n ** 63n), RESULT)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_pread', 0, ...vector, 0n, RESULT)).toBe(Errno.ESPIPE);
    expect(fixture.call('fd_pwrite', 1, ...vector, 0n, RESULT)).toBe(Errno.ESPIPE);
  });
});

describe('fd_seek() and fd_tell()', () => {
  it('count from the start, the offset and the end', () => {
    const fixture = new Fixture();
    fixture.files.putFile('file', '0123456789');
    const fd = fixture.open('file');
    for (const [offset, whence, expected] of [
      [4n, WHENCE_SET, 4n],
      [-2n, WHENCE_CUR, 2n],
      [-1n, WHENCE_END, 9n],
      [100n, WHENCE_END, 110n],
    ] as const) {
      expect(fixture.call('fd_seek', fd, offset, whence, RESULT)).toBe(0);
      expect(fixture.u64()).toBe(expected);
    }
    expect(fixture.call('fd_tell', fd, RESULT)).toBe(0);
    expect(fixture.u64()).toBe(110n);
  });

  it('refuse offsets below 0 and beyond 64 bits, and unknown whence, and stay where they are', () => {
    const fixture = new Fixture();
    fixture.files.putFile('file', '0123456789');
    const fd = fixture.open('file');
    fixture.call('fd_seek', fd, 3n, WHENCE_SET, RESULT);
    expect(fixture.call('fd_seek', fd, -4n, WHENCE_CUR, RESULT)).toBe(Errno.EINVAL);
    expect(fixture.call('fd_seek', fd, 2n ** 63n - 1n, WHENCE_CUR, RESULT)).toBe(Errno.EOVERFLOW);
    expect(fixture.call('fd_seek', fd, 0n, 3, RESULT)).toBe(Errno.EINVAL);
    fixture.call('fd_tell', fd, RESULT);
    expect(fixture.u64()).toBe(3n);
  });

  it('FD_TELL alone allows to ask; FD_SEEK includes it', () => {
    const fixture = new Fixture();
    const teller = fixture.open('file', OFLAGS_CREAT, { rights: BigInt(Rights.FD_TELL | Rights.FD_READ) });
    expect(fixture.call('fd_seek', teller, 0n, WHENCE_CUR, RESULT)).toBe(0);
    expect(fixture.call('fd_seek', teller, 1n, WHENCE_CUR, RESULT)).toBe(Errno.ENOTCAPABLE);
    const seeker = fixture.open('file', 0, { rights: BigInt(Rights.FD_SEEK | Rights.FD_READ) });
    expect(fixture.call('fd_tell', seeker, RESULT)).toBe(0);
  });

  it('answer ESPIPE on streams, EISDIR on directories, and 0 on the null device', () => {
    const fixture = new Fixture({ streamKinds: ['null', 'pipe', 'tty'] });
    expect(fixture.call('fd_seek', 0, 5n, WHENCE_SET, RESULT)).toBe(0);
    expect(fixture.u64()).toBe(0n);
    expect(fixture.call('fd_seek', 1, 0n, WHENCE_CUR, RESULT)).toBe(Errno.ESPIPE);
    expect(fixture.call('fd_tell', 2, RESULT)).toBe(Errno.ESPIPE);
    expect(fixture.call('fd_seek', ROOT, 0n, WHENCE_CUR, RESULT)).toBe(Errno.EISDIR);
    expect(fixture.call('fd_tell', ROOT, RESULT)).toBe(Errno.EISDIR);
  });
});

describe('streams', () => {
  it('fd_read() without data blocks until there is some, and reads 0 at the end', () => {
    const fixture = new Fixture();
    const blocked = fixture.read(0, 4);
    expect(blocked).toBeInstanceOf(Blocked);
    expect((blocked as Blocked).waits).toEqual([{ kind: 'readable', stream: 0 }]);
    fixture.streams[0]!.feed('abcdef');
    expect(fixture.read(0, 4)).toBe('abcd');
    expect(fixture.read(0, 4)).toBe('ef');
    fixture.streams[0]!.isEnded = true;
    expect(fixture.read(0, 4)).toBe('');
  });

  it('fd_read() of no bytes does not block', () => {
    const fixture = new Fixture();
    expect(fixture.read(0, 0)).toBe('');
  });

  it('with FDFLAGS_NONBLOCK they answer EAGAIN, and a full stream takes a part', () => {
    const fixture = new Fixture();
    fixture.call('fd_fdstat_set_flags', 0, FDFLAGS_NONBLOCK);
    fixture.call('fd_fdstat_set_flags', 1, FDFLAGS_NONBLOCK);
    expect(fixture.read(0, 4)).toBe(Errno.EAGAIN);
    fixture.streams[1]!.space = 3;
    expect(fixture.write(1, 'hello')).toBe(3);
    expect(fixture.write(1, 'lo')).toBe(Errno.EAGAIN);
    expect(fixture.streams[1]!.text).toBe('hel');
  });

  it('fd_write() to a full stream blocks and goes on where it was', () => {
    const fixture = new Fixture();
    const thread = fixture.kernel.current;
    const output = fixture.streams[1]!;
    output.space = 2;
    const args = [1, ...fixture.vector(fixture.text('hel'), fixture.text('lo')), RESULT];
    const first = fixture.call('fd_write', ...args) as Blocked;
    expect(first).toEqual(new Blocked([{ kind: 'writable', stream: 1 }], { doneBytes: 2 }));
    thread.block('wasi_snapshot_preview1', 'fd_write', args, first);
    output.space = 2;
    const second = fixture.call('fd_write', ...args) as Blocked;
    expect(second.restart).toEqual({ doneBytes: 4 });
    thread.block('wasi_snapshot_preview1', 'fd_write', args, second);
    output.space = 100;
    expect(fixture.call('fd_write', ...args)).toBe(0);
    thread.unblock();
    expect(fixture.u32()).toBe(5);
    expect(output.text).toBe('hello');
    expect(fixture.write(1, '!')).toBe(1);
    expect(output.text).toBe('hello!');
  });

  it('a host error becomes its errno', () => {
    const fixture = new Fixture();
    fixture.streams[1]!.error = -32;
    expect(fixture.write(1, 'x')).toBe(Errno.EPIPE);
    fixture.streams[0]!.error = -5;
    expect(fixture.read(0, 1)).toBe(Errno.EIO);
  });
});
