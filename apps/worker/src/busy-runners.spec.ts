import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
  const id = await harness.api.run('busy');
  await harness.api.event(id, 'task_completed');
  await harness.until('the warning', () => harness.logs.some((line) => line.executionId === id && line.ms));
  return id;
}

/** So many executions to their ends. */
async function finish(count: number): Promise<void> {
  const ids = await Promise.all(Array.from({ length: count }, (_, index) => harness.api.run('quick', index)));
  await Promise.all(ids.map((id) => harness.api.event(id, 'finished')));
}

describe('with a runner free beside one that is blocked', () => {
  beforeEach(async () => {
    harness = await Harness.start({ FLUX_WORKER_RUNNERS: 2 });
  });

  it('what comes is run there, however much there is, and never waits for the busy code', async () => {
    const busy = await block();
    for (let held = 0; held < 3; held += 1) {
      await harness.api.event(await harness.api.run('nap', 60_000), 'timer_started');
    }
    await finish(5);
    expect(harness.api.story(busy)).toEqual(['task_completed']);
  });
});

describe('with all runners blocked', () => {
  beforeEach(async () => {
    harness = await Harness.start();
  });

  it('nothing more is taken, so that other workers have it, until a runner is free', async () => {
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
    await api.event(left, 'finished');
    expect(await api.event(busy, 'finished')).toMatchObject({ forced: true });
  });
});
