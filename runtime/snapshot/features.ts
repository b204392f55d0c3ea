// May a machine with these features go on here? Strict: all that it could have used must be here, since it may use it
// later. Lenient: what it has used so far is enough.

import { WvmError } from '../base/wvm-error.ts';
import type { FeatureSets } from './machine-state.ts';

/** Throws WVM_IMAGE_FEATURE, naming what is missing. */
export function checkFeatures(features: FeatureSets, here: readonly string[], mode: 'strict' | 'lenient'): void {
  const missing = (list: readonly string[]): string[] => list.filter((feature) => !here.includes(feature));
  const used = missing(features.used);
  if (used.length > 0) {
    throw new WvmError(
      'WVM_IMAGE_FEATURE',
      `image: features: it has used ${used.join(', ')}, which this wvm does not have`,
    );
  }
  const available = missing(features.available);
  if (mode === 'strict' && available.length > 0) {
    const what = `it was offered ${available.join(', ')}, which this wvm does not have`;
    const hint = 'it has not used that so far: resume with --features=lenient';
    throw new WvmError('WVM_IMAGE_FEATURE', `image: features: ${what}`, { hint });
  }
}
