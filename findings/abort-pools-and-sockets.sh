#!/usr/bin/env bash
# undici 7.30.2, ws 8.23.0, generic-pool 3.9.0, tarn 3.1.2, piscina 5.3.2, workerpool 10.0.3 and p-event 7.1.1: what
# an abort does to what waits for a place, and to what has one.
#
# Behaviour: undici's `request` waits for its place in an Agent although it has been aborted, while its `fetch`
# rejects at once. ws passes over a signal; after `close()` it sends all it has, after `terminate()` it drops it. A
# resource that generic-pool or tarn makes for a caller who gave up is made all the same, and kept. piscina and
# workerpool kill the thread or process of what runs.
# Why it matters: a cancel waits for the neighbour that has the place, and nobody expects a call that has not begun to
# be the one that waits.
#
# Output seen:
#   undici Agent, request in the queue: waits; 1 requests at the server
#   undici Agent, fetch in the queue: rejects the reason; 1 requests at the server
#   ws, a signal among the options: waits; 2 connections at the server
#   ws, send of 10 and close(): resolves; all 10 arrive
#   ws, send of 10 and terminate(): resolves; not all arrive
#   generic-pool, acquireTimeoutMillis: rejects TimeoutError, cause none; the resource is made all the same: 1 free
#   tarn, abort() of an acquire: rejects Error, cause none; the resource is made all the same: 1 free
#   piscina, a running task: rejects AbortError, cause the reason; its function has ended
#   piscina, a task in the queue: rejects AbortError; the running one: its function goes on
#   workerpool, cancel(): rejects Error, cause none; its function has ended
#   workerpool, timeout: rejects Error, cause none; its function has ended
#   p-event: rejects the reason; 0 listeners
set -euo pipefail
script=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund undici@7.30.2 ws@8.23.0 generic-pool@3.9.0 tarn@3.1.2 piscina@5.3.2 workerpool@10.0.3 p-event@7.1.1 >/dev/null

cat >beat.cjs <<'JS'
const { appendFileSync } = require('node:fs');
module.exports = async (ms) => {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((f) => setTimeout(f, 20))) appendFileSync('beats', '.');
};
JS
cat >pool-worker.cjs <<'JS'
require('workerpool').worker({ beat: require('./beat.cjs') });
JS
cat >pools.mjs <<'JS'
import { EventEmitter, once } from 'node:events';
import { existsSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import genericPool from 'generic-pool';
import { pEvent } from 'p-event';
import { Piscina } from 'piscina';
import { Pool as Tarn } from 'tarn';
import { Agent, fetch, request } from 'undici';
import workerpool from 'workerpool';
import { WebSocket, WebSocketServer } from 'ws';

let requests = 0;
const server = http.createServer((incoming) => {
  requests += 1;
  incoming.resume();
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${server.address().port}`;

async function aborted(name, begin, left) {
  const controller = new AbortController();
  const reason = new Error('stop');
  const end = Promise.resolve(begin(controller.signal)).then(() => 'resolves', (error) => {
    const cause = error.cause === reason ? 'the reason' : 'none';
    return error === reason ? 'rejects the reason' : `rejects ${error.constructor.name} ${error.code ?? ''}`.trimEnd() + `, cause ${cause}`;
  });
  await sleep(500);
  controller.abort(reason);
  const how = await Promise.race([end, sleep(500, 'waits')]);
  console.log(`${name}: ${how}; ${await left()}`);
}

const beats = () => (existsSync('beats') ? statSync('beats').size : 0);
async function goesOn() {
  await sleep(2_000);
  const before = beats();
  await sleep(1_000);
  return beats() > before ? 'its function goes on' : beats() > 0 ? 'its function has ended' : 'its function never began';
}

const agent = new Agent({ connections: 1, pipelining: 1 });
void request(url, { dispatcher: agent }).catch(() => undefined);
await once(server, 'request');
await aborted('undici Agent, request in the queue', (signal) => request(url, { dispatcher: agent, signal }), () => `${requests} requests at the server`);
await aborted('undici Agent, fetch in the queue', (signal) => fetch(url, { dispatcher: agent, signal }), () => `${requests} requests at the server`);
const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
await once(sockets, 'listening');
const address = `ws://127.0.0.1:${sockets.address().port}`;
let received = 0;
sockets.on('connection', (socket) => socket.on('message', () => (received += 1)));
const socket = new WebSocket(address, {});
await once(socket, 'open');
socket.on('error', () => undefined);
await aborted('ws, a signal among the options', async (signal) => {
  const signalled = new WebSocket(address, { signal });
  signalled.on('error', () => undefined);
  await once(signalled, 'open');
  await once(signalled, 'close');
}, () => `${sockets.clients.size} connections at the server`);
for (const how of ['close', 'terminate']) {
  await aborted(`ws, send of 10 and ${how}()`, (signal) => {
    received = 0;
    const own = new WebSocket(address);
    own.on('error', () => undefined);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        for (let each = 0; each < 10; each += 1) own.send('x'.repeat(1_000_000));
        own[how]();
      });
      own.on('close', resolve);
    });
  }, async () => {
    await sleep(500);
    return received === 10 ? 'all 10 arrive' : 'not all arrive';
  });
}

let made = 0;
const factory = { create: async () => ((made += 1), sleep(1_200, { id: made })), destroy: async () => undefined };
const pool = genericPool.createPool(factory, { max: 1, acquireTimeoutMillis: 300 });
await aborted('generic-pool, acquireTimeoutMillis', () => pool.acquire(), async () => {
  await sleep(1_000);
  return `the resource is made all the same: ${pool.available} free`;
});
const tarn = new Tarn({ create: factory.create, destroy: factory.destroy, min: 0, max: 1 });
let pending;
await aborted('tarn, abort() of an acquire', (signal) => {
  pending = tarn.acquire();
  signal.addEventListener('abort', () => void pending.abort());
  return pending.promise;
}, async () => {
  await sleep(1_000);
  return `the resource is made all the same: ${tarn.numFree()} free`;
});

const threads = new Piscina({ filename: `${process.cwd()}/beat.cjs`, maxThreads: 1, minThreads: 1 });
await aborted('piscina, a running task', (signal) => threads.run(20_000, { signal }), goesOn);
rmSync('beats', { force: true });
void threads.run(20_000).catch(() => undefined);
await sleep(300);
const queued = threads.run(20_000, { signal: AbortSignal.timeout(200) }).catch((error) => error.name);
console.log(`piscina, a task in the queue: rejects ${await queued}; the running one: ${await goesOn()}`);
void threads.destroy();
rmSync('beats', { force: true });
const workers = workerpool.pool(`${process.cwd()}/pool-worker.cjs`, { maxWorkers: 1 });
await aborted('workerpool, cancel()', (signal) => {
  const work = workers.exec('beat', [20_000]);
  signal.addEventListener('abort', () => void work.cancel());
  return work;
}, goesOn);
rmSync('beats', { force: true });
await aborted('workerpool, timeout', () => workers.exec('beat', [20_000]).timeout(300), goesOn);

const emitter = new EventEmitter();
await aborted('p-event', (signal) => pEvent(emitter, 'x', { signal }), () => `${emitter.listenerCount('x')} listeners`);
process.exit();
JS
node pools.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: an abort does something else to a pool'; exit 1; }
