import { afterEach, describe, expect, test } from '@jest/globals';
import { Harness } from './testing/worker-harness.js';

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

describe('an execution that is offered', () => {
  test('is taken where there is a place, once, and is otherwise left to others', async () => {
    harness = await Harness.start({ FLUX_WORKER_CONCURRENCY: 1 });
    const { api } = harness;
    const [first, second] = [api.plan('waiting'), api.plan('quick', 21)];
    await Promise.all([api.offer(first, 'waiting'), api.offer(first, 'waiting')]);
    await api.event(first, 'task_completed');
    // Both come the same way, so the cancel is heard after the offer.
    await api.offer(second, 'quick');
    await api.cancel(first, 5_000);
    await api.event(first, 'finished');
    expect(api.claims.map(({ executionId }) => executionId)).toEqual([first]);
    await api.offer(second, 'quick');
    expect(await api.event(second, 'finished')).toMatchObject({ outcome: 'completed', output: 42 });
  });
});
