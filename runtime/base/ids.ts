// Branded identities: a Pid cannot be passed where a Tid is expected. Both are plain numbers at run time.

declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** Virtual process id, the same in every resumed copy. */
export type Pid = Branded<'Pid'>;
/** Virtual thread id; the main thread's equals its process's pid. */
export type Tid = Branded<'Tid'>;
