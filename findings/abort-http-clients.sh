#!/usr/bin/env bash
# fetch, undici 7.30.2, axios 1.21.1, got 15.1.0 and 16.1.0, ky 1.9.1, node-fetch 3.3.2, needle 3.5.0, superagent
# 10.4.2 and http.get on Node 20.20.2: all close the connection on an abort, and half of them say nothing of the
# signal's reason.
#
# Behaviour: each is given a signal and aborted with a reason, once before the answer and once in the middle of its
# body. All of them reject at once, and the server sees the connection closed. What they reject is another matter: the
# reason itself, an error with the reason as `cause`, or an error of their own without it. got 15's has an empty
# object for a cause.
# Why it matters: `controller.abort(reason)` is there to say why. Code that tells a cancel from a failure by the error
# it has caught cannot do so with axios, got 15, node-fetch, superagent, or in the body of `http.get`; it has to look
# at `signal.aborted`.
#
# Output seen:
#   fetch: the reason; closed | in the body: the reason; closed
#   undici: the reason; closed | in the body: the reason; closed
#   axios: CanceledError ERR_CANCELED, cause none; closed | in the body: CanceledError ERR_CANCELED, cause none; closed
#   axios, adapter fetch: CanceledError ERR_CANCELED, cause none; closed | in the body: CanceledError ERR_CANCELED, cause none; closed
#   got 15: AbortError ERR_ABORTED, cause {}; closed | in the body: AbortError ERR_ABORTED, cause {}; closed
#   got 16: AbortError ERR_ABORTED, cause the reason; closed | in the body: AbortError ERR_ABORTED, cause the reason; closed
#   ky: the reason; closed | in the body: the reason; closed
#   node-fetch: AbortError, cause none; closed | in the body: AbortError, cause none; closed
#   needle: AbortError ABORT_ERR, cause the reason; closed | in the body: AbortError ABORT_ERR, cause the reason; closed
#   superagent, abort(): Error ABORTED, cause none; closed | in the body: Error ABORTED, cause none; closed
#   http.get: AbortError ABORT_ERR, cause the reason; closed | in the body: Error ECONNRESET, cause none; closed
set -euo pipefail
script=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(uname)" = Linux ] || { echo 'seen on Linux alone: not run here'; exit 0; }
npm install --loglevel=error --no-audit --no-fund undici@7.30.2 axios@1.21.1 got-15@npm:got@15.1.0 got@16.1.0 ky@1.9.1 \
  node-fetch@3.3.2 needle@3.5.0 superagent@10.4.2 "node-linux-$(node -p process.arch)@20.20.2" >/dev/null

cat >clients.mjs <<'JS'
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import axios from 'axios';
import got from 'got';
import got15 from 'got-15';
import ky from 'ky';
import needle from 'needle';
import nodeFetch from 'node-fetch';
import superagent from 'superagent';
import { request } from 'undici';

class Reason extends Error {}
let closed;
const server = http.createServer((incoming, response) => {
  incoming.resume();
  closed = once(response, 'close');
  if (incoming.url !== '/body') return;
  response.writeHead(200, { 'content-length': '1000' });
  response.write('part');
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${server.address().port}`;

function told(error, reason) {
  if (error === reason) return 'the reason';
  const cause = error.cause === reason ? 'the reason' : (JSON.stringify(error.cause) ?? 'none');
  return `${error.constructor.name} ${error.code ?? ''}`.trim() + `, cause ${cause}`;
}

/** What a call rejects that is aborted on its way, and what becomes of its connection. */
async function aborted(call, path) {
  const controller = new AbortController();
  const reason = new Reason('stop');
  const heard = once(server, 'request');
  const end = call(url + path, controller.signal).then(() => new Error('none'), (error) => error);
  await heard;
  await sleep(200);
  controller.abort(reason);
  const error = await Promise.race([end, sleep(5_000, new Error('still waiting'))]);
  return `${told(error, reason)}; ${await Promise.race([closed.then(() => 'closed'), sleep(5_000, 'open')])}`;
}

const calls = {
  fetch: async (address, signal) => (await fetch(address, { signal })).text(),
  undici: async (address, signal) => (await request(address, { signal })).body.text(),
  axios: (address, signal) => axios.get(address, { signal }),
  'axios, adapter fetch': (address, signal) => axios.get(address, { signal, adapter: 'fetch' }),
  'got 15': async (address, signal) => got15(address, { signal }),
  'got 16': async (address, signal) => got(address, { signal }),
  ky: (address, signal) => ky(address, { signal }).text(),
  'node-fetch': async (address, signal) => (await nodeFetch(address, { signal })).text(),
  needle: (address, signal) => needle('get', address, { signal }),
  'superagent, abort()': async (address, signal) => {
    const sent = superagent.get(address);
    signal.addEventListener('abort', () => void sent.abort());
    return sent;
  },
  'http.get': async (address, signal) => {
    const [response] = await once(http.get(address, { signal }), 'response');
    return response.toArray();
  },
};
for (const [name, call] of Object.entries(calls)) {
  console.log(`${name}: ${await aborted(call, '/')} | in the body: ${await aborted(call, '/body')}`);
}
process.exit();
JS
node_modules/node-linux-*/bin/node clients.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: an aborted client tells something else'; exit 1; }
