// TREE, the second record: the process tree, readable without anything that follows. How many MODULE, INSTANCE and
// THREAD records follow is said here.
//
//   module count u32 · process count u32 · for each process:
//     pid u32 · parent pid u32, 0 for the root · name text · scheduling text · thread count u32 · tid u32 each

import type { RecordReader } from './record-reader.ts';
import type { RecordWriter } from './record-writer.ts';

export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number | null;
  /** Of its program, as its argv[0] has it. For people. */
  readonly name: string;
  /** As "nice 5" or "FIFO 50, nice 5", '' if nothing is special about any of its threads. For people. */
  readonly scheduling: string;
  readonly tids: readonly number[];
}

export interface TreeRecord {
  readonly moduleCount: number;
  readonly processes: readonly ProcessEntry[];
}

export function encodeTreeRecord(out: RecordWriter, tree: TreeRecord): void {
  out.u32(tree.moduleCount);
  out.u32(tree.processes.length);
  for (const { pid, parentPid, name, scheduling, tids } of tree.processes) {
    out.u32(pid);
    out.u32(parentPid ?? 0);
    out.text(name);
    out.text(scheduling);
    out.u32(tids.length);
    for (const tid of tids) out.u32(tid);
  }
}

export function decodeTreeRecord(from: RecordReader): TreeRecord {
  const moduleCount = from.u32();
  const processCount = from.count('processes', 20);
  const processes: ProcessEntry[] = [];
  for (let i = 0; i < processCount; i++) {
    const pid = from.u32();
    const parentPid = from.u32();
    const name = from.text('name of a process');
    const scheduling = from.text('scheduling of a process');
    const threadCount = from.count('threads', 4);
    const tids: number[] = [];
    for (let t = 0; t < threadCount; t++) tids.push(from.u32());
    processes.push({ pid, parentPid: parentPid === 0 ? null : parentPid, name, scheduling, tids });
  }
  from.end();
  return { moduleCount, processes };
}
