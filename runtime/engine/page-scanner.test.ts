import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generateMemoryModules } from './generate-memory-modules.mjs';

// What the modules compute is tested in runtime/snapshot/image.test.ts, against the portable versions.
test('memory-modules.ts is what its sources give', async () => {
  const generated = readFileSync(new URL('memory-modules.ts', import.meta.url), 'utf8');
  expect(await generateMemoryModules()).toBe(generated);
});
