import { afterEach, expect, test } from '@jest/globals';
import { createTopology, type ClaimGrant, type ClaimResult, type MessageBody } from '@flux/contracts';
import type { Bus } from '@flux/messaging';
import { pino } from 'pino';
import { deferred, settle } from '../testing/trial.js';
import { Harness } from '../testing/worker-harness.js';
import type { Claims } from './claims.js';
import { Intake, type IntakeOptions } from './intake.js';

let harness: Harness | undefined;

afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

test('an execution cancelled while the worker holds its message does not run (elsewhere: a prefetched task runs in spite of it)', async () => {
  harness = await Harness.start({ FLUX_WORKER_CONCURRENCY: 1 });
  const { api, broker } = harness;
  const first = await api.begin('waiting');
  const prefetched = await api.run('quick', 1);
  expect(api.claims).toHaveLength(1);
  api.forget(prefetched);
  await api.cancel(first, 5_000);
  await api.finished(first);
  await api.until('its claim', () => api.claims.some(({ executionId }) => executionId === prefetched));
  const next = await api.run('quick', 2);
  expect(await api.finished(next)).toMatchObject({ output: 4 });
  expect(api.story(prefetched)).toEqual([]);
  expect(broker.deadLetters()).toEqual([]);
});

test('an execution that is offered is taken where there is a place, once, and is otherwise left to others', async () => {
  harness = await Harness.start({ FLUX_WORKER_CONCURRENCY: 1 });
  const { api } = harness;
  const [first, second] = [api.plan('waiting'), api.plan('quick', 21)];
  await Promise.all([api.offer(first, 'waiting'), api.offer(first, 'waiting')]);
  await api.event(first, 'task_completed');
  // Offer and cancel come the same way, so the cancel is heard after the offer.
  await api.offer(second, 'quick');
  await api.cancel(first, 5_000);
  await api.finished(first);
  expect(api.claims.map(({ executionId }) => executionId)).toEqual([first]);
  await api.offer(second, 'quick');
  expect(await api.finished(second)).toMatchObject({ outcome: 'completed', output: 42 });
});

type Fakes = Partial<Pick<Claims, 'claim'> & Pick<IntakeOptions, 'isReadyFor' | 'concurrency' | 'runs'>>;

/** An intake alone, with what it was granted and what it has put into queues. */
function intakeOf({ claim = () => Promise.resolve(undefined), ...fakes }: Fakes): {
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
    concurrency: 2,
    log: pino({ level: 'silent' }),
    versionOf: () => null,
    isReadyFor: () => true,
    onGrant: (grant) => granted.push(grant),
    onUnknownWorker: () => undefined,
    runs: () => false,
    onHeldByHand: () => undefined,
    ...fakes,
  });
  return { intake, granted, published };
}

const topology = createTopology('test');
const newMessage = (): MessageBody<'run'> => ({ executionId: crypto.randomUUID(), workflowName: 'quick' });

test('a delivery of an execution being claimed already waits for that answer, and does not come again and again', async () => {
  const answer = deferred<ClaimResult | undefined>();
  const { intake, granted } = intakeOf({ claim: () => answer.promise });
  const message = newMessage();
  const outcomes = Promise.all([intake.takeDelivery(message, false), intake.takeDelivery(message, true)]);
  expect(await Promise.race([outcomes, settle().then(() => 'none yet')])).toBe('none yet');
  answer.resolve({ granted: true } as ClaimResult);
  expect(await outcomes).toEqual([{ kind: 'ack' }, { kind: 'ack' }]);
  expect(granted).toHaveLength(1);
});

test('what comes for an attempt before the answer to its claim is obeyed in order after the grant, and nothing else', async () => {
  const answer = deferred<ClaimResult | undefined>();
  const { intake, granted } = intakeOf({ claim: () => answer.promise });
  const message = newMessage();
  const { executionId } = message;
  const obeyed: unknown[] = [];
  const keep = (attempt: number, name: string): boolean =>
    intake.keepEarly({ executionId, attempt }, () => {
      obeyed.push(name, granted.length);
      // What finds no attempt, because the worker gave the grant up, would be kept again: in vain, and not for ever.
      keep(2, 'again');
    });
  expect(keep(1, 'before the claim')).toBe(false);
  const outcome = intake.takeDelivery(message, false);
  await settle();
  expect(keep(1, 'of an older attempt') && keep(2, 'pause') && keep(2, 'cancel')).toBe(true);
  answer.resolve({ granted: true, executionId, attempt: 2 } as ClaimResult);
  await outcome;
  expect(obeyed).toEqual(['pause', 1, 'cancel', 1]);
  expect(keep(2, 'after the claim')).toBe(false);
});

test.each<[string, Fakes]>([
  ['no runner is ready', { isReadyFor: () => false }],
  ['there is no place', { concurrency: 0 }],
  ['the api does not answer', { claim: () => Promise.resolve(undefined) }],
  [
    'the api does not know the worker',
    { claim: () => Promise.resolve({ executionId: '', granted: false, reason: 'UNKNOWN_WORKER' }) },
  ],
])('a delivery comes again without counting towards its limit while %s', async (_, fakes) => {
  const { intake, published } = intakeOf(fakes);
  const message = newMessage();
  expect(await intake.takeDelivery(message, false)).toMatchObject({ kind: 'retry' });
  expect(published).toEqual([]);
  for (let turn = 0; turn < 2; turn += 1)
    expect(await intake.takeDelivery(message, true)).toEqual({ kind: 'ack' });
  expect(published).toEqual([
    [topology.run('quick'), 'run', message],
    [topology.run('quick'), 'run', message],
  ]);
});

test('what is part of a cleanup takes a place of those that are kept for it, or waits for one beside the control queue', async () => {
  const { intake, granted } = intakeOf({
    claim: (executionId) => Promise.resolve({ granted: true, executionId } as ClaimResult),
    concurrency: 1,
  });
  const offer = (cleanup?: true): Promise<void> =>
    intake.offer({ ...newMessage(), ...(cleanup && { cleanup }) });
  for (const cleanup of [undefined, undefined, true, true, undefined] as const) await offer(cleanup);
  expect(granted).toHaveLength(2);
  intake.release();
  await settle();
  expect(granted).toHaveLength(3);
  intake.close();
});

test('while a worker is paused it takes what the cleanups of its own need, and while it is drained nothing', async () => {
  const own = crypto.randomUUID();
  const { intake, granted } = intakeOf({
    claim: (executionId) => Promise.resolve({ granted: true, executionId } as ClaimResult),
    concurrency: 10,
    runs: (executionId) => executionId === own,
  });
  const messages = [
    newMessage(),
    { ...newMessage(), cleanup: true, cleanupOf: crypto.randomUUID() } as const,
    { ...newMessage(), cleanup: true, cleanupOf: own } as const,
  ];
  const takenWhile = async (kind: 'pause' | 'drain' | null): Promise<number> => {
    intake.hold(kind);
    const before = granted.length;
    for (const message of messages) await intake.offer(message);
    return granted.length - before;
  };
  expect(await takenWhile('pause')).toBe(1);
  expect(await takenWhile('drain')).toBe(0);
  expect(await takenWhile(null)).toBe(3);
});

test('a delivery to a worker that is held by hand goes to others without counting towards its limit', async () => {
  const { intake, granted, published } = intakeOf({});
  intake.hold('pause');
  const message = newMessage();
  expect(await intake.takeDelivery(message, false)).toMatchObject({ kind: 'retry' });
  expect(published).toEqual([]);
  expect(await intake.takeDelivery(message, true)).toEqual({ kind: 'ack' });
  expect(published).toEqual([[topology.run('quick'), 'run', message]]);
  expect(granted).toEqual([]);
});

test('a place that is lent is taken by another, and who lent it goes on without waiting', async () => {
  const { intake, granted } = intakeOf({
    claim: (executionId) => Promise.resolve({ granted: true, executionId } as ClaimResult),
    concurrency: 2,
  });
  const offer = (): Promise<void> => intake.offer(newMessage());
  for (let turn = 0; turn < 3; turn += 1) await offer();
  expect(granted).toHaveLength(2);
  for (let turn = 0; turn < 3; turn += 1) {
    intake.lend(true);
    await offer();
  }
  // No more than twice as many are in memory.
  expect(granted).toHaveLength(4);
  intake.lend(false);
  intake.release(true);
  await offer();
  expect(granted).toHaveLength(4);
  intake.release();
  await offer();
  expect(granted).toHaveLength(5);
});
