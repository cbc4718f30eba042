import { afterEach, expect, test } from '@jest/globals';
import { Harness } from '../testing/worker-harness.js';

let harness: Harness | undefined;

afterEach(() => harness?.close());

test('a prefetched task runs in spite of it: one that is cancelled while the worker holds its message does not', async () => {
  harness = await Harness.start({ FLUX_WORKER_CONCURRENCY: 1 });
  const { api, broker } = harness;
  const first = await api.run('nap', 150);
  await api.event(first, 'timer_started');
  const prefetched = await api.run('quick', 1);
  expect(api.claims).toHaveLength(1);
  api.forget(prefetched);
  await api.event(first, 'finished');
  await api.until('its claim', () => api.claims.some(({ executionId }) => executionId === prefetched));
  const next = await api.run('quick', 2);
  expect(await api.event(next, 'finished')).toMatchObject({ output: 4 });
  expect(api.story(prefetched)).toEqual([]);
  expect(broker.deadLetters()).toEqual([]);
});
