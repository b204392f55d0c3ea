// What V8 has compiled and Node has stripped of types for one file of tests is there for the next: half a second for each of
// them. A worker is ended before Node would write it by itself.

import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

enableCompileCache(fileURLToPath(new URL('../.cache/compiled', import.meta.url)));
afterAll(() => flushCompileCache());
