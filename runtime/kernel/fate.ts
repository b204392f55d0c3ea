// What becomes of each field of a kernel object when the machine is saved. Every class of kernel objects has a static
// table `fates`; fates.test.ts fails when an instance has a field that its table does not name, or the reverse.

/**
 * - saved: stands in the object's state record;
 * - derived: rebuilt by restore() from what is saved;
 * - host: belongs to this host process and is given anew to a resumed machine.
 */
type Fate = 'saved' | 'derived' | 'host';

export type FateTable = Readonly<Record<string, Fate>>;
