#!/usr/bin/env bash
# ioredis 6.0.0, redis 6.3.1 and bullmq 6.7.0 with Redis 7: what a timeout or an abort leaves of a command and of a
# job.
#
# Behaviour: ioredis' `commandTimeout` rejects a `blpop` that goes on waiting in Redis: the next element is popped and
# given to nobody. The signal of redis is heard only before a command is written. To end the connection ends the
# command too. bullmq's `close()` waits for the job and aborts nothing; `close(true)` and `cancelJob()` return while
# the function runs on, and a job that does not look at its signal is completed although it was cancelled.
# Why it matters: a queue loses an element with each timeout, and what was to be stopped goes on under a name that
# says it was.
#
# Output seen:
#   ioredis, blpop, commandTimeout: rejects Error 'Command timed out'; the next element is gone
#   ioredis, blpop, disconnect(): rejects Error 'Connection is closed.'; the next element is kept
#   redis, blPop, withAbortSignal: waits, then resolves {"key":"c","element":"element"}; the next element is gone
#   redis, blPop, destroy(): rejects DisconnectsClientError 'Disconnects client'; the next element is kept
#   bullmq, worker.close(): resolves when the job has ended; job: 10 of 10 steps, signal aborted: false, completed
#   bullmq, worker.close(true): resolves at once; job: 10 of 10 steps, signal aborted: false, active
#   bullmq, job.remove(): rejects 'Job N could not be removed because it is locked by another worker' at once; job: 10 of 10 steps, signal aborted: false, completed
#   bullmq, cancelJob(): resolves true at once; job: 10 of 10 steps, signal aborted: true, completed
set -euo pipefail
script=$(realpath "$0")
command -v redis-server >/dev/null || { echo 'needs redis-server: not run here'; exit 0; }
work=$(mktemp -d)
redis-server --port 0 --unixsocket "$work/socket" --save '' --dir "$work" --daemonize yes --pidfile "$work/pid" >/dev/null
trap 'kill "$(cat "$work/pid")" || true; rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund ioredis@6.0.0 redis@6.3.1 bullmq@6.7.0 >/dev/null

cat >commands.mjs <<'JS'
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { createClient } from 'redis';

const path = `${process.cwd()}/socket`;
const feed = new Redis({ path });
const told = (promise, reason) =>
  Promise.race([
    promise.then((value) => `resolves ${JSON.stringify(value)}`, (error) => `rejects ${error === reason ? 'the reason' : `${error.constructor.name} '${error.message}'`}`),
    sleep(1_500, 'waits'),
  ]);

/** Whether an element that is added later is still there after `stopped` was told of the stop. */
async function left(key) {
  await feed.rpush(key, 'element');
  await sleep(200);
  return (await feed.llen(key)) > 0 ? 'the next element is kept' : 'the next element is gone';
}

const ioredis = new Redis({ path, commandTimeout: 300 });
console.log(`ioredis, blpop, commandTimeout: ${await told(ioredis.blpop('a', 0))}; ${await left('a')}`);
const second = new Redis({ path });
const popped = second.blpop('b', 0);
await sleep(200);
second.disconnect();
console.log(`ioredis, blpop, disconnect(): ${await told(popped)}; ${await left('b')}`);

const client = await createClient({ socket: { path } }).on('error', () => undefined).connect();
const controller = new AbortController();
const reason = new Error('stop');
const blocked = client.withAbortSignal(controller.signal).blPop('c', 0);
await sleep(200);
controller.abort(reason);
const deaf = await told(blocked, reason);
const rest = await left('c');
console.log(`redis, blPop, withAbortSignal: ${deaf}, then ${await told(blocked, reason)}; ${rest}`);
const third = await createClient({ socket: { path } }).on('error', () => undefined).connect();
const waiting = third.blPop('d', 0);
await sleep(200);
third.destroy();
console.log(`redis, blPop, destroy(): ${await told(waiting)}; ${await left('d')}`);

/** How a worker that is stopped in the middle of a job ends, and what the job does. */
async function job(name, stop) {
  const connection = { path, maxRetriesPerRequest: null };
  const queue = new Queue(name, { connection });
  let begun;
  const active = new Promise((resolve) => (begun = resolve));
  let steps = 0;
  let aborted = 'has no signal';
  const worker = new Worker(
    name,
    async (_job, _token, signal) => {
      begun();
      for (; steps < 10; steps += 1) await sleep(150);
      aborted = signal === undefined ? 'has no signal' : `signal aborted: ${signal.aborted}`;
      return 'done';
    },
    { connection },
  );
  worker.on('error', () => undefined);
  const added = await queue.add('x', {});
  await active;
  await sleep(200);
  const how = await Promise.race([Promise.resolve().then(() => stop(worker, added, queue)).then((value) => `resolves${value === undefined ? '' : ` ${value}`}`, (error) => `rejects '${error.message.replace(/\d+/g, 'N')}'`), sleep(5_000, 'waits')]);
  const at = steps < 10 ? 'at once' : 'when the job has ended';
  await sleep(2_000);
  const state = await queue.getJobState(added.id);
  return `${how} ${at}; job: ${steps} of 10 steps, ${aborted}, ${state}`;
}
console.log(`bullmq, worker.close(): ${await job('e', (worker) => worker.close())}`);
console.log(`bullmq, worker.close(true): ${await job('f', (worker) => worker.close(true))}`);
console.log(`bullmq, job.remove(): ${await job('g', (_worker, added) => added.remove())}`);
console.log(`bullmq, cancelJob(): ${await job('h', (worker, added) => worker.cancelJob(added.id, 'stop'))}`);
process.exit();
JS
node commands.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: a stop leaves something else in Redis'; exit 1; }
