// A sink that keeps the memories of a decoded machine as plain bytes.

import type { MemorySink } from '../decode-image.ts';
import { FILE_PROCESS_INDEX, filePageCounts } from '../file-pages.ts';
import type { MemorySource } from '../image-ports.ts';
import type { MachineState } from '../machine-state.ts';
import { PAGE_BYTES } from '../page-scanner.ts';
import { WASM_PAGE_BYTES } from '../validate-machine.ts';

export class BytesSink implements MemorySink {
  readonly memories: MemorySource[] = [];

  open(machine: MachineState): void {
    for (const [processIndex, { instance }] of machine.processes.entries()) {
      for (const [memoryIndex, { pageCount }] of instance.memories.entries()) {
        this.memories.push({ processIndex, memoryIndex, bytes: new Uint8Array(pageCount * WASM_PAGE_BYTES) });
      }
    }
    for (const [memoryIndex, pageCount] of filePageCounts(machine.kernel).entries()) {
      const bytes = new Uint8Array(pageCount * PAGE_BYTES);
      if (pageCount > 0) this.memories.push({ processIndex: FILE_PROCESS_INDEX, memoryIndex, bytes });
    }
  }

  write(processIndex: number, memoryIndex: number, firstPage: number, bytes: Uint8Array): void {
    const memory = this.memories.find((m) => m.processIndex === processIndex && m.memoryIndex === memoryIndex);
    memory!.bytes.set(bytes, firstPage * PAGE_BYTES);
  }
}
