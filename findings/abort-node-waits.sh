#!/usr/bin/env bash
# Node 20.20.2: which of its own calls that take a signal end their work on an abort, and which only their promise or
# neither.
#
# Behaviour: `readFile` looks at its signal between two reads: a file that gives nothing (a FIFO, a dead network
# mount) keeps it waiting for ever. An aborted `writeFile` leaves the file with what was written. An aborted
# `pipeline` destroys its streams, while `finished` leaves the stream as it is, and a `Transform` in the middle of its
# work goes on with it. A `for await` over `events.on` is first given all events that had been received. A server that
# got a signal takes no more connections and keeps those it has.
# Why it matters: each takes `{ signal }`, so one expects that the work ends with it.
#
# Output seen:
#   timers/promises: rejects AbortError, cause the reason
#   setInterval of timers/promises: rejects AbortError, cause the reason
#   events.once: rejects AbortError, cause the reason
#   events.on: rejects AbortError, cause the reason; 5 of 5 events read, 0 listeners
#   readline question: rejects AbortError, cause the reason
#   pipeline: rejects AbortError, cause the reason; destroyed: true,true
#   finished: rejects AbortError, cause the reason; destroyed: false
#   pipeline through a slow Transform: rejects AbortError, cause the reason; its work went on to step 10 of 10
#   readFile of a FIFO: goes on waiting
#   createReadStream of a FIFO: goes on waiting
#   writeFile of an async iterable: rejects AbortError, cause the reason; the file is there, cut off
#   server.listen: goes on waiting; listens: false, connections: 1
#   net.connect, then once: rejects AbortError, cause the reason; destroyed: false
set -euo pipefail
script=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(uname)" = Linux ] || { echo 'seen on Linux alone: not run here'; exit 0; }
npm install --loglevel=error --no-audit --no-fund "node-linux-$(node -p process.arch)@20.20.2" >/dev/null
mkfifo pipe

cat >waits.mjs <<'JS'
import { EventEmitter, on, once } from 'node:events';
import { closeSync, createReadStream, openSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline/promises';
import { PassThrough, Transform } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { setInterval as beats, setTimeout as sleep } from 'node:timers/promises';

async function aborted(name, begin, left = () => '') {
  const controller = new AbortController();
  const reason = new Error('stop');
  const end = Promise.resolve(begin(controller.signal)).then(() => 'resolves', (error) => {
    if (error === reason) return 'rejects the reason';
    return `rejects ${error.name}, cause ${error.cause === reason ? 'the reason' : 'none'}`;
  });
  await sleep(200);
  controller.abort(reason);
  const how = await Promise.race([end, sleep(2_000, 'goes on waiting')]);
  const rest = await left();
  console.log(`${name}: ${how}${rest && `; ${rest}`}`);
}

await aborted('timers/promises', (signal) => sleep(60_000, undefined, { signal }));
await aborted('setInterval of timers/promises', async (signal) => {
  for await (const _ of beats(10, undefined, { signal }));
});
await aborted('events.once', (signal) => once(new EventEmitter(), 'x', { signal }));
const source = new EventEmitter();
let read = 0;
await aborted(
  'events.on',
  async (signal) => {
    const events = on(source, 'x', { signal });
    for (let each = 0; each < 5; each += 1) source.emit('x', each);
    for await (const _ of events) {
      read += 1;
      await sleep(150);
    }
  },
  () => `${read} of 5 events read, ${source.listenerCount('x')} listeners`,
);
await aborted('readline question', (signal) => createInterface({ input: new PassThrough() }).question('?', { signal }));
const pair = [new PassThrough(), new PassThrough()];
await aborted('pipeline', (signal) => pipeline(...pair, { signal }), () => `destroyed: ${pair.map((each) => each.destroyed)}`);
const stream = new PassThrough();
await aborted('finished', (signal) => finished(stream, { signal }), () => `destroyed: ${stream.destroyed}`);
let steps = 0;
const slow = new Transform({
  async transform(_chunk, _encoding, done) {
    for (; steps < 10; steps += 1) await sleep(50);
    done();
  },
});
await aborted(
  'pipeline through a slow Transform',
  (signal) => {
    const input = new PassThrough();
    input.write('x');
    return pipeline(input, slow, new PassThrough(), { signal });
  },
  async () => {
    await sleep(800);
    return `its work went on to step ${steps} of 10`;
  },
);
const held = openSync('pipe', 'r+');
await aborted('readFile of a FIFO', (signal) => readFile('pipe', { signal }));
await aborted('createReadStream of a FIFO', (signal) => finished(createReadStream('pipe', { signal }).resume()));
let written = 0;
await aborted(
  'writeFile of an async iterable',
  (signal) =>
    writeFile(
      'file',
      (async function* pieces() {
        for (; written < 40; written += 1) {
          await sleep(30);
          yield 'x'.repeat(100);
        }
      })(),
      { signal },
    ),
  () => `the file is there, ${statSync('file').size === 4_000 ? 'whole' : 'cut off'}`,
);
const server = http.createServer((incoming) => incoming.resume());
await aborted(
  'server.listen',
  async (signal) => {
    server.listen({ port: 0, host: '127.0.0.1', signal });
    await once(server, 'listening');
    connect(server.address().port, '127.0.0.1').write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n');
    await once(server, 'request');
    await once(server, 'close');
  },
  async () => `listens: ${server.listening}, connections: ${await new Promise((f) => server.getConnections((_, n) => f(n)))}`,
);
const deaf = createServer().listen(0, '127.0.0.1');
await once(deaf, 'listening');
const socket = connect({ port: deaf.address().port, host: '127.0.0.1' });
await aborted('net.connect, then once', (signal) => once(socket, 'data', { signal }), () => `destroyed: ${socket.destroyed}`);
closeSync(held);
process.exit();
JS
node_modules/node-linux-*/bin/node waits.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: an abort does something else to a call of Node'; exit 1; }
