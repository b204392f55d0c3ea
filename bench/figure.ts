// A figure: one number of `npm run bench`, with the bound it must keep and the goal it should reach. Ids never
// change once published: other tools follow them over time.

export type Unit = 'ratio' | 'us' | 'ms' | 's' | 'MiB';

/** What is measured and how good it has to be; an area declares its figures before it measures anything. */
export interface Figure {
  readonly id: string;
  readonly what: string;
  readonly unit: Unit;
  /** null: for information, without a bound. */
  readonly must: number | null;
  readonly goal: number | null;
  readonly better: 'lower' | 'higher';
}

/** A measured figure. */
export interface Measurement extends Figure {
  readonly value: number;
  /** Smallest and largest of what `value` is the median or mean of; null when it is one number (a size). */
  readonly spread: readonly [min: number, max: number] | null;
  /** How it was measured, where the number alone would mislead: mode, counts, the peer's figure. */
  readonly note: string;
}

export type Verdict = 'goal' | 'ok' | 'MISSED' | '';

/** `goal` reached, `ok` within the must, `MISSED`, or nothing for a figure without a bound. */
export function verdict(measurement: Measurement): Verdict {
  const reaches = (bound: number): boolean =>
    measurement.better === 'lower' ? measurement.value <= bound : measurement.value >= bound;
  if (measurement.goal !== null && reaches(measurement.goal)) return 'goal';
  if (measurement.must === null) return '';
  return reaches(measurement.must) ? 'ok' : 'MISSED';
}

/** A figure where less is better; the common case. */
export function lower(id: string, what: string, unit: Unit, must: number | null, goal: number | null): Figure {
  return { id, what, unit, must, goal, better: 'lower' };
}
