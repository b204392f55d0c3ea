// A bucket, through the official SDK, on a server that speaks as much of S3 as the store needs.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openStore, openStoreAt } from '../../runtime/host/store/open-store.ts';
import { removeDirectory, TestMachine, temporaryDirectory } from './machines.ts';

const objects = new Map<string, Buffer>();
let server: Server;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url!, 'http://bucket');
  const key = decodeURIComponent(url.pathname.slice('/bucket/'.length));
  if (!url.pathname.startsWith('/bucket')) {
    response.writeHead(403).end('<Error><Code>AccessDenied</Code><Message>no</Message></Error>');
  } else if (request.method === 'PUT') {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      objects.set(key, unchunked(Buffer.concat(parts), request.headers));
      response.writeHead(200, { ETag: '"x"' }).end();
    });
  } else if (request.method === 'DELETE') {
    objects.delete(key);
    response.writeHead(204).end();
  } else if (url.searchParams.has('list-type')) {
    response.writeHead(200, { 'Content-Type': 'application/xml' }).end(listing(url));
  } else {
    const bytes = objects.get(key);
    const xml = { 'Content-Type': 'application/xml' };
    if (bytes === undefined) {
      response.writeHead(404, xml).end('<Error><Code>NoSuchKey</Code><Message>none</Message></Error>');
      return;
    }
    const range = /bytes=([0-9]*)-([0-9]*)/.exec(request.headers.range ?? '');
    if (range === null) {
      response.writeHead(200).end(bytes);
      return;
    }
    const from = range[1] === '' ? Math.max(0, bytes.length - Number(range[2])) : Number(range[1]);
    const end = range[1] === '' || range[2] === '' ? bytes.length : Math.min(bytes.length, Number(range[2]) + 1);
    const headers = { 'Content-Range': `bytes ${from}-${end - 1}/${bytes.length}` };
    response.writeHead(206, headers).end(bytes.subarray(from, end));
  }
}

/** Two names a page, so that a list has several. */
function listing(url: URL): string {
  const prefix = url.searchParams.get('prefix')!;
  const after = url.searchParams.get('continuation-token') ?? '';
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = keys.slice(0, 2);
  const contents = page.map((key) => `<Contents><Key>${key}</Key></Contents>`).join('');
  const more = keys.length > 2;
  const token = more ? `<NextContinuationToken>${page[1]}</NextContinuationToken>` : '';
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${contents}${token}</ListBucketResult>`;
}

/** The SDK may send a body in signed or checksummed chunks: SIZE;…\r\n BYTES \r\n … 0 */
function unchunked(body: Buffer, headers: IncomingMessage['headers']): Buffer {
  if (!String(headers['content-encoding']).includes('aws-chunked')) return body;
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (size === 0) return Buffer.concat(parts);
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

beforeAll(async () => {
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.close();
});

test('a snapshot goes into a bucket and comes out of it; only what is missing travels', async () => {
  const [here, there] = [temporaryDirectory(), temporaryDirectory()];
  const store = await openStore(here);
  const machine = new TestMachine(32);
  machine.fill(0, 300);
  const one = await store.commit(machine.increment(null));
  machine.tracker.confirm();
  machine.fill(5, 1);
  const two = await store.commit(machine.increment(one.id));
  const bucket = await openStoreAt('s3://bucket/some/prefix');
  await store.copyTo(bucket, one.id);
  const second = await store.copyTo(bucket, two.id);
  expect(second.sentChunkCount).toBeLessThan(10);
  expect([...objects.keys()].every((key) => key.startsWith('some/prefix/'))).toBe(true);
  expect((await bucket.verify({ deep: true })).problems).toEqual([]);

  const again = await openStoreAt('s3://bucket/some/prefix/');
  const other = await openStore(there);
  await again.copyTo(other, await again.resolve('counter'));
  const image = Buffer.concat(await Array.fromAsync(other.exportImage(two.id)));
  expect(image.equals(machine.image())).toBe(true);
  expect((await other.verify({ deep: true })).problems).toEqual([]);
  for (const open of [store, bucket, again, other]) await open.close();
  removeDirectory(here);
  removeDirectory(there);
});

test('a bucket that says no is an error with its name; nothing is collected in a bucket', async () => {
  await expect(openStoreAt('s3://other')).rejects.toMatchObject({ code: 'WVM_FILE' });
  await expect(openStoreAt('s3://NO')).rejects.toMatchObject({ code: 'WVM_USAGE' });
  const bucket = await openStoreAt('s3://bucket');
  await expect(bucket.collect()).rejects.toMatchObject({ code: 'WVM_USAGE' });
  await bucket.close();
});
