// What becomes of a trial run (trial.ts). Both of its threads share the first element: whoever changes it from `running` has
// decided, once and for all.

export const TrialVerdict = { running: 0, kept: 1, dropped: 2 } as const;

/** Decides about the trial; false if somebody has done so before. */
export function decide(verdict: Int32Array, what: 1 | 2): boolean {
  return Atomics.compareExchange(verdict, 0, TrialVerdict.running, what) === TrialVerdict.running;
}
