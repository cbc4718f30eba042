import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { descendants, until } from '@flux/testing';
import { Harness } from './testing/worker-harness.js';

let harness: Harness;
/** The processes of this test file, before its worker. */
let others: Set<number>;

/** The runners of the worker that have loaded the workflows: nothing of a load takes their processor any more. */
async function runners(): Promise<number[]> {
  return (await descendants(process.pid)).filter((pid) => !others.has(pid));
}

/** Resolves with the runners once there are so many, and they are at rest. */
async function settled(count: number): Promise<number[]> {
  let before = '';
  let found: number[] = [];
  await until(
    `${count} runners at rest`,
    async () => {
      found = await runners();
      const used = (await Promise.all(found.map(cpuTicks))).join();
      const isSame = used === before && found.length === count;
      before = used;
      return isSame;
    },
    20_000,
    300,
  );
  return found;
}

/** The processor time of a process; empty for one that has ended since it was listed. */
async function cpuTicks(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .join();
}

const pidOf = async (name: string): Promise<number> => {
  const { output } = await harness.api.finished(await harness.api.run(name, { name }));
  return (output as { pid: number }).pid;
};

beforeEach(async () => {
  others = new Set(await descendants(process.pid));
  harness = await Harness.start({ FLUX_WORKER_SPARE_RUNNERS: 1 });
});

afterEach(() => harness.close());

describe('a spare runner', () => {
  test('is given to an execution with a runner of its own, and another one takes its place', async () => {
    const warm = await settled(2);
    const shared = await pidOf('talk_shared');
    expect(warm).toContain(shared);
    const own = await pidOf('talk_process');
    expect(warm.filter((pid) => pid !== shared)).toEqual([own]);
    const next = await settled(2);
    expect(next).toContain(shared);
    expect(next).not.toContain(own);
  });

  test('takes the place of a shared runner that is killed', async () => {
    const warm = await settled(2);
    const shared = await pidOf('talk_shared');
    const busy = await harness.api.begin('busy_shared');
    await harness.api.cancel(busy, 0);
    await harness.api.finished(busy);
    const next = await pidOf('talk_shared');
    expect(warm.filter((pid) => pid !== shared)).toEqual([next]);
    await settled(2);
  });

  test('is killed by a drain, and not replaced; nothing is left in the end', async () => {
    await settled(2);
    await harness.close();
    expect(await runners()).toEqual([]);
    harness = await Harness.start({ FLUX_WORKER_SPARE_RUNNERS: 1, FLUX_WORKER_DRAIN: 20_000 });
    await settled(2);
    const { api, worker } = harness;
    const id = await api.begin('waiting');
    const closed = worker.close();
    await until('one runner', async () => (await runners()).length === 1, 10_000);
    await api.cancel(id, 5_000, worker.workerId);
    await closed;
    expect(await runners()).toEqual([]);
  });
});
