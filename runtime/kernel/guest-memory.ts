// The guest's linear memory as the kernel sees it. The engine implements it over a host-owned memory and
// refreshes the views when the memory grows; the kernel never keeps a view across a call that may run the guest.

/** Where it is noted which pages of a memory may have been written, for a guest whose stores do that too. */
export interface WriteMarks {
  /** Something may have been written in this range, or will be before the call in progress has ended. */
  add(addr: number, sizeBytes: number): void;
}

export interface GuestMemory {
  /** All bytes, at their current size. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /**
   * Every write is told here. checkRange() and the stores of guest-access.ts do that: a range that a call names counts as
   * written, whether it is or not.
   */
  readonly marks?: WriteMarks | undefined;
}
