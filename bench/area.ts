// An area of the benchmark: some figures that are measured together, in a process of their own (so that heap, compiled
// code and V8 flags of one area cannot touch another's).

import type { Figure, Measurement } from './figure.ts';

export interface Area {
  readonly name: string;
  readonly figures: readonly Figure[];
  /** V8 flags of the area's process: the mode the figures are measured in. */
  readonly nodeFlags?: readonly string[];
  measure(bench: Bench): Promise<void>;
}

/** What the harness offers an area. */
export interface Bench {
  /** Fewer samples: to see that everything works, not to quote. */
  readonly quick: boolean;
  /** `normal`, or fewer with --quick. */
  rounds(normal: number): number;
  /** Hands in a declared figure. */
  report(id: string, value: number, details?: { spread?: Measurement['spread']; note?: string }): void;
  /** Hands in a figure for information (one program of a set), which has no bound of its own. */
  inform(
    id: string,
    what: string,
    unit: Figure['unit'],
    value: number,
    details?: { spread?: Measurement['spread'] },
  ): void;
  /** A line of progress, for the reader at the terminal. */
  progress(line: string): void;
}

export type AreaMessage =
  | { readonly kind: 'measurement'; readonly measurement: Measurement }
  | { readonly kind: 'progress'; readonly line: string };

/** A bench that hands everything to `send`; refuses figures the area did not declare. */
export function benchFor(area: Area, quick: boolean, send: (message: AreaMessage) => void): Bench {
  const declared = new Map(area.figures.map((figure) => [figure.id, figure]));
  const hand = (figure: Figure, value: number, details: { spread?: Measurement['spread']; note?: string }): void => {
    if (!Number.isFinite(value)) throw new RangeError(`${figure.id}: measured ${value}`);
    const { spread = null, note = '' } = details;
    send({ kind: 'measurement', measurement: { ...figure, value, spread, note } });
  };
  return {
    quick,
    rounds: (normal) => (quick ? Math.min(normal, 3) : normal),
    report(id, value, details = {}) {
      const figure = declared.get(id);
      if (figure === undefined) throw new Error(`area ${area.name} has no figure ${id}`);
      hand(figure, value, details);
    },
    inform(id, what, unit, value, details = {}) {
      hand({ id, what, unit, must: null, goal: null, better: 'lower' }, value, details);
    },
    progress: (line) => send({ kind: 'progress', line }),
  };
}
