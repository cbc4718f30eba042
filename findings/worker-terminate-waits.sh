#!/usr/bin/env bash
# Node 20.20.2: worker.terminate() ends an endless loop at once, but waits for an asynchronous job to finish.
#
# Behaviour: a thread in `for (;;) {}` is gone milliseconds after terminate(). A thread that sits idle in its event
# loop, waiting for `crypto.pbkdf2` (the asynchronous one), is gone when that job in libuv's pool is done: no part
# of it is cut short. Node 22.23.5 and 24.22.3 do the same.
# Why it matters: one expects the reverse. Code that blocks nothing and looks the easiest to stop is what a deadline
# kept by terminate() cannot stop; only the end of the process can.
#
# Output seen (times differ by machine):
#   v20.20.2
#   the job takes 1481 ms
#   terminate() on an endless loop: 5 ms
#   terminate() on a thread waiting for the job: 1452 ms
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(uname)" = Linux ] || { echo 'seen on Linux alone: not run here'; exit 0; }
npm install --loglevel=error --no-audit --no-fund "node-linux-$(node -p process.arch)@20.20.2" >/dev/null

cat >terminate.mjs <<'JS'
import { pbkdf2Sync } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const ROUNDS = 3_000_000;

async function timed(work) {
  const start = performance.now();
  await work();
  return Math.round(performance.now() - start);
}

/** How long a thread lives on that has started `code`, in milliseconds. */
async function terminated(code) {
  const thread = new Worker(`require('node:worker_threads').parentPort.postMessage('up');${code}`, { eval: true });
  await once(thread, 'message');
  await new Promise((resolve) => setTimeout(resolve, 100));
  return timed(() => thread.terminate());
}

console.log(process.version);
const job = await timed(() => pbkdf2Sync('password', 'salt', ROUNDS, 64, 'sha512'));
console.log(`the job takes ${job} ms`);
const loop = await terminated('for (;;) {}');
console.log(`terminate() on an endless loop: ${loop} ms`);
const waiting = await terminated(
  `require('node:crypto').pbkdf2('password', 'salt', ${ROUNDS}, 64, 'sha512', () => undefined)`,
);
console.log(`terminate() on a thread waiting for the job: ${waiting} ms`);
if (loop > job / 3 || waiting < job / 3) {
  console.log('changed: the loop is not ended at once, or the job is not waited for');
  process.exitCode = 1;
}
JS
node_modules/node-linux-*/bin/node terminate.mjs
