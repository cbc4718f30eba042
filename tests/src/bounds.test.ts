import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { CheckpointEvent, ClaimGrant, ExecutionResource } from '@flux/contracts';
import { createMemoryBroker } from '@flux/messaging';
import { graceEndOf } from './support/history.js';
import { MachinePace } from './support/machine-pace.js';
import { usePlayedApi } from './support/played-api.js';
import { delivered, finished } from './support/played-worker.js';

/** What the api bounds by itself, whatever workers do: the time of a cancel, and the depth of a tree. */

const LEASE_MS = 3_000;
const env = {
  FLUX_GRACE_PERIOD: '5s',
  FLUX_LEASE: `${LEASE_MS}ms`,
  FLUX_HEARTBEAT: '1s',
  FLUX_MAX_DEPTH: '2',
};
const played = usePlayedApi({ namespace: 'bounds', broker: createMemoryBroker(), env });
const { rest, worker } = played;

/** A call of `plain`, but for its id. */
const CHILD = {
  workflowName: 'plain',
  onParentCancel: 'wait',
  input: {},
  labels: {},
  timeoutMs: null,
  called: true,
  shielded: false,
} as const;

const isOf = (body: unknown, { executionId }: ExecutionResource): boolean =>
  (body as { executionId?: string }).executionId === executionId;

describe('a cancel', () => {
  it('ends within its bound though its owner lives and never tells of the end, with force too', async () => {
    const begin = async (gracePeriod: string, tells: boolean): Promise<[ExecutionResource, ClaimGrant]> => {
      const execution = await rest.start('plain', {});
      const grant = await worker.claim(execution);
      worker.holds.push(grant);
      await rest.cancel(execution, '', { gracePeriod });
      if (tells) await worker.checkpoint(grant, [delivered()]);
      return [execution, grant];
    };
    const owned = await Promise.all([begin('1s', true), begin('700ms', false), begin('1h', true)]);
    const forced = owned[2][0];
    await rest.cancel(forced, '', { force: true });
    const boundMs = LEASE_MS + 5_000;
    const pace = await MachinePace.begin(played.sandbox.databaseUrl);
    const ends = await Promise.all(owned.map(([execution]) => rest.end(execution, 60_000))).finally(() =>
      pace.close(),
    );
    for (const [index, [execution, grant]] of owned.entries()) {
      const ended = ends[index]!;
      const since = graceEndOf(await rest.history(execution), LEASE_MS) ?? Number.NaN;
      const told = worker.heard.find(({ type, body }) => type === 'fence' && isOf(body, execution));
      expect(told).toBeDefined();
      expect(ended).toMatchObject({ state: 'CANCELLED', cancellation: { cleanup: 'not_run' } });
      const [lost] = (await rest.history(execution)).filter(({ type }) => type === 'worker_lost');
      expect(lost).toMatchObject({ data: { workerId: worker.id, reason: 'unreported' } });
      // The worker has the time to stop between the two.
      expect(Date.parse(ended.finishedAt ?? '') - Date.parse(lost?.at ?? '')).toBeGreaterThan(1_200);
      expect(pace.fairMs(since, Date.parse(lost?.at ?? ''))).toBeLessThan(boundMs);
      await worker.checkpoint(grant, [finished('completed', true)]);
      expect((await worker.heartbeat([grant])).fenced).toHaveLength(1);
      await rest.expectLegal(await rest.status('plain', execution.executionId));
    }
    worker.holds.length = 0;
  }, 90_000);
});

describe('a child', () => {
  it('past the greatest depth is refused in the call of its parent, and the start over REST knows no depth', async () => {
    const call = (executionId: string): CheckpointEvent => ({
      type: 'child_started',
      callId: '$call.plain#0',
      name: '$call.plain',
      at: Date.now(),
      child: { ...CHILD, executionId },
    });
    let grant = await worker.claim(await rest.start('plain', {}));
    for (let depth = 1; depth <= 3; depth += 1) {
      const parent = { workflowName: 'plain', executionId: grant.executionId };
      const executionId = randomUUID();
      await worker.checkpoint(grant, [call(executionId)]);
      const isTold = ({ type }: { type: string }): boolean =>
        type === 'child_started' || type === 'child_refused';
      const told = (await rest.untilHistory(parent, (events) => events.some(isTold))).find(isTold);
      expect(told?.type).toBe(depth <= 2 ? 'child_started' : 'child_refused');
      if (depth > 2) {
        expect(told).toMatchObject({
          data: { error: { code: 'TREE_TOO_DEEP', message: expect.stringContaining('FLUX_MAX_DEPTH') } },
        });
      } else grant = await worker.claim({ executionId });
    }
  });
});
