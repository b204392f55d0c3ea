// Images say what their machines use; a wvm that was built without it refuses them by its name, and what only could have been used
// is asked for unless told otherwise.

import { describe, expect, it } from 'vitest';
import { FEATURES } from '../../runtime/host/machine/features.ts';
import { inspectImage } from '../../runtime/index.ts';
import type { FeatureSets } from '../../runtime/snapshot/machine-state.ts';
import { GuestImage } from './guest-image.ts';

const STEP = 12;

async function featuresOf({ bytes }: GuestImage): Promise<FeatureSets> {
  const chunks = new Blob([new Uint8Array(bytes)]).stream();
  return (await inspectImage(chunks)).features;
}

/** An image of the guest in which it uses the feature. */
async function imageWith(name: string, feature: string): Promise<GuestImage> {
  for (let place = STEP; ; place += STEP) {
    const image = await GuestImage.take(name, place);
    if ((await featuresOf(image)).used.includes(feature)) return image;
    image.remove();
  }
}

/** As if wvm had been built without the feature. */
async function without<Result>(feature: string, work: () => Promise<Result>): Promise<Result> {
  const all = FEATURES as string[];
  const index = all.indexOf(feature);
  expect(index, feature).toBeGreaterThanOrEqual(0);
  all.splice(index, 1);
  try {
    return await work();
  } finally {
    all.splice(index, 0, feature);
  }
}

describe.each([
  ['threads', 'threads-futex'],
  ['futexes', 'threads-futex'],
  ['robust-lists', 'threads-robust'],
  ['priority-inheritance', 'threads-pi'],
  ['processes', 'fork-wait'],
  ['pipes', 'pipe-ring'],
  ['eventfd', 'eventfd'],
  ['epoll', 'epoll'],
  ['file-locks', 'file-locks'],
  ['unlinked-files', 'unlinked-file'],
  ['signals', 'signal-handler'],
  ['interval-timers', 'itimer'],
  ['job-control', 'process-groups'],
  ['contexts', 'contexts'],
  ['stack-checkpoints', 'stack-checkpoint'],
])('%s', (feature, name) => {
  it('F12 an image that uses it is refused without it, strict and lenient', async () => {
    const image = await imageWith(name, feature);
    try {
      expect((await featuresOf(image)).available).toEqual(FEATURES);
      for (const features of ['strict', 'lenient'] as const) {
        const error = await without(feature, () => image.refusalError(image.bytes, { features }));
        expect([error?.code, error?.message]).toEqual([
          'WVM_IMAGE_FEATURE',
          `image: features: it has used ${feature}, which this wvm does not have`,
        ]);
      }
      expect(await image.refusal(image.bytes)).toBe(undefined);
    } finally {
      image.remove();
    }
  });

  it('F13 one that does not use it so far needs it, unless told otherwise', async () => {
    const image = await GuestImage.take('recursion', STEP);
    try {
      expect((await featuresOf(image)).used).toEqual(['wasi-preview1', 'wasm-2.0']);
      const strict = await without(feature, () => image.refusalError(image.bytes));
      expect([strict?.code, strict?.message]).toEqual([
        'WVM_IMAGE_FEATURE',
        `image: features: it was offered ${feature}, which this wvm does not have`,
      ]);
      const end = await without(feature, () => image.run(image.bytes, { features: 'lenient' }));
      expect(end).toEqual({ kind: 'exit', code: 0 });
    } finally {
      image.remove();
    }
  });
});
