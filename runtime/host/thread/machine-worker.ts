// The entry of a machine's thread: has it use the cache of compiled JavaScript that the main thread uses, before it loads
// what does the work.

import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadData } from './machine-thread.ts';

const { compileCache } = workerData as ThreadData;
if (compileCache !== undefined) enableCompileCache(compileCache);
// Not awaited, which CommonJS could not: messages wait in the port, and a failure ends the thread, which its owner sees.
parentPort!.ref();
void import('./machine-server.ts');
