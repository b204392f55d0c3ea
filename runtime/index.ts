// The public API of wvm.

export { WvmError, type WvmErrorCode } from './base/wvm-error.ts';
// Machines as citizens of their host: listed, reachable from other processes, saved to files.
export { ControlClient, type RemoteImage } from './host/control-client.ts';
export type { MachineInfo } from './host/control-protocol.ts';
export { type WriteImageOptions, writeImageFile, writeStream } from './host/image-file.ts';
export { type NumberedImage, writeNumberedImage } from './host/image-series.ts';
export { type InspectImageOptions, inspectImage } from './host/inspect-image.ts';
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
export {
  MachineThread,
  type ThreadHooks,
  type ThreadMachineOptions,
  type ThreadResumeOptions,
} from './host/machine-thread.ts';
export { clearModuleCache, describeModuleCache, type ModuleCacheContent } from './host/module-cache-content.ts';
export { type PreparedProgram, prepareProgram } from './host/prepare-program.ts';
export { readModule } from './host/read-module.ts';
export { connectMachine, describeMachines, killMachine } from './host/remote-machine.ts';
export { exitCodeOfSignal, parseSignal, parseSnapshotEvents, type SignalName, stopSignals } from './host/signals.ts';
export {
  type MachineOutcome,
  type SavedSnapshot,
  type SupervisedMachine,
  type SuperviseOptions,
  Supervisor,
} from './host/supervise.ts';
export type { FdDescription } from './snapshot/describe-kernel.ts';
export type {
  FrameDescription,
  ImageDescription,
  MemoryDescription,
  NamedValue,
  ProcessDescription,
  ThreadDescription,
} from './snapshot/inspect.ts';
