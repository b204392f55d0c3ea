// The public API of wvm.

export { WvmError, type WvmErrorCode } from './base/wvm-error.ts';
export type { BacktraceFrame } from './engine/backtrace.ts';
// Machines as citizens of their host: listed, reachable from other processes, saved to files.
export { ControlClient, type RemoteImage } from './host/control/control-client.ts';
export type { MachineInfo, StoredSnapshotInfo } from './host/control/control-protocol.ts';
export { newMachineId } from './host/control/registry.ts';
export { connectMachine, describeMachines, killMachine } from './host/control/remote-machine.ts';
export { type WriteImageOptions, writeImageFile, writeStream } from './host/images/image-file.ts';
export { type NumberedImage, writeNumberedImage } from './host/images/image-series.ts';
export { type InspectImageOptions, inspectImage, inspectTree } from './host/images/inspect-image.ts';
export type { MachineChanges } from './host/machine/change-tracker.ts';
export { Machine } from './host/machine/machine.ts';
export type {
  DirectoryGrant,
  MachineOptions,
  ResumeFromStoreOptions,
  ResumeOptions,
  SnapshotOrigin,
  StdinOption,
  StdoutOption,
  TmpfsGrant,
} from './host/machine/machine-options.ts';
export type { MachineExit, MachineStats, ProcessEnd, ProcessInfo, ProcessTrap } from './host/machine/machine-status.ts';
export type { SnapshotResult } from './host/machine/snapshot-machine.ts';
export { type FoundProgram, findProgram } from './host/programs/find-program.ts';
export {
  clearModuleCache,
  describeModuleCache,
  type ModuleCacheContent,
} from './host/programs/module-cache-content.ts';
export { readModule } from './host/programs/read-module.ts';
export { tryProgram } from './host/programs/try-program.ts';
export { readSecretKey, readSigningKey, readVerifyKey } from './host/seal/keys.ts';
export { type SealKeys, seal } from './host/seal/seal.ts';
export type { StoreKeys } from './host/seal/sealed-files.ts';
export { openImageFile } from './host/seal/sealed-image.ts';
export { type UnsealKeys, unseal } from './host/seal/unseal.ts';
export { exitCodeOfSignal, parseSignal, parseSnapshotEvents, type SignalName, stopSignals } from './host/signals.ts';
export { findSnapshot, type SnapshotMoment } from './host/store/find-snapshot.ts';
export type { OwnStore } from './host/store/machine-history.ts';
export {
  MachineSaver,
  type SavableMachine,
  type SaveOptions,
  type SaverOptions,
  type StoredSave,
  saveMachine,
} from './host/store/machine-saver.ts';
export { defaultStoreDirectory, type OpenStoreOptions, openStore, openStoreAt } from './host/store/open-store.ts';
export { isReleasing, releaseRecordOf } from './host/streams/release-record.ts';
export {
  type MachineOutcome,
  type SavedSnapshot,
  type SupervisedMachine,
  type SuperviseOptions,
  Supervisor,
} from './host/supervise.ts';
export {
  MachineThread,
  type StoredMachine,
  type ThreadHooks,
  type ThreadMachineOptions,
  type ThreadResumeOptions,
} from './host/thread/machine-thread.ts';
export type { FdDescription } from './snapshot/describe-kernel.ts';
export type {
  FrameDescription,
  ImageDescription,
  MemoryDescription,
  NamedValue,
  ProcessDescription,
  ThreadDescription,
  TreeDescription,
} from './snapshot/inspect.ts';
export type { CollectResult, KeepPolicy } from './snapshot/store/collect.ts';
export type { CommitResult } from './snapshot/store/commit.ts';
export type { StateDifference } from './snapshot/store/compare.ts';
export type { Manifest, SnapshotId } from './snapshot/store/manifest.ts';
export type { MemoryDifference, Store, StoredSnapshot } from './snapshot/store/store.ts';
export type { TransferResult } from './snapshot/store/transfer.ts';
export type { StoreProblem, VerifyResult } from './snapshot/store/verify.ts';
