// What the engine asks and tells whoever runs a machine.

import type { WvmError } from '../base/wvm-error.ts';
import type { Blocked, ProgramFile } from '../kernel/blocked.ts';
import type { Process } from '../kernel/process.ts';
import type { CompiledModule } from './compile.ts';
import type { GuestProcess } from './guest-process.ts';
import type { CallTrace } from './guest-program.ts';

export interface MachineHooks {
  /** Asked at every poll; true unwinds the stack and ends the step. */
  wantsYield(): boolean;
  /**
   * Asked now and then between polls, by guests that make host calls or take turns instead of computing: true if wantsYield() has
   * not been asked for a while.
   */
  readonly isDue?: () => boolean;
  /** Asked before every host call; true stops the thread before the call is made. */
  readonly stopsBeforeCall?: (process: Process, name: string) => boolean;
  /** Told of every finished or parked host call. */
  readonly trace?: CallTrace;
  /** A module that cannot be captured waits here, without unwinding; false if it cannot wait for that. */
  waitInPlace(blocked: Blocked): boolean;
  /** Compiles a program for exec and spawn. Throws WvmError. */
  loadProgram(program: ProgramFile): CompiledModule;
  /** A process other than the first has trapped. */
  processTrapped(process: GuestProcess, error: Error): void;
  /** A process other than the first has ended, however that came. */
  processEnded(process: Process): void;
  /** A program could not be started. */
  programFailed(process: Process, program: ProgramFile, error: WvmError): void;
  /** Asked when a process has ended: nobody looks at its memories any more. */
  mayReuseMemories(): boolean;
  /** Memories of a process that has ended, if mayReuseMemories(). */
  memoriesFree(memories: readonly WebAssembly.Memory[]): void;
}
