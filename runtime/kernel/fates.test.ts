// Every field of every kernel object has a declared fate, and every declared fate a field.

import { describe, expect, it } from 'vitest';
import { OFLAGS_CREAT } from '../../abi/wasi-preview1.ts';
import { Blocked } from './blocked.ts';
import { MachineClock } from './clock.ts';
import { Contexts } from './contexts.ts';
import { DeviceFile } from './device-file.ts';
import { DirectoryFile } from './directory-file.ts';
import { EpollFile, EpollInterest } from './epoll-file.ts';
import { EventFile } from './event-file.ts';
import type { FateTable } from './fate.ts';
import { FdEntry, FdTable } from './fd-table.ts';
import { FileLocks, LockedInode } from './file-locks.ts';
import { FutexQueue, FutexWaiter } from './futex/futex-queue.ts';
import { Futexes } from './futex/futexes.ts';
import { HostFile } from './host-file.ts';
import { IntervalTimer, IntervalTimers } from './interval-timers.ts';
import { Kernel } from './kernel.ts';
import { NullFile } from './null-file.ts';
import { Pipe } from './pipe.ts';
import { PipeFile } from './pipe-file.ts';
import { Process } from './process.ts';
import { ProcessTree } from './process-tree.ts';
import { Random } from './random.ts';
import { RecordLocks } from './record-locks.ts';
import { Scheduler } from './scheduler.ts';
import { PendingSignals } from './signals/pending-signals.ts';
import { SignalActions } from './signals/signal-actions.ts';
import { ThreadSignals } from './signals/thread-signals.ts';
import { SocketFile } from './socket-file.ts';
import { StaleFile } from './stale-file.ts';
import { StreamFile } from './stream-file.ts';
import { Terminal } from './terminal.ts';
import { TerminalFile } from './terminal-file.ts';
import { Fixture, ROOT } from './testing/fixture.ts';
import { Thread } from './thread.ts';
import { DeviceFiles } from './vfs/device-files.ts';
import { Extents } from './vfs/extents.ts';
import { FileContents } from './vfs/file-contents.ts';
import { FilePages } from './vfs/file-pages.ts';
import { FileSystem } from './vfs/file-system.ts';
import { HostNode } from './vfs/host-node.ts';
import { LowerLayer } from './vfs/lower-layer.ts';
import { MemoryFiles } from './vfs/memory-files.ts';
import { MemoryInode } from './vfs/memory-inode.ts';
import { Vfs } from './vfs/vfs.ts';
import { WaitQueue } from './wait-queue.ts';

interface KernelClass {
  readonly name: string;
  readonly fates: FateTable;
}

const CLASSES: readonly (KernelClass & { readonly prototype: object })[] = [
  Kernel,
  Scheduler,
  WaitQueue,
  ProcessTree,
  SignalActions,
  PendingSignals,
  ThreadSignals,
  Contexts,
  IntervalTimer,
  IntervalTimers,
  NullFile,
  MachineClock,
  Random,
  Vfs,
  HostNode,
  FileSystem,
  MemoryFiles,
  MemoryInode,
  FileContents,
  FilePages,
  Extents,
  LowerLayer,
  Process,
  Thread,
  Futexes,
  FutexQueue,
  FutexWaiter,
  FileLocks,
  Terminal,
  FdTable,
  FdEntry,
  HostFile,
  DirectoryFile,
  StreamFile,
  DeviceFile,
  DeviceFiles,
  TerminalFile,
  StaleFile,
  Pipe,
  PipeFile,
  SocketFile,
  EventFile,
  EpollFile,
  EpollInterest,
  LockedInode,
  RecordLocks,
];

/** One line per field without a fate and per fate without a field. */
function undeclared(object: object, fates: FateTable): string[] {
  const fields = Object.keys(object);
  return [
    ...fields.filter((field) => !(field in fates)).map((field) => `${field}: no fate`),
    ...Object.keys(fates)
      .filter((field) => !fields.includes(field))
      .map((field) => `${field}: no field`),
  ];
}

/** Every object of one of the classes that can be reached from the kernel. */
function collect(kernel: Kernel): object[] {
  const found = new Set<object>();
  const visited = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || visited.has(value) || ArrayBuffer.isView(value)) return;
    visited.add(value);
    if (CLASSES.some((known) => value.constructor === (known as unknown))) found.add(value);
    if (value instanceof Map || value instanceof Set) for (const entry of value.values()) visit(entry);
    else for (const entry of Object.values(value)) visit(entry);
  };
  visit(kernel);
  return [...found];
}

/** Names of the classes of objects below the kernel that are not in the list; what is the host's is not looked at. */
function strangers(kernel: Kernel): string[] {
  const names = new Set<string>();
  const visited = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || visited.has(value) || ArrayBuffer.isView(value)) return;
    visited.add(value);
    if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
      for (const entry of value.values()) visit(entry);
      return;
    }
    const fates = CLASSES.find((known) => value.constructor === (known as unknown))?.fates;
    if (fates === undefined && value.constructor !== Object) names.add(value.constructor.name);
    for (const [field, entry] of Object.entries(value)) if (fates?.[field] !== 'host') visit(entry);
  };
  visit(kernel);
  return [...names];
}

describe('fates', () => {
  const fixture = new Fixture({
    seed: 1n,
    overlays: ['/over'],
    tmpfs: [{ guestPath: '/tmp', maxBytes: 65_536 }],
    devices: '/dev',
    streamKinds: ['tty', 'tty', 'tty'],
  });
  for (const name of ['null', 'tty']) fixture.open(name, 0, { dir: ROOT + 3 });
  const fd = fixture.open('file', OFLAGS_CREAT);
  fixture.open('lost', OFLAGS_CREAT);
  fixture.open('unlinked', OFLAGS_CREAT);
  fixture.call('path_unlink_file', ROOT, ...fixture.text('unlinked'));
  fixture.call('fd_readdir', ROOT, 0, 0, 0n, 64);
  fixture.call('fd_pipe', 64, 68);
  fixture.call('epoll_create', 72);
  fixture.call('epoll_ctl', fixture.u32(72), 0, fixture.u32(64), 2048);
  fixture.call('fd_event', 0n, 0, 64);
  fixture.call('sock_pair', 3, 1, 0, 64, 68);
  fixture.call('flock', fd, 2);
  const waiter = fixture.kernel.init.addThread(2 as Thread['tid']);
  waiter.block('wvm', 'futex', [], new Blocked([], {}));
  fixture.kernel.scheduler.block(waiter);
  fixture.kernel.futexes.add(fixture.kernel.futexes.plainQueue(fixture.kernel.init, 0, 64), waiter, 1, null);
  fixture.kernel.init.mainThread.block('m', 'f', [1], new Blocked([{ kind: 'readable', stream: 0 }], { doneBytes: 1 }));
  fixture.kernel.init.fds.add(new FdEntry(new NullFile(fixture.kernel.allocateInode(), 0), 0, 0));
  fixture.call('setitimer', 0, 1n, 0n, 0);
  expect(fd).toBeGreaterThan(ROOT);
  const state = fixture.kernel.save();
  fixture.files.root.entries.delete('lost');
  fixture.restore(state, { files: 'ignore' });
  const objects = collect(fixture.kernel);

  for (const known of CLASSES) {
    it(`${known.name} declares a fate for each of its fields`, () => {
      const instances = objects.filter((object) => object.constructor === (known as unknown));
      expect(instances.length).toBeGreaterThan(0);
      for (const instance of instances) expect(undeclared(instance, known.fates)).toEqual([]);
    });
  }

  it("F10 every object that is not the host's is of a class in the list", () => {
    expect(strangers(fixture.kernel)).toEqual([]);
    class Forgotten {}
    Object.assign(fixture.kernel.init, { forgotten: new Forgotten() });
    expect(strangers(fixture.kernel)).toEqual(['Forgotten']);
  });

  it('reports a planted field without a fate and a fate without a field', () => {
    expect(undeclared({ tid: 1, forgotten: 2 }, { tid: 'saved', gone: 'host' })).toEqual([
      'forgotten: no fate',
      'gone: no field',
    ]);
  });
});
