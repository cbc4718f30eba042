import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FLUX, spawnNode } from '@flux/testing';
import type { Benchmark, Defer } from '../benchmark.js';
import { HttpClient } from '../http-client.js';
import { monotonicMs, summarize } from '../stats.js';

const DEFAULT_COUNT = 5;
const READY_TIMEOUT_MS = 30_000;

/** The embedded mode from spawn to its first answer: on new data, and again on the same. */
export const boot: Benchmark = async ({ count = DEFAULT_COUNT }, defer) => {
  const first: number[] = [];
  const again: number[] = [];
  for (let run = 0; run < count; run += 1) {
    const data = await mkdtemp(join(tmpdir(), 'flux-bench-boot-'));
    defer(() => rm(data, { recursive: true, force: true }));
    first.push(await bootOnce(data, defer));
    again.push(await bootOnce(data, defer));
  }
  return {
    latencies: {
      'spawn → first answer, new data': summarize(first),
      'spawn → first answer, same data again': summarize(again),
    },
    values: {},
  };
};

async function bootOnce(data: string, defer: Defer): Promise<number> {
  const spawned = monotonicMs();
  const flux = spawnNode([FLUX, 'start', 'dev', '--port', '0', '--data', data, '--workflows', 'examples']);
  defer(() => flux.kill());
  const [url] = await flux.waitFor(/http:\/\/127\.0\.0\.1:\d+/, READY_TIMEOUT_MS);
  const client = new HttpClient(url, 1);
  const { status } = await client.send('GET', '/workflows');
  const took = monotonicMs() - spawned;
  client.close();
  await flux.stop('SIGTERM', READY_TIMEOUT_MS);
  if (status !== 200) throw new Error(`the first request was answered ${status}`);
  return took;
}
