// The guest's linear memory as the kernel sees it. The engine implements it over a host-owned memory and
// refreshes the views when the memory grows; the kernel never keeps a view across a call that may run the guest.

export interface GuestMemory {
  /** All bytes, at their current size. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
}
