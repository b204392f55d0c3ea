import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Two projects: `unit` (beside the sources, under a minute, part of `npm run check`) and
// `guest` (whole programs in the four modes of the test harness).
export default defineConfig({
  test: {
    // More than there are processors: tests of the command line wait for processes that start, and for time to pass. CI has time.
    maxWorkers: availableParallelism() + (process.env['CI'] === 'true' ? 0 : 1),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['runtime/**/*.test.ts', 'abi/**/*.test.ts', 'test/unit/**/*.test.ts', 'bench/**/*.test.ts'],
          // The files share what they import: a quarter less work.
          isolate: false,
          // Seconds where nothing else runs; other work beside it is no failure.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'guest',
          include: ['test/{guest,image,tree,store,cli,real,pathological}/**/*.test.ts'],
          globalSetup: 'test/cli/build.ts',
          setupFiles: 'test/compile-cache.ts',
          // Node itself loads what is tested: to transform it takes seconds for each file of tests.
          server: { deps: { external: [/\/(runtime|abi|guest)\/.*\.ts$/] } },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
