// The image of a guest with 64 MiB of memory of which it has touched 1 MiB with incompressible words: what was never
// touched must cost next to nothing.

import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { assemble, memoryHolder } from './guests.ts';
import { stopInMidRun } from './image.ts';

const MIB = 1024 * 1024;

export const imageSize: Area = {
  name: 'image-size',
  figures: [lower('image-size.1mib-touched', 'image of a 64 MiB guest with 1 MiB touched', 'MiB', 2, 1.1)],
  async measure(bench) {
    const module = await assemble('memory-1mib', memoryHolder(64 * MIB, MIB));
    const { image, sizeBytes } = await stopInMidRun(module);
    if (image.length !== sizeBytes) throw new Error(`image of ${image.length} bytes says it has ${sizeBytes}`);
    bench.report('image-size.1mib-touched', sizeBytes / MIB, { note: 'pseudo-random contents, the module included' });
  },
};
