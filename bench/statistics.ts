// Medians, geometric means and ratios of samples. Medians, because one sample in a busy minute must not decide.

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median of no samples');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function geomean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('geometric mean of no values');
  let logSum = 0;
  for (const value of values) logSum += Math.log(value);
  return Math.exp(logSum / values.length);
}

export function spreadOf(values: readonly number[]): readonly [min: number, max: number] {
  return [Math.min(...values), Math.max(...values)];
}

export interface Ratio {
  /** Median of `a` over median of `b`. */
  readonly value: number;
  /** Smallest and largest ratio of samples taken one after the other. */
  readonly spread: readonly [min: number, max: number];
}

/** Ratio of two interleaved series: `a[i]` and `b[i]` were measured next to each other. */
export function ratio(a: readonly number[], b: readonly number[]): Ratio {
  const pairs = a.slice(0, b.length).map((value, index) => value / b[index]!);
  return { value: median(a) / median(b), spread: spreadOf(pairs) };
}
