// Branded identities: a Pid cannot be passed where a Fd is expected. All are plain numbers at run time.

declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** Virtual process id, the same in every resumed copy. */
export type Pid = Branded<'Pid'>;
/** Virtual thread id; the main thread's equals its process's pid. */
export type Tid = Branded<'Tid'>;
/** Guest file descriptor number. */
export type Fd = Branded<'Fd'>;
/** Guest address: an integer in the guest's linear memory, never a host pointer. */
export type GuestAddr = Branded<'GuestAddr'>;
