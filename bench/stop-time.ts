// How long a guest of 64 MiB, every page of it touched and incompressible, stands still while it is stopped into an
// image in memory, through the API.

import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { assemble, memoryHolder } from './guests.ts';
import { leaveRunningMs, stopInMidRun } from './image.ts';
import { interleave } from './interleave.ts';
import { median, spreadOf } from './statistics.ts';

const MEMORY_BYTES = 64 * 1024 * 1024;

export const stopTime: Area = {
  name: 'stop-time',
  figures: [lower('stop-time.64mib', 'stop of a 64 MiB guest (it stands still), API', 'ms', 30, 12)],
  async measure(bench) {
    const module = await assemble('memory-64mib', memoryHolder(MEMORY_BYTES, MEMORY_BYTES - 65536));
    const wallMs: number[] = [];
    const { stop, leaveRunning } = await interleave(
      {
        stop: async () => {
          const stopped = await stopInMidRun(module);
          wallMs.push(stopped.wallMs);
          return stopped.stopMs;
        },
        leaveRunning: () => leaveRunningMs(module),
      },
      { warmups: 2, rounds: bench.rounds(11) },
    );
    bench.report('stop-time.64mib', median(stop), {
      spread: spreadOf(stop),
      note: 'every page touched; CRIU 4.2 as root: dump 41.6 ms, frozen 36.3 ms (min 35.8 / 30.8)',
    });
    bench.inform(
      'stop-time.64mib-leave-running',
      'stop for an image after which the guest goes on',
      'ms',
      median(leaveRunning),
      {
        spread: spreadOf(leaveRunning),
      },
    );
    bench.inform('stop-time.64mib-image', 'until the image is complete in memory', 'ms', median(wallMs), {
      spread: spreadOf(wallMs),
    });
  },
};
