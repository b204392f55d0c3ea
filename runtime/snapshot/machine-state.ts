// The whole machine as plain data: what an image holds, apart from the contents of the memories, which
// travel beside it as pages. The machine layer makes it when all guest threads stand still, and builds a
// machine from it at resume. FORMAT.md says how each part lies in the file.
//
// - processes[0] is the root of the tree; the others follow by ascending pid. Processes that have ended and whose parents have
//   not asked for it are in the kernel's record alone.
// - threads of a process follow each other by ascending tid; modules by ascending hash.
// - `kernel` belongs to the kernel alone: its restore() validates what is in it.

import type { InstanceState, ThreadState } from '../engine/state.ts';

export interface FeatureSets {
  /** What the machine has used so far; resume needs all of these. Sorted. */
  readonly used: readonly string[];
  /** What it could have used, `used` included; a strict resume needs all of these. Sorted. */
  readonly available: readonly string[];
}

export interface ModuleState {
  /** SHA-256 of the original module, hex. */
  readonly hash: string;
  readonly name: string;
  /** The original module, or null if the image names it by hash only. */
  readonly bytes: Uint8Array | null;
}

export interface ProcessState {
  readonly pid: number;
  /** Null for the root. */
  readonly parentPid: number | null;
  /** Of its program; for people who look at the tree. */
  readonly name: string;
  /** What is special about the policies, priorities and nice values of its threads, or ''; for the same people. */
  readonly scheduling: string;
  readonly instance: InstanceState;
  readonly threads: readonly ThreadState[];
}

export interface MachineState {
  /** The program that wrote the image, e.g. "wvm 0.1.0". Informational. */
  readonly producer: string;
  readonly features: FeatureSets;
  readonly name: string;
  readonly fuelUsed: bigint;
  readonly modules: readonly ModuleState[];
  readonly kernel: unknown;
  readonly processes: readonly ProcessState[];
}
