// One line on a terminal's stderr for work that takes more than a second. Nothing anywhere else.

import { formatSize } from './quantities.ts';
import { isTerminal, stderrFd, writeText } from './terminal.ts';

const firstShownMs = 1000;
const intervalMs = 100;

export class Progress {
  readonly #isTerminal: boolean = isTerminal(stderrFd);
  #nextMs: number = Date.now() + firstShownMs;
  #isShown = false;

  readonly show = (done: number, total: number, unit: 'bytes' | 'chunks' | 'snapshots' = 'bytes'): void => {
    const nowMs = Date.now();
    if (!this.#isTerminal || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + intervalMs;
    this.#isShown = true;
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    const count = unit === 'bytes' ? `${formatSize(done)} of ${formatSize(total)}` : `${done} of ${total} ${unit}`;
    writeText(stderrFd, `\r\x1b[K${count} (${percent} %)`);
  };

  readonly clear = (): void => {
    if (this.#isShown) writeText(stderrFd, '\r\x1b[K');
    this.#isShown = false;
  };
}
