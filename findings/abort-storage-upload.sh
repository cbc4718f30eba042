#!/usr/bin/env bash
# @aws-sdk/client-s3 and @aws-sdk/lib-storage 3.1175.0 against a server of their own: what an abort leaves in the
# storage.
#
# Behaviour: both reject at once, and what had been sent by then is stored: a small body has gone out in one request,
# whose answer alone is missing. An `Upload` in parts lets the parts that are under way be stored, and then asks the
# storage itself to drop them. The reason is the cause of `send`'s error alone: not of `Upload`'s, nor of a body's
# that breaks off, which is a plain ECONNRESET.
# Why it matters: "Upload aborted." reads as if there were no object, and an ECONNRESET is what one tries again.
#
# Output seen:
#   PutObject: rejects AbortError, cause the reason; the storage has seen: PUT
#   GetObject, in the body: rejects Error ECONNRESET, cause none; the storage has seen: nothing whole
#   Upload, 1 byte: rejects AbortError, cause none; the storage has seen: PUT
#   Upload, 11 MiB: rejects AbortError, cause none; the storage has seen: create, part, part, part, abort
#   Upload of a stream, abort() alone: rejects AbortError, cause none; the storage has seen: create, part, part, part, abort
set -euo pipefail
script=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund @aws-sdk/client-s3@3.1175.0 @aws-sdk/lib-storage@3.1175.0 >/dev/null

cat >storage.mjs <<'JS'
import { once } from 'node:events';
import http from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

/** A storage that takes 500 ms to store; `stored` has what it has taken whole. */
const seen = [];
const server = http.createServer(async (request, response) => {
  const query = new URL(request.url, 'http://x').searchParams;
  const step = query.has('uploads') ? 'create' : query.has('partNumber') ? 'part' : query.has('uploadId') ? (request.method === 'DELETE' ? 'abort' : 'complete') : request.method;
  request.on('error', () => undefined);
  if (step === 'GET') {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('part');
    server.emit('reached');
    return;
  }
  for await (const _ of request);
  server.emit('reached');
  if (step !== 'create') await sleep(500);
  seen.push(step);
  if (step === 'create') response.end('<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>');
  else if (step === 'complete') response.end('<CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>');
  else response.writeHead(step === 'abort' ? 204 : 200, { etag: '"1"' }).end();
});
process.on('unhandledRejection', () => undefined);
await once(server.listen(0, '127.0.0.1'), 'listening');
const client = new S3Client({
  endpoint: `http://127.0.0.1:${server.address().port}`,
  region: 'x',
  forcePathStyle: true,
  credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
});
const at = { Bucket: 'b', Key: 'k' };

async function aborted(name, send) {
  seen.length = 0;
  const controller = new AbortController();
  const reason = new Error('stop');
  const heard = once(server, 'reached');
  const end = send(controller).then(() => 'resolves', (error) => {
    const cause = error.cause === reason ? 'the reason' : 'none';
    return error === reason ? 'rejects the reason' : `rejects ${error.name}${error.code ? ` ${error.code}` : ''}, cause ${cause}`;
  });
  await heard;
  await sleep(100);
  controller.abort(reason);
  const first = await Promise.race([end, sleep(200, 'waits')]);
  const how = first === 'waits' ? `waits, then ${await end}` : first;
  await sleep(2_000);
  console.log(`${name}: ${how}; the storage has seen: ${seen.join(', ') || 'nothing whole'}`);
}

await aborted('PutObject', ({ signal }) => client.send(new PutObjectCommand({ ...at, Body: 'x' }), { abortSignal: signal }));
await aborted('GetObject, in the body', async ({ signal }) => {
  const { Body } = await client.send(new GetObjectCommand(at), { abortSignal: signal });
  return Body.transformToString();
});
const upload = (Body) => (abortController) => new Upload({ client, params: { ...at, Body }, abortController }).done();
await aborted('Upload, 1 byte', upload('x'));
await aborted('Upload, 11 MiB', upload(Buffer.alloc(11 * 1024 ** 2)));
await aborted('Upload of a stream, abort() alone', async ({ signal }) => {
  const sent = new Upload({ client, params: { ...at, Body: Readable.from([Buffer.alloc(6 * 1024 ** 2), Buffer.alloc(6 * 1024 ** 2)]) } });
  signal.addEventListener('abort', () => void sent.abort());
  return sent.done();
});
process.exit();
JS
node storage.mjs 2>notes | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: an abort leaves something else in the storage'; exit 1; }
