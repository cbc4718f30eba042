#!/usr/bin/env bash
# @grpc/grpc-js 1.14.7: what a cancel or a deadline of the client ends on the server.
#
# Behaviour: `cancel()` and a deadline are told to the server at once. A signal among the options is passed over
# without a word, `close()` of the client lets its calls go on, and neither `destroy()` of a stream nor `break` out of
# its `for await` cancels the call: the server makes the answer to its end. Its function goes on in any case, and its
# event 'cancelled' also comes after calls that nobody has cancelled.
# Why it matters: `destroy()` and `break` are how any other stream of Node is given up.
#
# Output seen:
#   unary, a signal among the options: waits, then no error; the server hears 'cancelled' when it has answered, its function comes to step 10 of 10
#   unary, cancel(): CANCELLED; the server hears 'cancelled' at once, its function comes to step 10 of 10
#   unary, deadline: DEADLINE_EXCEEDED; the server hears 'cancelled' at once, its function comes to step 10 of 10
#   unary, close() of the client: waits, then no error; the server hears 'cancelled' when it has answered, its function comes to step 10 of 10
#   server stream, cancel(): CANCELLED; the server hears 'cancelled' at once, its function comes to step 10 of 10
#   server stream, destroy(): no error; the server hears 'cancelled' when it has answered, its function comes to step 10 of 10
#   server stream, break out of for await: no error; the server hears 'cancelled' when it has answered, its function comes to step 10 of 10
#   client stream, destroy(): waits, then no error; the server hears 'cancelled' when it has answered, its function comes to step 10 of 10
set -euo pipefail
script=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund @grpc/grpc-js@1.14.7 >/dev/null

cat >calls.mjs <<'JS'
import { setTimeout as sleep } from 'node:timers/promises';
import grpc from '@grpc/grpc-js';

const text = { requestSerialize: Buffer.from, requestDeserialize: String, responseSerialize: Buffer.from, responseDeserialize: String };
const method = (path, requestStream, responseStream) => ({ path: `/s/${path}`, requestStream, responseStream, ...text });
const service = { unary: method('unary', false, false), many: method('many', false, true), up: method('up', true, false) };
let steps = 0;
let heard;
let written = 0;
const server = new grpc.Server();
async function work(call) {
  steps = 0;
  heard = undefined;
  call.on('cancelled', () => (heard ??= steps));
  for (; steps < 10; steps += 1) await sleep(100);
}
server.addService(service, {
  unary: (call, done) => void work(call).then(() => done(null, 'x')),
  many: async (call) => {
    call.on('error', () => undefined);
    call.on('cancelled', () => (heard ??= steps));
    heard = undefined;
    for (steps = 0; steps < 10; steps += 1) {
      call.write('x');
      await sleep(100);
    }
    call.end();
  },
  up: (call, done) => {
    call.on('data', () => undefined).on('error', () => undefined);
    void work(call).then(() => done(null, 'x'));
  },
});
const port = await new Promise((resolve, reject) =>
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
);
const Client = grpc.makeGenericClientConstructor(service, 's');
const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());

async function stopped(name, begin) {
  const controller = new AbortController();
  const end = new Promise((resolve) => begin(controller.signal, (error) => resolve(error ? `${grpc.status[error.code] ?? error.name}` : 'no error')));
  await sleep(300);
  controller.abort();
  const how = await Promise.race([end, sleep(400, 'waits')]);
  const late = how === 'waits' ? `, then ${await end}` : '';
  await sleep(1_500);
  console.log(`${name}: ${how}${late}; the server hears 'cancelled' ${heard === undefined ? 'never' : heard < 8 ? 'at once' : 'when it has answered'}, its function comes to step ${steps} of 10`);
}
await stopped('unary, a signal among the options', (signal, done) => client.unary('x', new grpc.Metadata(), { signal }, done));
await stopped('unary, cancel()', (signal, done) => {
  const call = client.unary('x', done);
  signal.addEventListener('abort', () => call.cancel());
});
await stopped('unary, deadline', (_signal, done) => client.unary('x', new grpc.Metadata(), { deadline: Date.now() + 300 }, done));
await stopped('unary, close() of the client', (signal, done) => {
  const own = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  own.unary('x', done);
  signal.addEventListener('abort', () => own.close());
});
await stopped('server stream, cancel()', (signal, done) => {
  const call = client.many('x');
  call.on('data', () => undefined).on('error', done).on('end', () => done());
  signal.addEventListener('abort', () => call.cancel());
});
await stopped('server stream, destroy()', (signal, done) => {
  const call = client.many('x');
  call.on('data', () => undefined).on('error', done).on('close', () => done());
  signal.addEventListener('abort', () => call.destroy());
});
await stopped('server stream, break out of for await', (signal, done) => {
  const call = client.many('x');
  void (async () => {
    for await (const _ of call) if (signal.aborted) break;
  })().then(() => done(), done);
});
await stopped('client stream, destroy()', (signal, done) => {
  const call = client.up(done);
  call.on('error', () => undefined);
  call.write('x');
  signal.addEventListener('abort', () => call.destroy());
});
process.exit();
JS
node calls.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: the server hears something else of a cancel'; exit 1; }
