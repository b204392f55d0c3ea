// Counts verdicts against the list of known failures and says what came out: a progress line while it runs, the
// failures one by one, a table, and everything as JSON.
import { writeFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { type ExpectedFailure, findExpectedFailure } from './expected-failures.ts';
import type { Mode } from './mode.ts';
import type { Verdict } from './verdict.ts';

interface Row {
  readonly suite: ExpectedFailure['suite'];
  readonly mode: Mode;
  readonly group: string;
  files: number;
  passed: number;
  failed: number;
  /** Failed as listed in expected-failures.ts. */
  expected: number;
  skipped: number;
}

interface Finding {
  readonly suite: string;
  readonly mode: Mode;
  readonly file: string;
  readonly line: number;
  readonly kind: string;
  readonly detail: string;
}

/** One broken module fails everything after it; the first few lines of a file tell enough. */
const FINDINGS_SHOWN_PER_FILE = 5;

export class Report {
  readonly #rows = new Map<string, Row>();
  readonly #failures: Finding[] = [];
  readonly #expected: (Finding & { readonly reason: string })[] = [];
  readonly #skipped: Finding[] = [];
  readonly #counters: Record<string, Readonly<Record<string, number>>> = {};
  /** Where progress and text go: stderr while stdout carries JSON. */
  readonly #out: NodeJS.WriteStream;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  add(suite: ExpectedFailure['suite'], mode: Mode, group: string, file: string, verdicts: readonly Verdict[]): void {
    const row = this.#row(suite, mode, group);
    row.files++;
    let shown = 0;
    for (const verdict of verdicts) {
      const known = findExpectedFailure(suite, mode, file, verdict);
      const { line, kind } = verdict;
      const finding: Finding = { suite, mode, file, line, kind, detail: verdict.detail };
      if (verdict.status === 'skip') {
        row.skipped++;
        this.#skipped.push(finding);
      } else if (verdict.status === 'pass' && known === undefined) row.passed++;
      else if (verdict.status === 'fail' && known !== undefined) {
        row.expected++;
        this.#expected.push({ ...finding, reason: known.reason });
      } else {
        row.failed++;
        const detail = known === undefined ? verdict.detail : `passes, but expected-failures.ts says: ${known.reason}`;
        this.#failures.push({ ...finding, detail });
        if (++shown <= FINDINGS_SHOWN_PER_FILE)
          this.#print(`${styleText('red', 'FAIL')} ${describe({ ...finding, detail })}`);
      }
    }
    if (shown > FINDINGS_SHOWN_PER_FILE) this.#print(`     … and ${shown - FINDINGS_SHOWN_PER_FILE} more in ${file}`);
    this.#progress(`${suite} ${mode}: ${file}`);
  }

  addCounters(name: string, counters: Readonly<Record<string, number>>): void {
    if (Object.keys(counters).length > 0) this.#counters[name] = { ...counters };
  }

  get failureCount(): number {
    return this.#failures.length;
  }

  printTable(): void {
    this.#progress('');
    const cells = [['suite', 'mode', 'group', 'files', 'passed', 'failed', 'expected', 'skipped']];
    let last = '';
    for (const row of [...this.#rows.values(), ...this.#totals()]) {
      const { suite, mode, group, files, passed, failed, expected, skipped } = row;
      const same = last === `${suite} ${mode}`;
      last = `${suite} ${mode}`;
      cells.push([
        same ? '' : suite,
        same ? '' : mode,
        group,
        ...[files, passed, failed, expected, skipped].map(String),
      ]);
    }
    const widths = cells[0]!.map((_, k) => Math.max(...cells.map((line) => line[k]!.length)));
    for (const line of cells) {
      const text = line.map((cell, k) => (k < 3 ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join('  ');
      this.#print(line[2] === 'all' ? styleText('bold', text) : text);
    }
    for (const [name, counters] of Object.entries(this.#counters)) {
      this.#print(
        `${name}: ${Object.entries(counters)
          .map(([key, count]) => `${count} ${key}`)
          .join(', ')}`,
      );
    }
    const reasons = Map.groupBy(this.#expected, (finding) => finding.reason);
    for (const [reason, findings] of reasons) this.#print(`expected: ${findings.length} × ${reason}`);
    const skips = Map.groupBy(this.#skipped, (finding) => finding.detail);
    for (const [detail, findings] of skips) this.#print(`skipped: ${findings.length} × ${detail}`);
  }

  writeJson(path: string): void {
    const rows = [...this.#rows.values(), ...this.#totals()];
    const text = `${JSON.stringify({ rows, ...this.#findings() }, null, 2)}\n`;
    if (path === '-') process.stdout.write(text);
    else writeFileSync(path, text);
  }

  #findings() {
    return { counters: this.#counters, failures: this.#failures, expected: this.#expected, skipped: this.#skipped };
  }

  #row(suite: Row['suite'], mode: Mode, group: string): Row {
    const key = `${suite} ${mode} ${group}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { suite, mode, group, files: 0, passed: 0, failed: 0, expected: 0, skipped: 0 };
      this.#rows.set(key, row);
    }
    return row;
  }

  #totals(): Row[] {
    const totals = new Map<string, Row>();
    for (const row of this.#rows.values()) {
      const key = `${row.suite} ${row.mode}`;
      const total = totals.get(key) ?? {
        ...row,
        group: 'all',
        files: 0,
        passed: 0,
        failed: 0,
        expected: 0,
        skipped: 0,
      };
      for (const field of ['files', 'passed', 'failed', 'expected', 'skipped'] as const) total[field] += row[field];
      totals.set(key, total);
    }
    return [...totals.values()];
  }

  #print(line: string): void {
    this.#out.write(this.#out.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`);
  }

  #progress(text: string): void {
    if (this.#out.isTTY) this.#out.write(`\r\x1b[K${text.slice(0, this.#out.columns - 1)}`);
  }
}

function describe({ mode, file, line, kind, detail }: Finding): string {
  return `${file}${line > 0 ? `:${line} ${kind}` : ''} (${mode}): ${detail.slice(0, 300)}`;
}
