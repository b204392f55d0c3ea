// Parts of Node that take milliseconds to load and that many a run never needs, loaded when they are first used.
// Milliseconds in a fresh worker: node:crypto 9, node:fs/promises 3, node:net and node:tty 2.

export const lateCrypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');
export const lateNet = (): typeof import('node:net') => process.getBuiltinModule('node:net');
export const lateTty = (): typeof import('node:tty') => process.getBuiltinModule('node:tty');
