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

interface Fakes {
  readonly claim?: Claims['claim'];
  readonly isReadyFor?: () => boolean;
  readonly concurrency?: number;
}

/** An intake alone, with what it was granted and what it has put into queues. */
function intakeOf({
  claim = () => Promise.resolve(undefined),
  isReadyFor = () => true,
  concurrency = 2,
}: Fakes): {
  intake: Intake;
  granted: ClaimGrant[];
  published: unknown[][];
} {
  const granted: ClaimGrant[] = [];
  const published: unknown[][] = [];
  const publish = async (...args: unknown[]): Promise<void> => void published.push(args);
  const intake = new Intake({
    bus: { publish } as unknown as Bus,
    topology,
    claims: { claim } as unknown as Claims,
    concurrency,
    log: pino({ level: 'silent' }),
    versionOf: () => null,
    isReadyFor,
    onGrant: (grant) => granted.push(grant),
    onDecided: () => undefined,
    onUnknownWorker: () => undefined,
  });
  return { intake, granted, published };
}

const topology = createTopology('test');
const newMessage = (): { executionId: string; workflowName: string } => ({
  executionId: crypto.randomUUID(),
  workflowName: 'quick',
});

test('a delivery of what is being claimed already waits for that answer, and does not come again and again', async () => {
  const answer = deferred<ClaimResult | undefined>();
  const { intake, granted } = intakeOf({ claim: () => answer.promise });
  const message = newMessage();
  const outcomes = Promise.all([intake.take(message, false), intake.take(message, true)]);
  expect(await Promise.race([outcomes, settle().then(() => 'none yet')])).toBe('none yet');
  answer.resolve({ granted: true } as ClaimResult);
  expect(await outcomes).toEqual([{ kind: 'ack' }, { kind: 'ack' }]);
  expect(granted).toHaveLength(1);
});

test.each<[string, Fakes]>([
  ['no runner is ready', { isReadyFor: () => false }],
  ['there is no place', { concurrency: 0 }],
  ['the api does not answer', { claim: () => Promise.resolve(undefined) }],
  [
    'the api does not know the worker',
    { claim: () => Promise.resolve({ executionId: '', granted: false, reason: 'UNKNOWN_WORKER' }) },
  ],
])('it comes again without counting towards its delivery limit while %s', async (_, fakes) => {
  const { intake, published } = intakeOf(fakes);
  const message = newMessage();
  expect(await intake.take(message, false)).toMatchObject({ kind: 'retry' });
  expect(published).toEqual([]);
  for (let turn = 0; turn < 2; turn += 1) expect(await intake.take(message, true)).toEqual({ kind: 'ack' });
  expect(published).toEqual([
    [topology.run('quick'), 'run', message],
    [topology.run('quick'), 'run', message],
  ]);
});
