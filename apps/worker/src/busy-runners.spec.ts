import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorker, type RunningWorker } from './worker.js';
import { Harness } from './testing/worker-harness.js';

let harness: Harness;
let other: RunningWorker | undefined;

afterEach(async () => {
  await other?.close();
  other = undefined;
  await harness.close();
});

/** Resolves once the worker has told that a runner of it hears nothing any more. */
async function block(): Promise<string> {
  const id = await harness.api.begin('busy_shared');
  await harness.until('the warning', () => harness.logs.some((line) => line.executionId === id && line.ms));
  return id;
}

/** Runs this many executions to their ends. */
async function finish(count: number): Promise<void> {
  const runs = Array.from({ length: count }, (_, index) => harness.api.begin('quick', index, 'finished'));
  await Promise.all(runs);
}

describe('with a runner free beside one that is blocked', () => {
  it('what comes is run there, however much there is, and never waits for the busy code', async () => {
    harness = await Harness.start({ FLUX_WORKER_RUNNERS: 2 });
    const busy = await block();
    for (let held = 0; held < 3; held += 1) await harness.api.begin('nap', 60_000, 'timer_started');
    await finish(5);
    expect(harness.api.story(busy)).toEqual(['task_completed']);
  });
});

describe('with all runners blocked', () => {
  it('nothing more is taken, so that other workers have it, until a runner is free', async () => {
    harness = await Harness.start();
    const { api } = harness;
    const busy = await block();
    const { workerId } = harness.worker;
    other = await startWorker({
      bus: harness.broker.connect(),
      settings: { ...harness.settings, FLUX_WORKER_NAME: 'worker-b' },
      logger: harness.logger,
    });
    await finish(10);
    expect(api.heartbeats.filter((beat) => beat.workerId === workerId).at(-1)?.running).toEqual([
      expect.objectContaining({ executionId: busy }),
    ]);
    await other.close();
    const left = await api.run('quick', 1);
    await api.cancel(busy, 100, workerId);
    await api.finished(left);
    expect(await api.finished(busy)).toMatchObject({ forced: true });
  });
});
