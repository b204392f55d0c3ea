// The kernel of one machine: a tree of processes and everything they share. Plain synchronous data with no locks;
// system calls are functions (wasi/), blocking is a value (blocked.ts), the world outside is behind ports (ports.ts).
//
// save() writes every saved field of every object, shared objects once, before what refers to them:
//   KernelState = clock, random, terminal, files (file-records.ts) <- processes (descriptors, threads) <- locks
// restore() first checks the whole record and opens the files again, then builds the kernel: all or nothing.

import { ALL_RIGHTS } from '../../abi/wasi-preview1.ts';
import type { Pid, Tid } from '../base/ids.ts';
import { WvmError } from '../base/wvm-error.ts';
import { type ClockState, MachineClock } from './clock.ts';
import { DirectoryFile } from './directory-file.ts';
import type { FateTable } from './fate.ts';
import { FdEntry, FdTable } from './fd-table.ts';
import { FileLocks, type LockState } from './file-locks.ts';
import { checkFileRecords, FileRecords, type FilesState } from './file-records.ts';
import { effectiveRanks } from './futex/effective-ranks.ts';
import { checkFutexes, checkRankOrder, type FutexQueueState } from './futex/futex-state.ts';
import { Futexes } from './futex/futexes.ts';
import type { OpenFile } from './open-file.ts';
import type { Grant, Ports } from './ports.ts';
import { PROCESSES_MAX, Process, type ProcessState } from './process.ts';
import { ProcessTree } from './process-tree.ts';
import { checkProgramNames, type ProgramMap, requirePrograms } from './programs.ts';
import { Random, type RandomState } from './random.ts';
import { reopenFiles } from './reopen.ts';
import { DIRECTORY_RIGHTS, STREAM_RIGHTS } from './rights.ts';
import { Scheduler } from './scheduler.ts';
import { StreamFile } from './stream-file.ts';
import { Terminal, type TerminalState } from './terminal.ts';
import type { Thread } from './thread.ts';
import { badRecord, checkArray, checkInteger, checkRecord } from './validate.ts';
import { DeviceFiles } from './vfs/device-files.ts';
import { FILE_PAGE_BYTES, type FilePages } from './vfs/file-pages.ts';
import { FileSystem } from './vfs/file-system.ts';
import type { HostNode } from './vfs/host-node.ts';
import { Vfs } from './vfs/vfs.ts';

export interface KernelState extends FilesState {
  readonly clock: ClockState;
  readonly random: RandomState;
  readonly terminal: TerminalState;
  /** Names of mapped programs, which stand for what the resuming command line maps. */
  readonly programs: readonly string[];
  readonly processes: readonly ProcessState[];
  readonly locks: readonly LockState[];
  /** Who waits for futexes, in their order. */
  readonly futexes: readonly FutexQueueState[];
  /** Tids of the threads that can run, in their order; the first one is running. */
  readonly ready: readonly number[];
  /** Tids of the threads that wait, in the order in which they began to. */
  readonly blocked: readonly number[];
  readonly lastId: number;
  /** What the streams had taken from the host and the guest has not read yet, by stream. */
  readonly unread: readonly Uint8Array[];
}

/** What the kernel tells the engine of things that happen inside a system call. */
export interface EnginePort {
  /** Its memory and its stacks are not needed any more. */
  processEnded(process: Process): void;
  threadEnded(thread: Thread): void;
}

/** A file system in memory that the guest finds empty. */
export interface TmpfsOptions {
  readonly guestPath: string;
  readonly maxBytes: number;
}

export interface KernelOptions {
  readonly ports: Ports;
  readonly grants: readonly Grant[];
  readonly tmpfs?: readonly TmpfsOptions[];
  /** Guest path of character devices: null, zero, … */
  readonly devices?: string;
  /** argv, the program name first. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Programs for exec and spawn, by name. */
  readonly programs?: ProgramMap;
  /** Deterministic random bytes and clocks. */
  readonly seed?: bigint;
}

export interface RestoreOptions {
  readonly grants: readonly Grant[];
  readonly env: Readonly<Record<string, string>>;
  readonly programs?: ProgramMap;
  /** 'ignore': a changed file is taken as it is, a missing one answers ESTALE. */
  readonly files?: 'check' | 'ignore';
}

export interface KernelCapture {
  readonly state: KernelState;
  /** Contents that are not in the state: of detached files, then of each file system. An image holds them as pages. */
  readonly filePages: readonly FilePages[];
}

/** What restore() has made before the kernel. */
interface RestoredParts {
  readonly state: KernelState;
  readonly clock: MachineClock;
  readonly vfs: Vfs;
  readonly files: readonly OpenFile[];
  readonly locks: FileLocks;
}

const NO_ENGINE: EnginePort = { processEnded() {}, threadEnded() {} };
/** Linux's pid_max on 64-bit systems. */
const ID_MAX = 2 ** 22;
const NOTHING: Uint8Array = new Uint8Array(0);
/** More than any host stream reads ahead; input given as bytes may be as long as an image allows. */
const UNREAD_MAX: number = 2 ** 30;
const INIT_PID: Pid = 1 as Pid;

export class Kernel {
  static readonly fates: FateTable = {
    ports: 'host',
    grants: 'host',
    clock: 'saved',
    random: 'saved',
    vfs: 'derived',
    fileLocks: 'saved',
    terminal: 'saved',
    lastInode: 'saved',
    processes: 'saved',
    scheduler: 'saved',
    futexes: 'saved',
    tree: 'derived',
    env: 'host',
    programs: 'host',
    lastId: 'saved',
    greatestId: 'derived',
    engine: 'host',
    running: 'derived',
    runningSinceNs: 'derived',
  };

  /** Host: not part of the image. */
  readonly ports: Ports;
  /** Host: given on the command line; open files name theirs by guest path. */
  readonly grants: readonly Grant[];
  readonly clock: MachineClock;
  readonly random: Random;
  /** Derived: holds the nodes of the open files. */
  readonly vfs: Vfs;
  readonly fileLocks: FileLocks;
  readonly terminal: Terminal;
  /** The last inode number that was given to a pipe or another file outside of all directories. */
  lastInode: number;
  /** By pid. */
  readonly processes: Map<Pid, Process> = new Map();
  readonly scheduler: Scheduler = new Scheduler();
  futexes: Futexes = new Futexes();
  /** Derived: what happens to processes. */
  readonly tree: ProcessTree;
  /** Host: the environment of the command line. */
  readonly env: Readonly<Record<string, string>>;
  /** Host: programs that have names; the names are saved. */
  readonly programs: ProgramMap;
  /** The last pid or tid that was given. */
  lastId: number = INIT_PID;
  /** Derived: no number above this is used. */
  greatestId: number = INIT_PID;
  /** Host: what runs the processes. */
  engine: EnginePort = NO_ENGINE;
  /** Derived: the thread whose system call is being made; see `current`. */
  private running: Thread;
  /** Derived: since when the running thread's time has not been counted; undefined: nobody runs. */
  private runningSinceNs: bigint | undefined;

  constructor(options: KernelOptions);
  /** For restore(): the parts are made, the processes come next. */
  constructor(options: RestoreOptions & { readonly ports: Ports }, parts: RestoredParts);
  constructor(options: KernelOptions | (RestoreOptions & { readonly ports: Ports }), parts?: RestoredParts) {
    const { ports, grants } = options;
    const tmpfs = (parts === undefined ? (options as KernelOptions).tmpfs : undefined) ?? [];
    const devices = parts === undefined ? (options as KernelOptions).devices : undefined;
    checkGrants([...grants, ...tmpfs, ...(devices === undefined ? [] : [{ guestPath: devices }])]);
    this.ports = ports;
    this.grants = grants;
    this.env = options.env;
    this.programs = options.programs ?? new Map();
    this.tree = new ProcessTree(this);
    if (parts !== undefined) {
      this.clock = parts.clock;
      this.vfs = parts.vfs;
      this.fileLocks = parts.locks;
      this.terminal = Terminal.restore(ports.streams, parts.state.terminal);
      this.lastInode = parts.state.lastInode;
      this.random = Random.restore(ports.entropy, parts.state.random);
      for (const record of parts.state.processes) {
        const env = Process.checkEnvironment(record, options.env);
        const process = Process.restore(this, record, env, parts.files);
        this.processes.set(process.pid, process);
      }
    } else {
      const { seed, args } = options as KernelOptions;
      const clock = new MachineClock(ports.clock, seed !== undefined);
      this.clock = clock;
      const nowNs = (): bigint => clock.realtimeNs();
      const deviceFiles = devices === undefined ? undefined : new DeviceFiles(devices);
      const fileSystems = makeFileSystems(ports, grants, tmpfs, nowNs);
      this.vfs = new Vfs(ports.files, nowNs, fileSystems, undefined, deviceFiles);
      this.fileLocks = new FileLocks();
      this.terminal = new Terminal(ports.streams);
      // Those of the streams are below (StreamFile.stat()).
      this.lastInode = ports.streams.length;
      this.random = seed === undefined ? new Random(ports.entropy, null) : Random.seeded(ports.entropy, seed);
      const fds = this.initialFds();
      const init = new Process(this, INIT_PID, 0 as Pid, args, options.env, fds);
      init.addThread(INIT_PID as number as Tid);
      this.processes.set(INIT_PID, init);
      this.scheduler.add(init.mainThread);
    }
    if (this.vfs.devices !== undefined) {
      this.vfs.devices.owner = { random: this.random, terminal: this.terminal, fds: () => this.running.process.fds };
    }
    if (parts !== undefined) this.restoreSchedule(parts.state);
    const next = this.scheduler.next();
    this.running = next ?? [...this.scheduler.blocked][0] ?? this.init.mainThread;
    this.runningSinceNs = next === undefined ? undefined : this.clock.nowNs();
  }

  /** The thread whose system call is being made; the engine sets it when it switches. */
  get current(): Thread {
    return this.running;
  }

  set current(thread: Thread) {
    if (thread !== this.running) this.stopCounting();
    this.running = thread;
    this.startCounting();
  }

  /** The running thread goes on. */
  startCounting(): void {
    this.runningSinceNs ??= this.clock.nowNs();
  }

  /** The running thread waits: from here on time is nobody's. */
  stopCounting(nowNs?: bigint): void {
    if (this.runningSinceNs === undefined) return;
    const ns = this.uncountedNs(nowNs);
    this.running.ranNs += ns;
    this.running.process.ranNs += ns;
    this.runningSinceNs = undefined;
  }

  /** What the running thread has run since its time was counted. */
  uncountedNs(nowNs?: bigint): bigint {
    if (this.runningSinceNs === undefined) return 0n;
    const ns = (nowNs ?? this.clock.nowNs()) - this.runningSinceNs;
    // A resumed machine's clock is set back to where the image has it when the kernel is there.
    return ns > 0n ? ns : 0n;
  }

  private restoreSchedule({ processes, futexes, ready, blocked, lastId }: KernelState): void {
    const threads = new Map<number, Thread>();
    for (const process of this.processes.values())
      for (const [tid, thread] of process.threads) threads.set(tid, thread);
    for (const [tid, rank] of effectiveRanks(processes, futexes)) threads.get(tid)!.rank = rank;
    for (const tid of ready) this.scheduler.add(threads.get(tid)!);
    for (const tid of blocked) this.scheduler.blocked.add(threads.get(tid)!);
    for (const thread of threads.values()) {
      if (thread.process.isStopped && !this.scheduler.blocked.has(thread)) this.scheduler.held.add(thread);
    }
    this.futexes = Futexes.restore(futexes, threads);
    this.lastId = lastId;
    this.greatestId = lastId;
    for (const pid of this.processes.keys()) if (pid > this.greatestId) this.greatestId = pid;
    for (const tid of threads.keys()) if (tid > this.greatestId) this.greatestId = tid;
  }

  /** A number for a new process or thread; both come from one space, as on Linux. Undefined if all are taken. */
  allocateId(): number | undefined {
    for (let tries = 0; tries < ID_MAX; tries++) {
      this.lastId = this.lastId >= ID_MAX ? INIT_PID + 1 : this.lastId + 1;
      if (this.lastId > this.greatestId) return (this.greatestId = this.lastId);
      if (!this.isIdUsed(this.lastId)) return this.lastId;
    }
    return undefined;
  }

  private isIdUsed(id: number): boolean {
    return this.processes.has(id as Pid) || this.threadOf(id) !== undefined;
  }

  /** Of any process. */
  threadOf(tid: number): Thread | undefined {
    for (const process of this.processes.values()) {
      const thread = process.threads.get(tid as Tid);
      if (thread !== undefined) return thread;
    }
    return undefined;
  }

  allocateInode(): number {
    return ++this.lastInode;
  }

  /** The first process of the machine. */
  get init(): Process {
    return this.processes.get(INIT_PID)!;
  }

  /** The machine has ended: gives back what it holds of the host. */
  close(): void {
    for (const process of this.processes.values()) process.fds.closeAll();
  }

  /** The whole kernel as plain data, but for the contents of its files: see capture(). */
  save(): KernelState {
    return this.capture().state;
  }

  /** WVM_SNAPSHOT_UNSUPPORTED if something cannot be saved. Changes nothing. */
  capture(): KernelCapture {
    this.refuseIfForbidden();
    const files = new FileRecords(this.grants, this.vfs);
    const fileIndex = (file: OpenFile): number => files.fileIndex(file);
    const processes = [...this.processes.values()].map((process) => process.save(fileIndex));
    const { grants, fileSystems, devices, detached, pipes, openFiles, filePages } = files;
    const unread = this.ports.streams.map((stream) => stream.unreadBytes?.() ?? NOTHING);
    const state: KernelState = {
      clock: this.clock.save(),
      random: this.random.save(),
      terminal: this.terminal.save(),
      grants,
      programs: [...this.programs.keys()],
      fileSystems,
      devices,
      detached,
      detachedPages: filePages[0]!.pageCount,
      pipes,
      openFiles,
      lastInode: this.lastInode,
      processes,
      locks: this.fileLocks.save(fileIndex, this.processes),
      futexes: this.futexes.save(),
      ready: this.scheduler.inOrder().map((thread) => thread.tid),
      blocked: Array.from(this.scheduler.blocked, (thread) => thread.tid),
      lastId: this.lastId,
      unread,
    };
    return { state, filePages };
  }

  /**
   * Contents of files of a restored kernel: whole pages from `firstPage` on, of what has this index in KernelCapture.filePages. Pages
   * that are never filled hold zeros. WVM_IMAGE_BAD_RECORD for a page that no file has.
   */
  fillFilePages(index: number, firstPage: number, bytes: Uint8Array): void {
    const pages = index === 0 ? this.vfs.detached.pages : this.vfs.fileSystems[index - 1]?.files.pages;
    for (let at = 0; at < bytes.length; at += FILE_PAGE_BYTES) {
      const page = firstPage + at / FILE_PAGE_BYTES;
      if (pages === undefined || !pages.isUsed(page)) badRecord(`file pages ${index}`, `page ${page} is of no file`);
      pages.write(page, bytes.subarray(at, at + FILE_PAGE_BYTES), 0);
    }
  }

  private refuseIfForbidden(): void {
    for (const { pid, args, forbidsSnapshot } of this.processes.values()) {
      if (forbidsSnapshot === '') continue;
      throw new WvmError(
        'WVM_SNAPSHOT_UNSUPPORTED',
        `process ${pid} (${args[0] ?? ''}) does not let itself be saved: ${forbidsSnapshot}`,
      );
    }
  }

  /**
   * A kernel in the saved state. Errors, before anything is changed: WVM_IMAGE_BAD_RECORD, WVM_CAPABILITY_MISSING (a grant or a
   * variable, by name), WVM_FILE_CHANGED.
   */
  static restore(ports: Ports, options: RestoreOptions, state: KernelState): Kernel {
    checkGrants(options.grants);
    Kernel.check(state, ports.streams.length);
    for (const process of state.processes) Process.checkEnvironment(process, options.env);
    requirePrograms(state.programs, options.programs ?? new Map());
    const clock = MachineClock.restore(ports.clock, state.clock);
    const { vfs, files, locks } = reopenFiles(ports, options, state, () => clock.realtimeNs());
    for (const [index, bytes] of state.unread.entries()) if (bytes.length > 0) ports.streams[index]!.preload?.(bytes);
    return new Kernel({ ...options, ports }, { state, clock, vfs, files, locks });
  }

  /** Checks a record that comes out of an image; WVM_IMAGE_BAD_RECORD. */
  static check(state: KernelState, streamCount: number): void {
    checkRecord(state, 'state');
    MachineClock.check(state.clock, 'clock');
    Random.check(state.random, 'random');
    Terminal.check(state.terminal, 'terminal');
    checkProgramNames(state.programs, 'programs');
    checkFileRecords(state, streamCount);
    const files = state.openFiles;
    const used = new Set<number>();
    const pids = new Set<number>();
    const processes = checkArray(state.processes, PROCESSES_MAX, 'processes');
    for (const [index, process] of processes.entries()) {
      const where = nameOf(process, index);
      Process.check(process, files.length, where);
      if (pids.has(process.pid)) badRecord(`${where}.pid`, `${process.pid} stands twice`);
      pids.add(process.pid);
      for (const { file } of process.fds) used.add(file);
    }
    for (const [index, bytes] of checkArray(state.unread, streamCount, 'unread').entries()) {
      if (!(bytes instanceof Uint8Array)) badRecord(`unread[${index}]`, 'no bytes');
      if (bytes.length > UNREAD_MAX) badRecord(`unread[${index}]`, `${bytes.length} bytes`);
    }
    if (!pids.has(INIT_PID)) badRecord('processes', 'no process 1');
    ProcessTree.check(processes, 'processes');
    Kernel.checkSchedule(state);
    checkFutexes(state.futexes, state.processes, 'futexes');
    const ranks = effectiveRanks(state.processes, state.futexes);
    checkRankOrder(state.ready, ranks, 'ready');
    for (const [index, { waiters }] of state.futexes.entries()) {
      const tids = waiters.map(({ tid }) => tid);
      checkRankOrder(tids, ranks, `futexes[${index}].waiters`);
    }
    FileLocks.check(state, 'locks');
    if (used.size !== files.length) badRecord('openFiles', `${files.length - used.size} that no descriptor refers to`);
  }

  /** Every thread is ready, waits in a call, or belongs to a stopped process. */
  private static checkSchedule(state: KernelState): void {
    const calls = new Map<number, boolean>();
    const held = new Set<number>();
    for (const { isStopped, threads } of state.processes) {
      for (const { tid, call } of threads) {
        if (calls.has(tid)) badRecord('processes', `tid ${tid} stands twice`);
        calls.set(tid, call !== null);
        if (isStopped) held.add(tid);
      }
    }
    const seen = new Set<number>();
    for (const list of ['ready', 'blocked'] as const) {
      for (const tid of checkArray(state[list], calls.size, list)) {
        checkInteger(tid, 1, ID_MAX, list);
        if (seen.has(tid) || !calls.has(tid)) badRecord(list, `${tid} is no thread, or stands twice`);
        if (list === 'ready' && held.has(tid)) badRecord(list, `${tid} belongs to a stopped process`);
        if (list === 'blocked' && calls.get(tid) === false) badRecord(list, `${tid} is in no call`);
        seen.add(tid);
      }
    }
    for (const tid of calls.keys()) if (!seen.has(tid) && !held.has(tid)) badRecord('ready', `${tid} is missing`);
    checkInteger(state.lastId, INIT_PID, ID_MAX, 'lastId');
  }

  private initialFds(): FdTable {
    const fds = new FdTable();
    for (const [number, port] of this.ports.streams.entries()) {
      const file = new StreamFile(number, port, 0, number === 0, number !== 0);
      fds.add(new FdEntry(file, streamRights(number, port.kind === 'null'), 0));
    }
    const { vfs } = this;
    const preopen = (root: HostNode, guestPath: string): void => {
      const file = new DirectoryFile(vfs, root, 0, true);
      fds.add(new FdEntry(file, DIRECTORY_RIGHTS, ALL_RIGHTS, guestPath));
    };
    const mounted = new Map(vfs.fileSystems.map((fileSystem) => [fileSystem.grant.guestPath, fileSystem]));
    for (const grant of this.grants) {
      const { guestPath } = grant;
      const fileSystem = mounted.get(guestPath);
      preopen(fileSystem === undefined ? vfs.grantRoot(grant) : vfs.fileSystemRoot(fileSystem), guestPath);
      mounted.delete(guestPath);
    }
    for (const [guestPath, fileSystem] of mounted) preopen(vfs.fileSystemRoot(fileSystem), guestPath);
    if (vfs.devices !== undefined) preopen(vfs.deviceRoot(vfs.devices), vfs.devices.grant.guestPath);
    return fds;
  }
}

/** For messages: by pid, as far as the record has one. */
function nameOf(process: ProcessState | null, index: number): string {
  const pid: unknown = process?.pid;
  return Number.isInteger(pid) ? `process ${pid}` : `processes[${index}]`;
}

function streamRights(number: number, isNull: boolean): number {
  const { common, input, output, seek } = STREAM_RIGHTS;
  // isatty() takes a character device that cannot seek for a terminal.
  return common | (number === 0 ? input : output) | (isNull ? seek : 0);
}

/** Overlays in the order of their grants, then those that begin empty. */
function makeFileSystems(
  { files }: Ports,
  grants: readonly Grant[],
  tmpfs: readonly TmpfsOptions[],
  nowNs: () => bigint,
): FileSystem[] {
  const wanted = grants.flatMap(({ guestPath, handle, overlay }) =>
    overlay === undefined ? [] : [{ guestPath, maxBytes: overlay.maxBytes, lower: { files, root: handle } }],
  );
  return [...wanted, ...tmpfs].map((options, index) => FileSystem.create(options, index, nowNs));
}

function checkGrants(grants: readonly { readonly guestPath: string }[]): void {
  const seen = new Set<string>();
  for (const { guestPath } of grants) {
    if (guestPath.includes('\0')) throw new WvmError('WVM_USAGE', 'directory: a guest path holds a NUL character');
    if (seen.has(guestPath)) throw new WvmError('WVM_USAGE', `directory: guest path ${guestPath} is given twice`);
    seen.add(guestPath);
  }
}
