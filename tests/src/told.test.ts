import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type CheckpointEvent, type ClaimGrant, type ExecutionResource } from '@flux/contracts';
import { createMemoryBroker } from '@flux/messaging';
import fc from 'fast-check';
import { historyFaults } from './support/history.js';
import { usePlayedApi } from './support/played-api.js';
import { delivered, finished, taskCompleted } from './support/played-worker.js';
import { samplesOf, toldFaults } from './support/told.js';

/** Cancels of every kind, in any mixture: the answer, the history and the metrics say the same of each. */

const { rest, worker } = usePlayedApi({
  namespace: 'told',
  broker: createMemoryBroker(),
  // A cleanup that nobody runs is waited for so long.
  env: { FLUX_LEASE: '3s', FLUX_HEARTBEAT: '1s' },
});

const stop = (changes: Partial<Extract<CheckpointEvent, { type: 'finished' }>> = {}): CheckpointEvent[] => [
  delivered(),
  { ...finished('cancelled', true), ...changes } as CheckpointEvent,
];
const handedBack: CheckpointEvent = { type: 'handed_back', reason: 'runner_lost', at: 0 };
const lock = { name: 'Error', message: 'the lock is gone' };

interface Kind {
  /** The events that the worker tells before the cancel; none: no worker has the execution. */
  readonly before?: readonly CheckpointEvent[];
  /** The event that is told after the cancel by the owner, or by `heir`; absent: nobody tells anything. */
  readonly after?: () => readonly CheckpointEvent[];
  /** Whether the owner gave the execution back, so that another attempt runs its cleanup. */
  readonly heir?: boolean;
  readonly request?: Record<string, unknown>;
}

const KINDS: Readonly<Record<string, Kind>> = {
  'before any worker had it': {},
  'with nothing to clean up': { before: [], after: () => stop({ cleanup: 'none' }) },
  'with a cleanup that succeeds': { before: [taskCompleted('a#0', 1)], after: () => stop() },
  'with a cleanup that fails': { before: [], after: () => stop({ cleanup: 'failed', cleanupError: lock }) },
  'whose delivery is not told apart': { before: [], after: () => [finished('cancelled', true)] },
  'killed at its deadline': {
    before: [],
    after: () => stop({ cleanup: 'timed_out', forced: true }),
    request: { force: true },
  },
  'that the body answers with a value': {
    before: [],
    after: () => stop({ outcome: 'completed', output: 7 }),
  },
  'whose body had returned before': { before: [], after: () => [finished('completed', false)] },
  'whose body had thrown before the signal came': {
    before: [],
    after: () => [delivered(), finished('failed', false)],
  },
  'that another worker cleans up after': { before: [handedBack], after: () => stop(), heir: true },
  'that no worker can clean up after': { before: [handedBack], request: { gracePeriod: '50ms' } },
};

/** Plays one cancel to its end and returns the last answer to it. */
async function play({ before, after, heir, request }: Kind): Promise<ExecutionResource> {
  const started = await rest.start('plain');
  let grant: ClaimGrant | undefined = before && (await worker.claim(started));
  if (grant && before && before.length > 0) {
    await worker.checkpoint(grant, [...before]);
    await rest.untilHistory(started, (events) => events.length > 2);
  }
  const reason = `why ${randomUUID()}`;
  const actor = { 'flux-actor': 'script:told' };
  const first = await rest.act(started, 'cancel', { reason, ...request }, actor);
  const accepted = first.body as ExecutionResource;
  expect(accepted.cancellation).toMatchObject({ reason, requestedBy: 'script:told', cause: 'request' });
  if (accepted.state === 'CANCELLED') return accepted;
  const waiting = rest.cancel(started, '?mode=sync&timeout=20s');
  if (heir) grant = await worker.claim(started);
  if (grant && after) await worker.checkpoint(grant, [...after()]);
  const answer = await waiting;
  // Already finished when the repeat came: then its status is what the caller is referred to.
  return answer.status === 409
    ? rest.status('plain', started.executionId)
    : (answer.body as ExecutionResource);
}

const metrics = async (): Promise<Map<string, number>> =>
  samplesOf(String((await rest.request('GET', '/metrics')).body));

/** The gains of the metrics by these cancels. */
function expectedGains(ended: readonly ExecutionResource[]): Map<string, number> {
  const gains = new Map<string, number>();
  const add = (sample: string, amount: number): void => {
    gains.set(sample, (gains.get(sample) ?? 0) + amount);
  };
  for (const { state, cancellation } of ended) {
    if (!cancellation) continue;
    const { cause, outcome, cleanup, forced, requestedAt, deliveredAt, stoppedAt, finalizedAt } =
      cancellation;
    add(`flux_executions_finished_total{state="${state}"}`, 1);
    add(`flux_cancels_total{cause="${cause}",outcome="${outcome}",cleanup="${cleanup}"}`, 1);
    if (forced) add('flux_forced_cancels_total', 1);
    for (const [phase, at] of Object.entries({
      delivered: deliveredAt,
      stopped: stoppedAt,
      finalised: finalizedAt,
    })) {
      if (at === null) continue;
      add(`flux_cancel_seconds_count{phase="${phase}"}`, 1);
      add(`flux_cancel_seconds_sum{phase="${phase}"}`, (Date.parse(at) - Date.parse(requestedAt)) / 1000);
    }
  }
  return gains;
}

const TOLD =
  /^flux_(executions_finished_total|cancels_total|forced_cancels_total|cancel_seconds_(count|sum))/;

async function expectAllTellTheSame(kinds: readonly Kind[]): Promise<void> {
  const earlier = await metrics();
  const ended = await Promise.all(kinds.map(play));
  for (const execution of ended) {
    const history = await rest.history(execution);
    expect(await rest.status('plain', execution.executionId)).toEqual(execution);
    expect(historyFaults(execution, history)).toEqual([]);
    expect(toldFaults(execution, history)).toEqual([]);
  }
  const later = await metrics();
  const gains = expectedGains(ended);
  for (const sample of new Set([...gains.keys(), ...[...later.keys()].filter((name) => TOLD.test(name))])) {
    const gained = (later.get(sample) ?? 0) - (earlier.get(sample) ?? 0);
    expect([sample, gained.toFixed(6)]).toEqual([sample, (gains.get(sample) ?? 0).toFixed(6)]);
  }
}

describe('the answer, the history and the metrics say the same', () => {
  it.each(Object.entries(KINDS))('of a cancel %s', async (_, kind) => {
    await expectAllTellTheSame([kind]);
  });

  it('of any mixture of cancels that run side by side', async () => {
    const mixture = fc.array(fc.constantFrom(...Object.values(KINDS)), { minLength: 5, maxLength: 30 });
    await fc.assert(fc.asyncProperty(mixture, expectAllTellTheSame), { numRuns: 3 });
  });
});

describe('what a cancel ended as', () => {
  const ended = async (kind: keyof typeof KINDS): Promise<ExecutionResource> => play(KINDS[kind] as Kind);

  it('is told with its cleanup, its own error, force and outcome', async () => {
    expect(await ended('with a cleanup that fails')).toMatchObject({
      state: 'CANCELLED',
      cancellation: { cleanup: 'failed', cleanupError: lock, forced: false, outcome: 'cancelled' },
    });
    expect(await ended('killed at its deadline')).toMatchObject({
      state: 'CANCELLED',
      cancellation: { cleanup: 'timed_out', forced: true },
    });
    expect(await ended('whose body had returned before')).toMatchObject({
      state: 'COMPLETED',
      cancellation: { cleanup: 'none', stoppedAt: null, outcome: 'already_completed' },
    });
    expect(await ended('that no worker can clean up after')).toMatchObject({
      state: 'CANCELLED',
      cancellation: { cleanup: 'not_run', deliveredAt: null, stoppedAt: null },
    });
  });
});

describe('late and refused writes', () => {
  it('are counted apart and change nothing', async () => {
    const grant = await worker.claim(await rest.start('plain'));
    const earlier = await metrics();
    await worker.checkpoint({ ...grant, attempt: 7 }, [taskCompleted('a#0', 1)]);
    // The owner cannot have been signalled, since nobody has asked for a cancel.
    await worker.checkpoint(grant, [delivered()]);
    await worker.tryClaim(grant);
    await worker.checkpoint(grant, [finished('completed', false)], 1);
    const done = await rest.reach(grant, 'COMPLETED');
    expect((await rest.cancel(grant)).status).toBe(409);
    const later = await metrics();
    const gained = (sample: string): number => (later.get(sample) ?? 0) - (earlier.get(sample) ?? 0);
    expect({
      late: gained('flux_late_writes_total'),
      claims: gained('flux_refused_writes_total{write="claim"}'),
      checkpoints: gained('flux_refused_writes_total{write="checkpoint"}'),
      cancels: gained('flux_refused_writes_total{write="cancel"}'),
    }).toEqual({ late: 1, claims: 1, checkpoints: 1, cancels: 1 });
    await rest.expectLegal(done);
  });
});
