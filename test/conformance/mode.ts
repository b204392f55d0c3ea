// How the tests are run.

export const MODES = ['plain', 'straight', 'marked', 'snapshot-everywhere'] as const;
/**
 * - `plain`: V8 and node:wasi as they are, without wvm; checks the harness.
 * - `straight`: by wvm, undisturbed.
 * - `marked`: by wvm, undisturbed, in a guest that marks the pages that it writes.
 * - `snapshot-everywhere`: by wvm, stopped, captured and resumed at every poll and every host call.
 */
export type Mode = (typeof MODES)[number];
