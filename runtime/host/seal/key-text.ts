// The keys of a store as text, for the control socket of a machine, which only its user can reach: the machine saves itself,
// and has to open the store with the keys of whoever asks.

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { WvmError } from '../../base/wvm-error.ts';
import type { StoreKeys } from './sealed-files.ts';

export interface KeyTexts {
  /** base64. */
  readonly secret?: string;
  /** PEM. */
  readonly signing?: string;
  readonly verify?: string;
}

export function encodeKeys({ secret, signing, verify }: StoreKeys): KeyTexts {
  return {
    ...(secret === undefined ? {} : { secret: Buffer.from(secret).toString('base64') }),
    ...(signing === undefined ? {} : { signing: signing.export({ type: 'pkcs8', format: 'pem' }) as string }),
    ...(verify === undefined ? {} : { verify: verify.export({ type: 'spki', format: 'pem' }) as string }),
  };
}

/** Throws WVM_KEY. */
export function decodeKeys(texts: KeyTexts): StoreKeys {
  try {
    return {
      ...(texts.secret === undefined ? {} : { secret: Buffer.from(texts.secret, 'base64') }),
      ...(texts.signing === undefined ? {} : { signing: createPrivateKey(texts.signing) }),
      ...(texts.verify === undefined ? {} : { verify: createPublicKey(texts.verify) }),
    };
  } catch (cause) {
    throw new WvmError('WVM_KEY', 'the keys of the store cannot be read', { cause });
  }
}
