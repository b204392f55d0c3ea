// How the tests are run.

export const MODES = ['plain', 'straight', 'snapshot-everywhere'] as const;
/**
 * - `plain`: V8 and node:wasi as they are, without wvm; checks the harness.
 * - `straight`: by wvm, undisturbed.
 * - `snapshot-everywhere`: by wvm, stopped, captured and resumed at every poll and every host call.
 */
export type Mode = (typeof MODES)[number];
