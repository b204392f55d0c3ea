// From Machine.resume() of a guest of 64 MiB, every page of it touched, to its first instruction, through the API.

import { Machine } from '../runtime/index.ts';
import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { assemble, memoryHolder } from './guests.ts';
import { resumeMs, stopInMidRun } from './image.ts';
import { interleave } from './interleave.ts';
import { median, spreadOf } from './statistics.ts';

const MEMORY_BYTES = 64 * 1024 * 1024;

export const resumeTime: Area = {
  name: 'resume-time',
  figures: [lower('resume-time.64mib', 'resume of a 64 MiB guest to its first instruction, API', 'ms', 40, 15)],
  async measure(bench) {
    const module = await assemble('memory-64mib', memoryHolder(MEMORY_BYTES, MEMORY_BYTES - 65536));
    const { image } = await stopInMidRun(module);
    const { resume, fresh } = await interleave(
      {
        resume: async () => {
          await Machine.prewarm(MEMORY_BYTES);
          return await resumeMs(image);
        },
        fresh: () => resumeMs(image),
      },
      { warmups: 2, rounds: bench.rounds(15) },
    );
    bench.report('resume-time.64mib', median(resume), {
      spread: spreadOf(resume),
      note: 'every page touched, memory made ready by Machine.prewarm(); CRIU 4.2 as root: restore 45.0 ms (min 41.6)',
    });
    bench.inform('resume-time.64mib-fresh', 'the same into fresh memory', 'ms', median(fresh), {
      spread: spreadOf(fresh),
    });
  },
};
