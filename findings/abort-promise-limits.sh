#!/usr/bin/env bash
# p-queue 9.3.5, p-limit 7.3.3, p-map 7.1.1, p-retry 7.1.1, p-timeout 7.0.2, cockatiel 3.2.1, async-retry 1.3.3,
# bottleneck 2.19.5 and fastq 1.20.3: an abort ends the promise, and not the function that it stands for.
#
# Behaviour: the function runs to its end everywhere. p-queue gives its place to the next one at once, so that two run
# where one was allowed. What `clearQueue()` of p-limit and `kill()` of fastq drop stays pending for ever. p-retry
# rejects at once in its backoff, and in a try when that settles. cockatiel's retry waits its backoff out and then
# rejects with the error of the try before; its aggressive timeout says of an abort that the operation has timed out
# after the 60 s that have not passed.
# Why it matters: "one at a time" is what the queue is there for: an API that allows one request, a file that one may
# write.
#
# Output seen:
#   p-queue, the running one: rejects the reason; functions: 2 begun, 2 run to their end, 2 at a time
#   p-queue, one that waits: rejects the reason; functions: 1 begun, 1 run to their end, 1 at a time
#   p-map: rejects the reason; functions: 1 begun, 1 run to their end, 1 at a time
#   p-limit, clearQueue(): goes on waiting, then for ever; functions: 1 begun, 1 run to their end, 1 at a time
#   bottleneck, stop(): rejects BottleneckError 'This limiter has been stopped.'; functions: 1 begun, 1 run to their end, 1 at a time
#   fastq, kill(): goes on waiting, then for ever; functions: 1 begun, 1 run to their end, 1 at a time
#   p-retry, in its backoff: rejects the reason
#   p-retry, in a try: goes on waiting, then rejects the reason; functions: 1 begun, 1 run to their end, 1 at a time
#   p-timeout: rejects the reason; functions: 1 begun, 1 run to their end, 1 at a time
#   cockatiel retry, in its backoff: goes on waiting, then rejects Error 'no answer'
#   cockatiel timeout: rejects TaskCancelledError 'Operation timed out after 60000ms'; functions: 1 begun, 1 run to their end, 1 at a time
#   async-retry, bail(): rejects the reason; functions: 1 begun, 1 run to their end, 1 at a time
set -euo pipefail
script=$(realpath "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --loglevel=error --no-audit --no-fund p-queue@9.3.5 p-limit@7.3.3 p-map@7.1.1 p-retry@7.1.1 p-timeout@7.0.2 \
  cockatiel@3.2.1 async-retry@1.3.3 bottleneck@2.19.5 fastq@1.20.3 >/dev/null

cat >limits.mjs <<'JS'
import { setTimeout as sleep } from 'node:timers/promises';
import asyncRetry from 'async-retry';
import Bottleneck from 'bottleneck';
import { ConstantBackoff, handleAll, retry, timeout, TimeoutStrategy } from 'cockatiel';
import fastq from 'fastq';
import pLimit from 'p-limit';
import pMap from 'p-map';
import PQueue from 'p-queue';
import pRetry from 'p-retry';
import pTimeout from 'p-timeout';

/** Begins, aborts after 200 ms, and tells what the promise does within half a second, and what the functions do. */
async function aborted(name, begin) {
  let running = 0;
  let most = 0;
  let begun = 0;
  let ended = 0;
  const work = async () => {
    begun += 1;
    running += 1;
    most = Math.max(most, running);
    await sleep(1_500);
    running -= 1;
    ended += 1;
  };
  const controller = new AbortController();
  const reason = new Error('stop');
  const end = Promise.resolve(begin(work, controller.signal)).then(() => 'resolves', (error) => {
    if (error === reason) return 'rejects the reason';
    return `rejects ${error.constructor.name} '${error.message}'`;
  });
  await sleep(200);
  controller.abort(reason);
  const how = await Promise.race([end, sleep(500, 'goes on waiting')]);
  await sleep(2_500);
  const late = how === 'goes on waiting' ? `, then ${await Promise.race([end, sleep(3_000, 'for ever')])}` : '';
  const works = begun > 0 ? `; functions: ${begun} begun, ${ended} run to their end, ${most} at a time` : '';
  console.log(`${name}: ${how}${late}${works}`);
}

const fail = () => {
  throw new Error('no answer');
};
await aborted('p-queue, the running one', (work, signal) => {
  const queue = new PQueue({ concurrency: 1 });
  const first = queue.add(work, { signal });
  void queue.add(work);
  return first;
});
await aborted('p-queue, one that waits', (work, signal) => {
  const queue = new PQueue({ concurrency: 1 });
  void queue.add(work);
  return queue.add(work, { signal });
});
await aborted('p-map', (work, signal) => pMap([1, 2, 3], work, { concurrency: 1, signal }));
await aborted('p-limit, clearQueue()', (work, signal) => {
  const limit = pLimit(1);
  signal.addEventListener('abort', () => limit.clearQueue());
  void limit(work);
  return limit(work);
});
await aborted('bottleneck, stop()', (work, signal) => {
  const limiter = new Bottleneck({ maxConcurrent: 1 });
  signal.addEventListener('abort', () => void limiter.stop());
  void limiter.schedule(work).catch(() => undefined);
  return limiter.schedule(work);
});
await aborted('fastq, kill()', (work, signal) => {
  const queue = fastq.promise(work, 1);
  signal.addEventListener('abort', () => queue.kill());
  void queue.push(1);
  return queue.push(2);
});
await aborted('p-retry, in its backoff', (_work, signal) => pRetry(fail, { signal, minTimeout: 2_000 }));
await aborted('p-retry, in a try', (work, signal) => pRetry(work, { signal }));
await aborted('p-timeout', (work, signal) => pTimeout(work(), { signal, milliseconds: 60_000 }));
const policy = retry(handleAll, { maxAttempts: 3, backoff: new ConstantBackoff(2_000) });
await aborted('cockatiel retry, in its backoff', (_work, signal) => policy.execute(fail, signal));
await aborted('cockatiel timeout', (work, signal) => timeout(60_000, TimeoutStrategy.Aggressive).execute(work, signal));
await aborted('async-retry, bail()', (work, signal) =>
  asyncRetry((bail) => {
    signal.addEventListener('abort', () => bail(signal.reason));
    return work();
  }),
);
process.exit();
JS
node limits.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: an abort ends something else'; exit 1; }
