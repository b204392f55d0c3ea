// The memory of a forked process: a copy of its parent's, of which only what is not zero is touched. A page that was never touched
// costs the host nothing, and a page fault as much as copying five pages.

import type { WasmPageScanner } from './page-scanner.ts';

const PAGE_BYTES = 4096;
/** To look for what is in it takes longer than to copy a memory of this size. */
const COPIED_WHOLE_BYTES: number = 2 << 20;

/** `isUsed`: `to`, which is as large, holds something; else zeros. */
export function copyMemory(
  from: WebAssembly.Memory,
  to: WebAssembly.Memory,
  isUsed: boolean,
  scanner: WasmPageScanner | undefined,
): void {
  const bytes = new Uint8Array(from.buffer);
  const target = new Uint8Array(to.buffer);
  if (scanner === undefined || (isUsed && bytes.length <= COPIED_WHOLE_BYTES)) {
    target.set(bytes);
    return;
  }
  if (isUsed) clear({ bytes: target, memory: to }, scanner);
  const runs = scanner.nonZeroRuns({ bytes, memory: from });
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i]! * PAGE_BYTES;
    target.set(bytes.subarray(start, start + runs[i + 1]! * PAGE_BYTES), start);
  }
}

function clear(used: { readonly bytes: Uint8Array; readonly memory: object }, scanner: WasmPageScanner): void {
  const runs = scanner.nonZeroRuns(used);
  for (let i = 0; i < runs.length; i += 2) {
    used.bytes.fill(0, runs[i]! * PAGE_BYTES, (runs[i]! + runs[i + 1]!) * PAGE_BYTES);
  }
}
