// Builds the real programs: `node test/programs/build.ts [--only NAME] [--out DIR] [--verify]`. With --verify each of them
// also runs its load under node:wasi and is compared with the recorded result.

import { readFile, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { runUnderNodeWasi } from '../../guest/node-wasi.ts';
import { buildProgram, programsCache } from './build-program.ts';
import { programNamed, programs } from './programs.ts';
import { makeWorkloadFolder, workloadDifferences } from './workload-folder.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    out: { type: 'string', default: programsCache },
    verify: { type: 'boolean', default: false },
  },
});

for (const program of options.only === undefined ? programs : [programNamed(options.only)]) {
  const path = await buildProgram(program, options.out);
  const bytes = await readFile(path);
  console.log(`${program.name}: ${path}, ${bytes.length} bytes`);
  if (!options.verify) continue;
  const folder = await makeWorkloadFolder(program.workload);
  try {
    const { args, stdin } = program.workload;
    const result = runUnderNodeWasi(bytes, { programName: program.name, args, stdin, preopens: { '/': folder } });
    const differences = await workloadDifferences(program.workload, folder, result.stdout);
    if (result.end.kind !== 'exit' || result.end.code !== 0)
      differences.unshift(`ended with ${JSON.stringify(result.end)}`);
    for (const difference of differences) console.error(`  ${difference}`);
    if (differences.length > 0) {
      process.exitCode = 1;
      process.stderr.write(result.stdout.subarray(0, 2000));
      process.stderr.write(result.stderr);
    }
    console.log(
      `  under node:wasi: ${differences.length === 0 ? 'ok' : 'differs'}, ${result.milliseconds.toFixed(0)} ms`,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}
