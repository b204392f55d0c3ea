// What this process holds of its host, for tests that look for leaks.

import { readdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export interface Resources {
  readonly openFiles: number;
  readonly residentBytes: number;
}

/** Garbage does not count: what is released by the collector, and by what it calls, is gone before. */
export async function resources(): Promise<Resources> {
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await nextTurn();
  }
  return { openFiles: readdirSync('/proc/self/fd').length, residentBytes: process.memoryUsage().rss };
}
