// Host failures: what went wrong outside the guest (a bad image, a missing file, a refused option).
// Every one has a stable code that embedders switch on; the message says "place: what, with numbers"
// and `hint` says what to do.

export type WvmErrorCode =
  // options and files
  | 'WVM_USAGE'
  | 'WVM_FILE'
  | 'WVM_CAPABILITY_MISSING'
  | 'WVM_NO_SUCH_MACHINE'
  | 'WVM_LIMIT'
  | 'WVM_INTERRUPTED'
  | 'WVM_NAME_TAKEN'
  | 'WVM_CONTROL'
  // modules
  | 'WVM_MODULE_INVALID'
  | 'WVM_MODULE_UNSUPPORTED'
  | 'WVM_MODULE_MISSING'
  | 'WVM_IMPORT_UNKNOWN'
  // snapshots
  | 'WVM_SNAPSHOT_UNSUPPORTED'
  | 'WVM_SNAPSHOT_FAILED'
  // images
  | 'WVM_IMAGE_BAD_MAGIC'
  | 'WVM_IMAGE_BAD_VERSION'
  | 'WVM_IMAGE_TRUNCATED'
  | 'WVM_IMAGE_CORRUPT'
  | 'WVM_IMAGE_BAD_RECORD'
  | 'WVM_IMAGE_LIMIT'
  | 'WVM_IMAGE_BAD_FRAME'
  | 'WVM_IMAGE_FEATURE'
  | 'WVM_FILE_CHANGED'
  | 'WVM_KEY'
  | 'WVM_IMAGE_SIGNATURE'
  // the store
  | 'WVM_STORE_CORRUPT'
  | 'WVM_STORE_VERSION'
  | 'WVM_STORE_BUSY'
  | 'WVM_NO_SUCH_SNAPSHOT';

/** A failure of the host side, with a stable `code`. */
export class WvmError extends Error {
  readonly code: WvmErrorCode;
  /** What the user can do about it, if there is something to do. */
  readonly hint: string | undefined;

  constructor(code: WvmErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'WvmError';
    this.code = code;
    this.hint = options.hint;
  }
}
