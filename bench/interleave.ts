// Interleaved samples: A B C A B C …, so that a slow minute of the machine falls on all variants alike. Each variant
// times itself and returns its milliseconds, so preparation and clean-up do not count.

/** Runs once, returns the milliseconds that count. */
export type Variant = () => number | Promise<number>;

export interface InterleaveOptions {
  /** Rounds whose times are thrown away: caches fill, V8 tiers up. */
  readonly warmups: number;
  readonly rounds: number;
}

/** Every variant's samples, in order; `samples.a[i]` and `samples.b[i]` are neighbours in time. */
export async function interleave<Name extends string>(
  variants: Readonly<Record<Name, Variant>>,
  options: InterleaveOptions,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(variants) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -options.warmups; round < options.rounds; round++) {
    for (const name of names) {
      // Garbage of one variant must not be collected on another's time (areas run with --expose-gc).
      globalThis.gc?.();
      const elapsedMs = await variants[name]();
      if (round >= 0) samples[name].push(elapsedMs);
    }
  }
  return samples;
}

/** Milliseconds that `body` takes. */
export async function timeMs(body: () => unknown): Promise<number> {
  const startMs = performance.now();
  await body();
  return performance.now() - startMs;
}
