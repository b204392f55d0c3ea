import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { readSecretKey, readSigningKey, readVerifyKey } from './keys.ts';
import { seal } from './seal.ts';
import { type UnsealKeys, unseal } from './unseal.ts';

const secret = randomBytes(32);
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519').publicKey;
const directory = mkdtempSync(join(tmpdir(), 'wvm-seal-'));
afterAll(() => rmSync(directory, { recursive: true }));

const kinds: Record<string, { secret?: Uint8Array; signing?: KeyObject }> = {
  encrypted: { secret },
  signed: { signing: privateKey },
  'encrypted and signed': { secret, signing: privateKey },
};
const segmentBytes = 100;

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function sealed(bytes: Uint8Array, keys: (typeof kinds)[string]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(seal(inPieces(bytes, 37), keys, { segmentBytes })));
}

async function opened(bytes: Uint8Array, keys: UnsealKeys): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(unseal(inPieces(bytes, 61), keys)));
}

function keysFor({ secret: key, signing }: (typeof kinds)[string]): UnsealKeys {
  return { secret: key, verify: signing === undefined ? undefined : publicKey };
}

for (const [kind, keys] of Object.entries(kinds)) {
  test(`what was ${kind} comes back, whatever its length`, async () => {
    for (const length of [0, 1, 99, 100, 101, 200, 1234]) {
      const bytes = randomBytes(length);
      const file = await sealed(bytes, keys);
      expect((await opened(file, keysFor(keys))).equals(bytes), `${length} bytes`).toBe(true);
      if (keys.secret !== undefined && length > 20) expect(file.includes(bytes.subarray(0, 20))).toBe(false);
      expect((await sealed(bytes, keys)).equals(file)).toBe(false);
    }
  });

  test(`what was ${kind} and then edited anywhere is refused`, async () => {
    const file = await sealed(randomBytes(350), keys);
    for (let at = 0; at < file.length; at += at < 64 ? 1 : 3) {
      const edited = Buffer.from(file);
      edited[at]! ^= 1 << (at % 8);
      const code = await opened(edited, keysFor(keys)).catch((error: { code: string }) => error.code);
      expect(code, `byte ${at}`).toMatch(/^WVM_(IMAGE_|KEY)/);
    }
  });

  test(`what was ${kind} and then cut, lengthened, or put together anew is refused`, async () => {
    const bytes = randomBytes(300);
    const [file, other] = [await sealed(bytes, keys), await sealed(bytes, keys)];
    const stored = (file.length - 64) / 3;
    const [one, two, three] = [0, 1, 2].map((k) => file.subarray(64 + k * stored, 64 + (k + 1) * stored));
    const head = file.subarray(0, 64);
    const rest = other.subarray(64);
    const forged: Buffer[][] = [
      [head, one!, two!],
      [head, two!, one!, three!],
      [head, one!, three!],
      [head, rest],
    ];
    forged.push([file, three!], [file, Buffer.of(0)], [head]);
    for (const parts of forged) await expect(opened(Buffer.concat(parts), keysFor(keys))).rejects.toThrow();
    for (let length = 1; length < file.length; length += 7) {
      await expect(opened(file.subarray(0, length), keysFor(keys))).rejects.toThrow();
    }
  });
}

test('nothing of a segment comes out before it is checked', async () => {
  const file = await sealed(randomBytes(350), kinds['signed']!);
  file[64 + 2 * (segmentBytes + 64)]! ^= 1;
  let outBytes = 0;
  const read = async (): Promise<void> => {
    for await (const chunk of unseal(inPieces(file, 1000), { verify: publicKey })) outBytes += chunk.length;
  };
  await expect(read()).rejects.toMatchObject({ code: 'WVM_IMAGE_SIGNATURE' });
  expect(outBytes).toBe(200);
});

test('the keys say what is expected, not the file', async () => {
  const bytes = randomBytes(350);
  const encrypted = await sealed(bytes, { secret });
  const signed = await sealed(bytes, { signing: privateKey });
  await expect(opened(encrypted, {})).rejects.toMatchObject({ code: 'WVM_KEY' });
  await expect(opened(encrypted, { secret: randomBytes(32) })).rejects.toMatchObject({ code: 'WVM_IMAGE_SIGNATURE' });
  await expect(opened(encrypted, { secret, verify: publicKey })).rejects.toThrow(/not signed/);
  await expect(opened(signed, { verify: stranger })).rejects.toThrow(/another key/);
  await expect(opened(signed, { secret })).rejects.toThrow(/not encrypted/);
  await expect(opened(bytes, { verify: publicKey })).rejects.toThrow(/not signed/);
  await expect(opened(bytes, { secret })).rejects.toThrow(/not encrypted/);
  expect((await opened(bytes, {})).equals(bytes)).toBe(true);
  expect((await opened(signed, {})).equals(bytes)).toBe(true);
});

test('keys come from files or the environment, and what is none is refused by name', () => {
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const variable = 'WVM_TEST_KEY';
  expect(readSecretKey({ variable })).toBeUndefined();
  for (const content of [secret, `${secret.toString('hex')}\n`, secret.toString('base64')]) {
    expect(Buffer.compare(readSecretKey({ variable, file: file('key', content) })!, secret)).toBe(0);
  }
  vi.stubEnv(variable, secret.toString('hex'));
  expect(Buffer.compare(readSecretKey({ variable })!, secret)).toBe(0);
  vi.stubEnv(variable, 'correct horse');
  expect(() => readSecretKey({ variable })).toThrow(/\$WVM_TEST_KEY: is no key of 32 bytes/);
  vi.unstubAllEnvs();
  const pem = (key: KeyObject): string =>
    key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem' }) as string;
  expect(readSigningKey({ variable, file: file('sign', pem(privateKey)) })!.equals(privateKey)).toBe(true);
  expect(readVerifyKey({ variable, file: file('verify', pem(publicKey)) })!.equals(publicKey)).toBe(true);
  expect(() => readSigningKey({ variable, file: file('bad', 'x') })).toThrow(/no private key/);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  expect(() => readSigningKey({ variable, file: file('rsa', pem(rsa)) })).toThrow(/for rsa, not for Ed25519/);
  expect(() => readSecretKey({ variable, file: join(directory, 'none') })).toThrow(/cannot be read/);
});
