import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Harness } from '../testing/worker-harness.js';

const AHEAD_MS = 3_600_000;

let harness: Harness;
beforeAll(async () => {
  harness = await Harness.start({ prepare: (api) => void (api.aheadMs = AHEAD_MS) });
});
afterAll(() => harness.close());

test('a sleep is due on the clock of an api that is an hour ahead', async () => {
  const { api } = harness;
  const before = Date.now();
  const id = await api.run('nap', 20);
  const { dueAt } = await api.event(id, 'timer_started');
  await api.finished(id);
  expect(Number(dueAt)).toBeGreaterThanOrEqual(before + AHEAD_MS + 20);
  expect(Number(dueAt)).toBeLessThan(Date.now() + AHEAD_MS + 1_000);
});

test('a recorded sleep lasts what is left of it on that clock, no less and no more', async () => {
  const { api } = harness;
  const began = performance.now();
  const dueAt = Date.now() + AHEAD_MS + 200;
  const recorded = {
    type: 'timer_started',
    callId: '$sleep#0',
    name: '$sleep',
    durationMs: 900,
    dueAt,
  } as const;
  const id = await api.run('nap', 900, { attempt: 2, history: [recorded] });
  await api.finished(id);
  const tookMs = performance.now() - began;
  expect(tookMs).toBeGreaterThan(190);
  expect(api.story(id)).toEqual(['finished:completed']);
});
