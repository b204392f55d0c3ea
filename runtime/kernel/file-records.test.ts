// Records of open files that cannot be: every one is refused by name, before anything is opened.

import { describe, expect, it } from 'vitest';
import { OFLAGS_CREAT } from '../../abi/wasi-preview1.ts';
import { EpollType } from '../../abi/wasix.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { KernelState } from './kernel.ts';
import { FilesFixture } from './testing/files-fixture.ts';

/** A state record, to be spoilt. */
// biome-ignore lint/suspicious/noExplicitAny: any field may become anything.
type Spoilt = any;

/** Pipe with contents, pair of sockets, eventfd, a file, a set of them, a set with that set. */
function busy(): { fixture: FilesFixture; state: KernelState } {
  const fixture = new FilesFixture();
  const file = fixture.open('file', OFLAGS_CREAT);
  const [reader, writer] = fixture.pipe();
  fixture.writeAs(fixture.init, writer, 'contents');
  const [one] = fixture.sockets();
  const event = fixture.event(3n);
  const [inner, outer] = [fixture.epoll(), fixture.epoll()];
  for (const fd of [reader, one, event]) fixture.watch(inner, fd, EpollType.IN | EpollType.ET);
  fixture.watch(outer, inner, EpollType.IN);
  expect(file).toBe(4);
  return { fixture, state: fixture.kernel.save() };
}

function find(state: Spoilt, kind: string, number = 0): Spoilt {
  return state.openFiles.filter((file: Spoilt) => file.kind === kind)[number];
}

describe('checkFileRecords()', () => {
  it('takes what save() gives', () => {
    const { fixture, state } = busy();
    expect(state.openFiles.map(({ kind }) => kind)).toEqual([
      'stream',
      'stream',
      'stream',
      'directory',
      'file',
      'pipe',
      'pipe',
      'socket',
      'socket',
      'event',
      'epoll',
      'epoll',
    ]);
    expect(state.pipes.map(({ data }) => data.length)).toEqual([8, 0, 0]);
    fixture.resume(state);
  });

  it('an epoll set comes after the files in it, whatever their numbers', () => {
    const fixture = new FilesFixture();
    const set = fixture.epoll();
    const outer = fixture.epoll();
    const [reader] = fixture.pipe();
    fixture.watch(set, reader, EpollType.IN);
    fixture.watch(outer, set, EpollType.IN);
    fixture.ok(fixture.init, 'fd_renumber', outer, 0);
    fixture.resume();
    expect(fixture.kernel.save().openFiles.map(({ kind }) => kind)).toEqual([
      'pipe',
      'epoll',
      'epoll',
      'stream',
      'stream',
      'directory',
      'pipe',
    ]);
  });

  const spoilt: Readonly<Record<string, (state: Spoilt) => void>> = {
    'a pipe that does not exist': (state) => (find(state, 'pipe').pipe = 3),
    'an index that is no integer': (state) => (find(state, 'pipe').pipe = 0.5),
    'two readers of one pipe': (state) => Object.assign(find(state, 'pipe', 1), { canRead: true, canWrite: false }),
    'an end that reads and writes': (state) => (find(state, 'pipe').canWrite = true),
    'an end that does neither': (state) => (find(state, 'pipe').canRead = false),
    'a pipe that nobody refers to': (state) => state.pipes.push({ ino: 1, data: new Uint8Array(0) }),
    'an inode number that stands twice': (state) => (state.pipes[1].ino = state.pipes[0].ino),
    'an inode number that was not given yet': (state) => (state.pipes[1].ino = state.lastInode + 1),
    'no last inode number': (state) => delete state.lastInode,
    'contents that are too long': (state) => (state.pipes[0].data = new Uint8Array(65_537)),
    'contents that are no bytes': (state) => (state.pipes[0].data = 'contents'),
    'contents that nobody can read': (state) => {
      find(state, 'socket', 0).isReadShut = true;
      state.pipes[find(state, 'socket', 0).incoming].data = new Uint8Array(1);
    },
    'a socket that is connected to itself': (state) =>
      (find(state, 'socket').outgoing = find(state, 'socket').incoming),
    'a socket of two pairs': (state) => (find(state, 'socket').outgoing = 0),
    'a socket that only reads': (state) => (find(state, 'socket').canWrite = false),
    'a shutdown that is no boolean': (state) => (find(state, 'socket').isReadShut = 0),
    'a count that is too large': (state) => (find(state, 'event').count = 2n ** 64n - 1n),
    'a count that is a number': (state) => (find(state, 'event').count = 3),
    'a set that writes': (state) => (find(state, 'epoll').canWrite = true),
    'a set that holds itself': (state) => (find(state, 'epoll').interests[0].file = 10),
    'a set that holds a later file': (state) => (find(state, 'epoll').interests[0].file = 11),
    'a set that holds a plain file': (state) => (find(state, 'epoll').interests[0].file = 4),
    'an interest that stands twice': (state) =>
      find(state, 'epoll').interests.push({ ...find(state, 'epoll').interests[0] }),
    'an event that does not exist': (state) => (find(state, 'epoll').interests[0].events = 256),
    'user data that is too large': (state) => (find(state, 'epoll').interests[0].data2 = 2n ** 64n),
    'an unknown kind': (state) => (find(state, 'event').kind = 'timer'),
    'no pipes': (state) => delete state.pipes,
    'a file that no descriptor has': (state) => state.processes[0].fds.pop(),
    'sets nested too deep': (state) => {
      const set = find(state, 'epoll', 1);
      state.openFiles.push({ ...set, ino: 1, interests: [{ ...set.interests[0], file: 11 }] });
      state.processes[0].fds.push({ ...state.processes[0].fds.at(-1), fd: 40, file: 12 });
    },
  };

  for (const [name, spoil] of Object.entries(spoilt)) {
    it(`refuses ${name}`, () => {
      const { fixture, state } = busy();
      const copy = structuredClone(state);
      spoil(copy);
      const before = fixture.files.openCount;
      let error: unknown;
      try {
        fixture.restore(copy);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(WvmError);
      expect((error as WvmError).code).toBe('WVM_IMAGE_BAD_RECORD');
      expect(fixture.files.openCount).toBe(before);
    });
  }
});
