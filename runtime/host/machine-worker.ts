// The entry of a machine's thread: has it use the cache of compiled JavaScript that the main thread uses, before it loads
// what does the work.

import { enableCompileCache } from 'node:module';
import { workerData } from 'node:worker_threads';
import type { ThreadData } from './machine-thread.ts';

const { compileCache } = workerData as ThreadData;
if (compileCache !== undefined) enableCompileCache(compileCache);
await import('./machine-server.ts');
