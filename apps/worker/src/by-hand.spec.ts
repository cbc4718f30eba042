import { afterEach, expect, test } from '@jest/globals';
import type { WorkerWish } from '@flux/contracts';
import { Harness, type HarnessOptions } from './testing/worker-harness.js';

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

/** A worker of its own, with what it is asked: by its control queue, unless it is `heard` of with heartbeats alone. */
async function workerOf(options: HarnessOptions = {}) {
  harness = await Harness.start(options);
  const { api, logs } = harness;
  const heard = (kind: WorkerWish['kind']): boolean =>
    logs.some((line) => line.msg === 'asked by hand' && line.wish === kind);
  let number = 0;
  const ask = async (kind: WorkerWish['kind']): Promise<void> => {
    number += 1;
    await api.tell('ping', { at: Date.now(), wish: { number, kind } });
    await api.until(`that it hears of ${kind}`, () => heard(kind));
  };
  return { api, ask, heard, worker: harness };
}

test('a paused worker keeps what it runs, obeys cancels, and takes nothing until it is resumed', async () => {
  const { api, ask } = await workerOf();
  const running = await api.begin('waiting');
  await ask('pause');
  const claims = api.claims.length;
  const waits = await api.run('quick', 1);
  await api.offer(waits, 'quick');
  expect(api.story(running)).not.toContain('handed_back:drain');
  await api.cancel(running, 5_000);
  expect(await api.finished(running)).toMatchObject({ outcome: 'cancelled', cleanup: expect.anything() });
  expect(api.claims).toHaveLength(claims);
  await ask(null);
  expect(await api.finished(waits)).toMatchObject({ output: 2 });
});

test('a worker that comes paused takes nothing, and hears of its resume with a heartbeat', async () => {
  const { api, heard } = await workerOf({
    prepare: (fake) => (fake.wish = { number: 7, kind: 'pause' }),
  });
  expect(heard('pause')).toBe(true);
  const waits = await api.run('quick', 1);
  const beats = api.heartbeats.length;
  await api.until('heartbeats', () => api.heartbeats.length > beats + 2);
  expect(api.claims).toEqual([]);
  // An answer from before, that comes late, changes nothing.
  await api.tell('ping', { at: Date.now(), wish: { number: 6, kind: null } });
  api.wish = { number: 8, kind: null };
  expect(await api.finished(waits)).toMatchObject({ output: 2 });
});

test('a claim that is refused by hand goes back to its queue, and is not lost', async () => {
  const { api, worker } = await workerOf();
  api.heldByHand = true;
  const id = await api.run('quick', 1);
  await api.until('a claim', () => api.claims.length > 0);
  api.heldByHand = false;
  expect(await api.finished(id)).toMatchObject({ output: 2 });
  expect(worker.broker.deadLetters()).toEqual([]);
});

test('a drained worker hands over what it runs, in any runner, lives on, and takes again once it is resumed', async () => {
  const { api, ask, worker } = await workerOf();
  const shared = await api.begin('waiting');
  const own = await api.run('waiting', null, { isolate: true });
  await api.event(own, 'task_completed');
  await ask('drain');
  for (const id of [shared, own]) await api.event(id, 'handed_back');
  expect([shared, own].map((id) => api.story(id).at(-1))).toEqual(['handed_back:drain', 'handed_back:drain']);
  await api.until('that it holds nothing', () => api.heartbeats.at(-1)?.running.length === 0);
  expect(api.heartbeats.at(-1)).toMatchObject({ state: 'running' });
  expect(worker.logged('a runner died')).toBeUndefined();
  const waits = await api.run('quick', 1);
  await ask(null);
  expect(await api.finished(waits)).toMatchObject({ output: 2 });
});

test('what ends within the drain time is not handed over, and a drain that is over by then hands over nothing', async () => {
  const { api, ask } = await workerOf({ FLUX_WORKER_DRAIN: 600_000 });
  const short = await api.begin('nap', 200, 'timer_started');
  const long = await api.begin('waiting');
  await ask('drain');
  expect(await api.finished(short)).toMatchObject({ outcome: 'completed' });
  await ask(null);
  await ask('pause');
  expect(api.isHeld(long)).toBe(true);
  expect(api.story(long)).toEqual(['task_completed']);
  await api.cancel(long, 0);
  await api.finished(long);
});

test('what was claimed before a drain and is granted after it is handed over too', async () => {
  const { api, ask } = await workerOf();
  let grant: () => void = () => undefined;
  api.claimGate = new Promise((resolve) => (grant = resolve));
  const id = await api.run('waiting');
  await harness?.until('a claim under way', () =>
    api.heartbeats.some(({ claiming }) => claiming.includes(id)),
  );
  await ask('drain');
  grant();
  await api.event(id, 'handed_back');
});
