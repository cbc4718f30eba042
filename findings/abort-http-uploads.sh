#!/usr/bin/env bash
# fetch of Node 20.20.2, undici 7.30.2, axios 1.21.1, got 15.1.0, ky 1.9.1, node-fetch 3.3.2 and http.request: what
# becomes of the source of an upload that is aborted.
#
# Behaviour: a source of 40 pieces, one each 20 ms, is sent and aborted after a few of them. `fetch` rejects at once
# and goes on pulling the source to its end, whatever it is: an async generator, a Readable, a ReadableStream. ky does
# so too and rejects only then. undici's `request`, got and node-fetch end the source. axios and
# `source.pipe(request)` stop pulling and leave it open: its `finally` never runs.
# Why it matters: the promise has settled, so one thinks that nothing reads any more. A file, a cursor or another
# download that is the source is read to its end, or held open for ever.
#
# Output seen:
#   fetch, generator: rejects at once; source: read to its end
#   fetch, Readable: rejects at once; source: read to its end
#   fetch, ReadableStream: rejects at once; source: read to its end
#   ky: rejects when the source has ended; source: read to its end
#   undici, generator: rejects at once; source: ended
#   undici, Readable: rejects at once; source: ended
#   got, generator: rejects at once; source: ended
#   node-fetch: rejects at once; source: ended
#   http.request, pipeline: rejects at once; source: ended
#   http.request, pipe: rejects at once; source: left open
#   axios: rejects at once; source: left open
set -euo pipefail
script=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(uname)" = Linux ] || { echo 'seen on Linux alone: not run here'; exit 0; }
npm install --loglevel=error --no-audit --no-fund undici@7.30.2 axios@1.21.1 got@15.1.0 ky@1.9.1 node-fetch@3.3.2 \
  "node-linux-$(node -p process.arch)@20.20.2" >/dev/null

cat >uploads.mjs <<'JS'
import { once } from 'node:events';
import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import axios from 'axios';
import got from 'got';
import ky from 'ky';
import nodeFetch from 'node-fetch';
import { request } from 'undici';

const PIECES = 40;
const server = http.createServer((incoming) => incoming.on('error', () => undefined).resume());
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${server.address().port}/`;

async function aborted(send) {
  let pulled = 0;
  let ended = false;
  async function* source() {
    try {
      for (; pulled < PIECES; pulled += 1) {
        await sleep(20);
        yield Buffer.alloc(1_024);
      }
    } finally {
      ended = true;
    }
  }
  const controller = new AbortController();
  const heard = once(server, 'request');
  const end = send(source(), controller.signal).then(() => 'resolves', () => 'rejects');
  await heard;
  await sleep(100);
  controller.abort();
  const how = await Promise.race([end, sleep(10_000, 'hangs')]);
  const when = pulled < PIECES ? 'at once' : 'when the source has ended';
  await sleep(PIECES * 20 + 1_000);
  const left = pulled === PIECES ? 'read to its end' : ended ? 'ended' : 'left open';
  return `${how} ${when}; source: ${left}`;
}

async function sent(outgoing) {
  await once(outgoing, 'response');
}

const post = { method: 'POST', duplex: 'half' };
const sends = {
  'fetch, generator': (body, signal) => fetch(url, { ...post, body, signal }),
  'fetch, Readable': (source, signal) => fetch(url, { ...post, body: Readable.from(source), signal }),
  'fetch, ReadableStream': (source, signal) =>
    fetch(url, { ...post, body: Readable.toWeb(Readable.from(source)), signal }),
  ky: (source, signal) => ky(url, { ...post, body: Readable.toWeb(Readable.from(source)), signal }),
  'undici, generator': (body, signal) => request(url, { method: 'POST', body, signal }),
  'undici, Readable': (source, signal) => request(url, { method: 'POST', body: Readable.from(source), signal }),
  'got, generator': async (body, signal) => got.post(url, { body, signal }),
  'node-fetch': (source, signal) => nodeFetch(url, { method: 'POST', body: Readable.from(source), signal }),
  'http.request, pipeline': async (source, signal) => {
    const outgoing = http.request(url, { method: 'POST', signal });
    await pipeline(source, outgoing);
    await sent(outgoing);
  },
  'http.request, pipe': (source, signal) => sent(Readable.from(source).pipe(http.request(url, { method: 'POST', signal }))),
  axios: (source, signal) => axios.post(url, Readable.from(source), { signal }),
};
for (const [name, send] of Object.entries(sends)) console.log(`${name}: ${await aborted(send)}`);
process.exit();
JS
node_modules/node-linux-*/bin/node uploads.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: an aborted upload leaves something else'; exit 1; }
