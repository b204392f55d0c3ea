// Keys from files or the environment. A secret key is 32 bytes: as they are, as 64 hexadecimal digits, or in base64. Keys for
// signatures are Ed25519 in PEM, as `openssl genpkey -algorithm ed25519` writes them.

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { WvmError } from '../../base/wvm-error.ts';

const SECRET_BYTES = 32;

/** What the options of a command line and the environment name. */
export interface KeySource {
  /** A file. */
  readonly file?: string | undefined;
  /** A variable of the environment that holds the key itself; asked if there is no file. */
  readonly variable: string;
}

export function readSecretKey(source: KeySource): Uint8Array | undefined {
  const found = readSource(source);
  if (found === undefined) return undefined;
  const { bytes, place } = found;
  const text = bytes.toString('latin1').trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return Buffer.from(text, 'base64');
  if (bytes.length === SECRET_BYTES) return bytes;
  throw new WvmError('WVM_KEY', `${place}: is no key of 32 bytes`, {
    hint: 'openssl rand -hex 32 makes one; a password is not enough',
  });
}

export function readSigningKey(source: KeySource): KeyObject | undefined {
  return readPem(source, 'private', createPrivateKey);
}

export function readVerifyKey(source: KeySource): KeyObject | undefined {
  return readPem(source, 'public', createPublicKey);
}

function readPem(source: KeySource, kind: string, create: (pem: Buffer) => KeyObject): KeyObject | undefined {
  const found = readSource(source);
  if (found === undefined) return undefined;
  const hint =
    kind === 'private'
      ? 'openssl genpkey -algorithm ed25519 -out sign.pem makes one'
      : 'openssl pkey -in sign.pem -pubout -out verify.pem makes it of the private one';
  let key: KeyObject;
  try {
    key = create(found.bytes);
  } catch (cause) {
    throw new WvmError('WVM_KEY', `${found.place}: is no ${kind} key in PEM`, { cause, hint });
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new WvmError('WVM_KEY', `${found.place}: a key for ${key.asymmetricKeyType}, not for Ed25519`, { hint });
  }
  return key;
}

function readSource({ file, variable }: KeySource): { bytes: Buffer; place: string } | undefined {
  if (file !== undefined) {
    try {
      return { bytes: readFileSync(file), place: file };
    } catch (cause) {
      throw new WvmError('WVM_FILE', `${file}: the key cannot be read: ${(cause as Error).message}`, { cause });
    }
  }
  const value = process.env[variable];
  return value === undefined || value === '' ? undefined : { bytes: Buffer.from(value), place: `$${variable}` };
}
