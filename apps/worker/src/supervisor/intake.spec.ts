import { afterEach, expect, test } from '@jest/globals';
import { createTopology, type ClaimGrant, type ClaimResult } from '@flux/contracts';
import type { Bus } from '@flux/messaging';
import { pino } from 'pino';
import { deferred, settle } from '../testing/trial.js';
import { Harness } from '../testing/worker-harness.js';
import type { Claims } from './claims.js';
import { Intake } from './intake.js';

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

test('a delivery of what is being claimed already waits for that answer, and does not come again and again', async () => {
  const answer = deferred<ClaimResult | undefined>();
  const granted: ClaimGrant[] = [];
  const intake = new Intake({
    bus: {} as Bus,
    topology: createTopology('test'),
    claims: { claim: () => answer.promise } as unknown as Claims,
    concurrency: 2,
    log: pino({ level: 'silent' }),
    versionOf: () => null,
    isReady: () => true,
    onGrant: (grant) => granted.push(grant),
    onDecided: () => undefined,
    onUnknownWorker: () => undefined,
  });
  const message = { executionId: crypto.randomUUID(), workflowName: 'quick' };
  const outcomes = Promise.all([intake.take(message, false), intake.take(message, true)]);
  expect(await Promise.race([outcomes, settle().then(() => 'none yet')])).toBe('none yet');
  answer.resolve({ granted: true } as ClaimResult);
  expect(await outcomes).toEqual([{ kind: 'ack' }, { kind: 'ack' }]);
  expect(granted).toHaveLength(1);
});
