// F04: the same state gives the same bytes, whatever the process, the directory on the host or the way there.

import { afterAll, describe, expect, it } from 'vitest';
import { guests } from '../../guest/manifest.ts';
import { GuestImage } from '../image/guest-image.ts';
import { leastPoints } from './points.ts';

describe('F04 two machines at the same place have the same image', () => {
  const taken: GuestImage[] = [];
  afterAll(() => {
    for (const image of taken) image.remove();
  });

  // Files have inode numbers of their own, which an image holds to find them again.
  const suitable = guests.filter(({ kind, features }) => kind === 'test' && !features.includes('files'));
  it.each(suitable.map(({ name }) => name))('F04 %s', async (name) => {
    const place = leastPoints[name]! >> 1;
    const first = await GuestImage.take(name, place);
    const second = await GuestImage.take(name, place);
    taken.push(first, second);
    expect(second.directory).not.toBe(first.directory);
    expect(Buffer.compare(first.bytes, second.bytes)).toBe(0);
    // It names nothing of the host.
    expect(Buffer.from(first.bytes).includes(first.directory)).toBe(false);
  });
});
