// One line on a terminal's stderr for work that takes more than a second. Nothing anywhere else.

import { formatSize } from './quantities.ts';

const firstShownMs = 1000;
const intervalMs = 100;

export class Progress {
  readonly #isTerminal: boolean = process.stderr.isTTY === true;
  #nextMs: number = Date.now() + firstShownMs;
  #isShown = false;

  show(doneBytes: number, totalBytes: number): void {
    const nowMs = Date.now();
    if (!this.#isTerminal || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + intervalMs;
    this.#isShown = true;
    const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
    process.stderr.write(`\r\x1b[K${formatSize(doneBytes)} of ${formatSize(totalBytes)} (${percent} %)`);
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K');
    this.#isShown = false;
  }
}
