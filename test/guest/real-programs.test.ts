// QuickJS, Lua, SQLite, flite and others, stopped at random points of their work and resumed from the image each time:
// what they print and write must be what they printed and wrote under another engine. Those that are not built
// (`node test/programs/build.ts`, which needs Debian's clang and the network) are skipped by name. The images name the
// module by its hash: one program is 21 MB long.

import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Machine, type MachineExit, type MachineOptions, type ResumeOptions } from '../../runtime/index.ts';
import { programPath } from '../programs/build-program.ts';
import { type Program, programs } from '../programs/programs.ts';
import { makeWorkloadFolder, workloadDifferences } from '../programs/workload-folder.ts';
import { randomFrom, testSeed } from './random.ts';

/** CI tries more. */
const PIECES = process.env['CI'] === 'true' ? 150 : 10;

interface Result {
  readonly differences: readonly string[];
  readonly exit: MachineExit;
  readonly fuelUsed: bigint;
  readonly points: number;
}

/** Runs a workload in pieces of so much fuel; undefined: in one go. */
async function runProgram(program: Program, nextFuel: (() => bigint) | undefined): Promise<Result> {
  const { workload } = program;
  const folder = await makeWorkloadFolder(workload);
  const module = new Uint8Array(fs.readFileSync(programPath(program)));
  const stdout: Uint8Array[] = [];
  let image: Uint8Array | undefined;
  let points = 0;
  const shared = (): ResumeOptions => ({
    directories: [{ hostPath: folder, guestPath: '/', readOnly: false }],
    stdout: (chunk) => stdout.push(chunk.slice()),
    cacheDirectory: null,
    beforeEnd: (machine) => {
      if (nextFuel !== undefined)
        image = new Uint8Array(Buffer.concat(machine.snapshotNow({ includeModule: false }).chunks));
      return Promise.resolve();
    },
    ...(nextFuel === undefined ? {} : { fuel: nextFuel() }),
  });
  try {
    const options: MachineOptions = {
      ...shared(),
      programName: program.name,
      args: workload.args,
      stdin: new TextEncoder().encode(workload.stdin),
    };
    let machine = await Machine.load(module, options);
    let exit = await machine.run();
    while (exit.kind === 'stopped' && exit.reason === 'fuel') {
      points++;
      machine = await Machine.resume(image!, { ...shared(), module, stdin: 'null' });
      exit = await machine.run();
    }
    const differences = await workloadDifferences(workload, folder, Buffer.concat(stdout));
    return { differences, exit, fuelUsed: machine.stats().fuelUsed, points };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

describe(`real programs, saved and resumed at ${PIECES} random points`, () => {
  for (const program of programs) {
    const isBuilt = fs.existsSync(programPath(program));
    it.skipIf(!isBuilt)(`${program.name} (WVM_TEST_SEED=${testSeed})`, { timeout: 600_000 }, async () => {
      const straight = await runProgram(program, undefined);
      expect(straight.exit).toEqual({ kind: 'exit', code: 0 });
      expect(straight.differences).toEqual([]);

      const random = randomFrom(testSeed);
      const most = Number(straight.fuelUsed) / PIECES;
      const pieces = await runProgram(program, () => BigInt(Math.ceil(random() * 2 * most)));
      expect(pieces.exit).toEqual(straight.exit);
      expect(pieces.differences).toEqual([]);
      expect(pieces.points).toBeGreaterThanOrEqual(PIECES * 0.7);
    });
  }
});
