// The public API of wvm.

export { WvmError, type WvmErrorCode } from './base/wvm-error.ts';
export {
  type BacktraceFrame,
  type DirectoryGrant,
  Machine,
  type MachineExit,
  type MachineOptions,
  type MachineStats,
  type ResumeOptions,
  type SnapshotResult,
  type StdinOption,
  type StdoutOption,
} from './host/machine.ts';
