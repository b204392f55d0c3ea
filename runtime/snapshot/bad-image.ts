// How the decoder refuses an image: one error per kind, always "place: what, with numbers".

import { WvmError, type WvmErrorCode } from '../base/wvm-error.ts';

const hints: Partial<Record<WvmErrorCode, string>> = {
  WVM_IMAGE_BAD_MAGIC: 'is this a file written by `wvm snapshot`?',
  WVM_IMAGE_BAD_VERSION: 'use a wvm of the version that wrote the image, or one version newer',
  WVM_IMAGE_TRUNCATED: 'the image was not written or copied to its end',
  WVM_IMAGE_CORRUPT: 'the image was damaged after it was written; take another copy',
};

export function badImage(code: WvmErrorCode, place: string, what: string): WvmError {
  const hint = hints[code];
  return new WvmError(code, `image: ${place}: ${what}`, hint === undefined ? {} : { hint });
}
