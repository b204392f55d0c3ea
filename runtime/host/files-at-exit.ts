// Files that this process takes with it when it ends before it is done with them, as by Ctrl-C: 'exit' is the last chance.

import { unlinkSync } from 'node:fs';

const paths: Set<string> = new Set();
let isWatching = false;

export function removeAtExit(path: string): void {
  paths.add(path);
  if (isWatching) return;
  isWatching = true;
  process.once('exit', () => {
    for (const each of paths) {
      try {
        unlinkSync(each);
      } catch {
        // Renamed or removed already.
      }
    }
  });
}

/** It is where it belongs, or gone. */
export function keepAtExit(path: string): void {
  paths.delete(path);
}
