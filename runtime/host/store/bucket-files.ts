// A store in an S3-compatible bucket: the same files as in a folder, as objects PREFIX/FOLDER/NAME. An object appears whole
// when its PUT has ended, so nothing else is needed for files that are there whole or not at all.
//
// The SDK is loaded when a bucket is named, and is a package that only those install who use buckets. Region, credentials and
// endpoint (AWS_ENDPOINT_URL for other providers) are what the SDK finds in the environment and in ~/.aws.

import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { WvmError } from '../../base/wvm-error.ts';
import type { FileEnd, PreparedFile, StoreFiles, StoreFolder } from '../../snapshot/store/ports.ts';

type Sdk = typeof import('@aws-sdk/client-s3');

/** `place`: s3://BUCKET or s3://BUCKET/PREFIX. */
export async function openBucket(place: string): Promise<StoreFiles> {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})(?:\/(.*?))?\/?$/.exec(place);
  if (match === null) throw new WvmError('WVM_USAGE', `${place}: is not s3://BUCKET/PREFIX`);
  let sdk: Sdk;
  try {
    sdk = await import('@aws-sdk/client-s3');
  } catch (cause) {
    throw new WvmError('WVM_CAPABILITY_MISSING', `${place}: the package @aws-sdk/client-s3 is not installed`, {
      cause,
      hint: 'npm install @aws-sdk/client-s3',
    });
  }
  return new BucketFiles(place, sdk, match[1]!, match[2] ? `${match[2]}/` : '');
}

class BucketFiles implements StoreFiles {
  readonly place: string;
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(place: string, sdk: Sdk, bucket: string, prefix: string) {
    this.place = place;
    this.#sdk = sdk;
    // A bucket as a part of the path: what every S3-compatible server understands.
    this.#client = new sdk.S3Client({ forcePathStyle: true });
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  list(folder: StoreFolder): Promise<string[]> {
    return this.#guard(async () => {
      const prefix = `${this.#prefix}${folder}/`;
      const names: string[] = [];
      let token: string | undefined;
      do {
        const page = await this.#client.send(
          new this.#sdk.ListObjectsV2Command({ Bucket: this.#bucket, Prefix: prefix, ContinuationToken: token }),
        );
        for (const { Key } of page.Contents ?? []) if (Key !== undefined) names.push(Key.slice(prefix.length));
        token = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
      return names;
    });
  }

  read(folder: StoreFolder, name: string): Promise<Uint8Array | undefined> {
    return this.#guard(async () => (await this.#get(folder, name))?.bytes);
  }

  readEnd(folder: StoreFolder, name: string, sizeBytes: number): Promise<FileEnd | undefined> {
    return this.#guard(async () => {
      const found = await this.#get(folder, name, `bytes=-${Math.max(1, sizeBytes)}`);
      if (found === undefined) return undefined;
      const total = /\/([0-9]+)$/.exec(found.output.ContentRange ?? '')?.[1];
      return { bytes: found.bytes, fileBytes: total === undefined ? found.bytes.length : Number(total) };
    });
  }

  readPart(folder: StoreFolder, name: string, offset: number, sizeBytes: number): Promise<Uint8Array | undefined> {
    if (sizeBytes === 0) return Promise.resolve(new Uint8Array(0));
    return this.#guard(async () => {
      const range = `bytes=${offset}-${offset + sizeBytes - 1}`;
      return (await this.#get(folder, name, range))?.bytes;
    });
  }

  /** Packs are bounded, and go as one object each when they have their name. */
  async prepare(folder: StoreFolder, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<PreparedFile> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk.slice());
    const body = Buffer.concat(parts);
    return {
      discard: async () => {},
      publish: (name) =>
        this.#guard(async () => {
          const object = { Bucket: this.#bucket, Key: this.#key(folder, name), Body: body };
          await this.#client.send(new this.#sdk.PutObjectCommand(object));
        }),
    };
  }

  remove(folder: StoreFolder, names: readonly string[]): Promise<void> {
    return this.#guard(async () => {
      for (const name of names) {
        const target = { Bucket: this.#bucket, Key: this.#key(folder, name) };
        await this.#client.send(new this.#sdk.DeleteObjectCommand(target));
      }
    });
  }

  /** An upload that was broken off leaves nothing. */
  async removeAbandoned(): Promise<void> {}

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #key(folder: StoreFolder, name: string): string {
    return `${this.#prefix}${folder}/${name}`;
  }

  /** Undefined if there is no such object. */
  async #get(
    folder: StoreFolder,
    name: string,
    range?: string,
  ): Promise<{ bytes: Uint8Array; output: GetObjectCommandOutput } | undefined> {
    try {
      const output = await this.#client.send(
        new this.#sdk.GetObjectCommand({ Bucket: this.#bucket, Key: this.#key(folder, name), Range: range }),
      );
      return { bytes: (await output.Body?.transformToByteArray()) ?? new Uint8Array(0), output };
    } catch (error) {
      if (error instanceof this.#sdk.NoSuchKey || (error as Error).name === 'NotFound') return undefined;
      throw error;
    }
  }

  async #guard<Value>(action: () => Promise<Value>): Promise<Value> {
    try {
      return await action();
    } catch (cause) {
      if (!(cause instanceof Error) || cause instanceof WvmError || cause.name === 'BugError') throw cause;
      throw new WvmError('WVM_FILE', `store ${this.place}: ${cause.message || cause.name}`, { cause });
    }
  }
}
