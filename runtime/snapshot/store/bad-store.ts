// How the store says what is wrong with it: "place: what, with numbers".

import { WvmError } from '../../base/wvm-error.ts';

export function corrupt(place: string, what: string, cause?: unknown): WvmError {
  return new WvmError('WVM_STORE_CORRUPT', `store: ${place}: ${what}`, {
    hint: 'wvm verify shows all of the damage; wvm pull takes what is missing from another store',
    ...(cause === undefined ? {} : { cause }),
  });
}

export function noSuchSnapshot(what: string, hint?: string): WvmError {
  return new WvmError('WVM_NO_SUCH_SNAPSHOT', what, hint === undefined ? {} : { hint });
}
