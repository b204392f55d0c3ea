// Branch hints: "the fuel is used up" hardly ever happens. Without the hint the compiler takes the poll for an ordinary
// part of the loop and keeps the loop's values in memory for its sake; with it they stay in registers.
//
//   custom section "metadata.code.branch_hint", before the code section:
//   count, then per function: function index, count, then per branch: offset in the code entry, 1, 0 (unlikely)

import { ByteWriter } from '../base/bytes.ts';

const SECTION_BRANCH_HINTS = 'metadata.code.branch_hint';
const UNLIKELY = 0;

export class BranchHints {
  readonly #entries: ByteWriter = new ByteWriter(1 << 10);
  #count = 0;

  /** `unlikely`: offsets of `if` instructions in the code entry of the function, ascending. */
  add(functionIndex: number, unlikely: readonly number[]): void {
    if (unlikely.length === 0) return;
    this.#count++;
    this.#entries.u32(functionIndex);
    this.#entries.u32(unlikely.length);
    for (const offset of unlikely) {
      this.#entries.u32(offset);
      this.#entries.u32(1);
      this.#entries.u8(UNLIKELY);
    }
  }

  /** Writes the section, if there is anything to say. */
  write(w: ByteWriter): void {
    if (this.#count === 0) return;
    w.section(0, (s) => {
      s.name(SECTION_BRANCH_HINTS);
      s.u32(this.#count);
      s.bytes(this.#entries.toBytes());
    });
  }
}
