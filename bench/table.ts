// The figures as a table for people and as JSON for tools.

import { type Measurement, verdict } from './figure.ts';

/** The table: figures with a bound first, one line each, then what is only for information. */
export function formatTable(measurements: readonly Measurement[]): string {
  const bounded = measurements.filter((measurement) => measurement.must !== null);
  const informative = measurements.filter((measurement) => measurement.must === null);
  const header = ['figure', 'value', 'min … max', 'must', 'goal', 'verdict'];
  const blocks = [formatRows([header, ...bounded.map(row)])];
  if (informative.length > 0)
    blocks.push('For information:', formatRows(informative.map((entry) => row(entry).slice(0, 3))));
  const notes = measurements.filter((measurement) => measurement.note !== '');
  if (notes.length > 0) blocks.push(['How:', ...notes.map((entry) => `  ${entry.id}: ${entry.note}`)].join('\n'));
  return blocks.join('\n\n');
}

/** The stable JSON form: id, value, unit, must, goal, better, and the spread. */
export function formatJson(measurements: readonly Measurement[]): string {
  const rows = measurements.map(({ id, value, unit, must, goal, better, spread }) => ({
    id,
    value: round(value),
    unit,
    must,
    goal,
    better,
    min: spread === null ? null : round(spread[0]),
    max: spread === null ? null : round(spread[1]),
  }));
  return `[\n${rows.map((entry) => `  ${JSON.stringify(entry)}`).join(',\n')}\n]\n`;
}

function row(measurement: Measurement): string[] {
  const { what, id, value, unit, spread, must, goal } = measurement;
  return [
    `${id}  ${what}`,
    withUnit(value, unit),
    spread === null ? '' : `${format(spread[0])} … ${format(spread[1])}`,
    must === null ? '' : withUnit(must, unit),
    goal === null ? '' : withUnit(goal, unit),
    verdict(measurement),
  ];
}

function formatRows(rows: readonly string[][]): string {
  const widths: number[] = [];
  for (const cells of rows) {
    for (const [index, cell] of cells.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows
    .map((cells) =>
      cells
        .map((cell, index) => pad(cell, widths[index]!, index))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function pad(cell: string, width: number, index: number): string {
  // Names and verdicts to the left, numbers to the right.
  return index === 0 || index === 5 ? cell.padEnd(width) : cell.padStart(width);
}

function withUnit(value: number, unit: string): string {
  return unit === 'ratio' ? format(value) : `${format(value)} ${unit}`;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(value >= 0.1 ? 2 : 3);
}

/** Four significant digits: more would be noise. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
