// Stop and resume of the smallest guest there is (one page of memory): what an image costs before its contents do.

import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { assemble, memoryHolder } from './guests.ts';
import { resumeMs, stopInMidRun } from './image.ts';
import { interleave } from './interleave.ts';
import { median, spreadOf } from './statistics.ts';

export const tiny: Area = {
  name: 'tiny',
  figures: [
    lower('tiny.stop', 'stop of a tiny guest into a complete image, API', 'ms', 4, 1),
    lower('tiny.resume', 'resume of a tiny guest to its first instruction, API', 'ms', 8, 2),
  ],
  async measure(bench) {
    const module = await assemble('tiny', memoryHolder(65536, 1024));
    const { image } = await stopInMidRun(module);
    const { stop, resume } = await interleave(
      { stop: async () => (await stopInMidRun(module)).wallMs, resume: () => resumeMs(image) },
      { warmups: 3, rounds: bench.rounds(15) },
    );
    const note = 'CRIU 4.2 as root, 1.5 MiB process:';
    bench.report('tiny.stop', median(stop), { spread: spreadOf(stop), note: `${note} dump 20.1 ms, frozen 8.6 ms` });
    bench.report('tiny.resume', median(resume), {
      spread: spreadOf(resume),
      note: `${note} restore 19.1 ms (min 9.7)`,
    });
  },
};
