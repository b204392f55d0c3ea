// The keys of images on the command line: --key, --sign and --verify, or the environment.

import type { Command } from 'commander';
import { readSecretKey, readSigningKey, readVerifyKey, type SealKeys, type UnsealKeys } from '../index.ts';

export interface SealFlags {
  readonly key?: string | undefined;
  readonly sign?: string | undefined;
}

export interface UnsealFlags {
  readonly key?: string | undefined;
  readonly verify?: string | undefined;
}

/** Of commands that write images. */
export function addSealOptions(command: Command): Command {
  return command
    .option('--key <file>', 'encrypt the image with this key of 32 bytes (or $WVM_KEY)')
    .option('--sign <file>', 'sign the image with this Ed25519 key (or $WVM_SIGN_KEY)');
}

/** Of commands that read images. */
export function addUnsealOptions(command: Command): Command {
  return command
    .option('--key <file>', 'the key of an encrypted image (or $WVM_KEY)')
    .option('--verify <file>', 'take it only if it is signed with this Ed25519 key (or $WVM_VERIFY_KEY)');
}

/** Undefined if the image is to be written as it is. */
export function readSealKeys({ key, sign }: SealFlags): SealKeys | undefined {
  const secret = readSecretKey({ file: key, variable: 'WVM_KEY' });
  const signing = readSigningKey({ file: sign, variable: 'WVM_SIGN_KEY' });
  return secret === undefined && signing === undefined ? undefined : { secret, signing };
}

export function readUnsealKeys({ key, verify }: UnsealFlags): UnsealKeys {
  return {
    secret: readSecretKey({ file: key, variable: 'WVM_KEY' }),
    verify: readVerifyKey({ file: verify, variable: 'WVM_VERIFY_KEY' }),
  };
}
