import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApi, type RunningApi } from '@flux/api';
import { createTopology, type CheckpointEvent, type ExecutionResource } from '@flux/contracts';
import { createMemoryBroker } from '@flux/messaging';
import { historyFaults } from './support/history.js';
import { CuttableBus, delivered, finished, PlayedWorker } from './support/played-worker.js';
import { createRest, type Rest } from './support/rest.js';
import { createSandbox, type Sandbox } from './support/sandbox.js';

/** Parents and children on PostgreSQL, with workers that are played: every interleaving can be forced. */

const topology = createTopology('family');
const broker = createMemoryBroker();
const bus = new CuttableBus(broker);

let sandbox: Sandbox;
let api: RunningApi;
let rest: Rest;
let worker: PlayedWorker;

beforeAll(async () => {
  sandbox = await createSandbox();
  api = await startApi({
    settings: {
      FLUX_DATABASE_URL: sandbox.databaseUrl,
      FLUX_NAMESPACE: 'family',
      FLUX_GRACE_PERIOD: 5_000,
      FLUX_LEASE: 60_000,
      FLUX_HEARTBEAT: 1_000,
      FLUX_LOG_LEVEL: 'silent',
      FLUX_HOST: '127.0.0.1',
      FLUX_PORT: 0,
      FLUX_MAX_INPUT: 1024 ** 2,
      FLUX_ALLOW_ANONYMOUS: false,
    },
    bus,
    migrate: true,
  });
  rest = createRest(api.url);
  worker = await PlayedWorker.start(broker, topology, { plain: null });
}, 60_000);

afterAll(async () => {
  await api.close();
  await sandbox.close();
}, 60_000);

const startOf = (
  executionId: string,
  call = 0,
  changes: Partial<Extract<CheckpointEvent, { type: 'child_started' }>['child']> = {},
): CheckpointEvent => ({
  ...{ type: 'child_started', callId: `$call.plain#${call}`, name: '$call.plain', at: Date.now() },
  child: {
    ...{ executionId, workflowName: 'plain', onParentCancel: 'wait', input: {}, labels: {} },
    ...{ timeoutMs: null, called: true, shielded: false },
    ...changes,
  },
});

const ref = (executionId: string) => ({ executionId, workflowName: 'plain' });
const typesOf = async (executionId: string): Promise<string[]> =>
  (await rest.history(ref(executionId))).map(({ type }) => type);
const until = (
  executionId: string,
  accept: (present: ExecutionResource) => boolean,
): Promise<ExecutionResource> => rest.until(ref(executionId), accept);

/** Resolves once the worker has heard `count` ends for that parent. */
async function heard(executionId: string, count: number): Promise<unknown[]> {
  for (;;) {
    const messages = worker.heardOf('child', executionId);
    if (messages.length >= count) return messages;
    await wait(10);
  }
}

async function parentWithChild(): Promise<{
  parent: string;
  child: string;
  grant: Awaited<ReturnType<PlayedWorker['claim']>>;
}> {
  const { executionId: parent } = await rest.start('plain', {});
  const grant = await worker.claim({ executionId: parent });
  const child = randomUUID();
  await worker.checkpoint(grant, [startOf(child)]);
  await rest.untilHistory(ref(parent), (events) => events.some(({ type }) => type === 'child_started'));
  return { parent, child, grant };
}

describe('a child', () => {
  it('is started once, however often its checkpoint comes, and a takeover finds it', async () => {
    const { parent, child, grant } = await parentWithChild();
    await worker.checkpoint(grant, [startOf(child)], 1);
    await worker.checkpoint(grant, [{ type: 'handed_back', reason: 'drain', at: Date.now() }], 2);
    await until(parent, ({ state }) => state === 'SCHEDULED');
    const again = await worker.claim({ executionId: parent });
    expect(again.history).toMatchObject([{ type: 'child_started', child: { executionId: child } }]);
    expect((await typesOf(parent)).filter((type) => type === 'child_started')).toHaveLength(1);
    expect(await typesOf(child)).toEqual(['execution_scheduled']);
    await worker.checkpoint(again, [finished('completed', false)]);
    // Nobody waits for its call any more.
    expect(await until(child, ({ finishedAt }) => finishedAt !== null)).toMatchObject({
      ...{ state: 'CANCELLED', cancellation: { cause: 'parent', requestedBy: 'flux' } },
    });
  });

  it('tells its owner of its end, and again with a heartbeat when that was lost', async () => {
    const { parent, child, grant } = await parentWithChild();
    await worker.checkpoint(await worker.claim(ref(child)), [finished('completed', false)]);
    const [first] = await heard(parent, 1);
    expect(first).toMatchObject({
      ...{ executionId: parent, attempt: 1 },
      entry: { callId: '$call.plain#0', number: 1, end: { state: 'COMPLETED', output: 'done' } },
    });
    await worker.heartbeat([{ ...grant, childrenHeard: 1 }]);
    await worker.heartbeat([grant]);
    const messages = await heard(parent, 2);
    expect(messages).toHaveLength(2);
    expect(messages[1]).toMatchObject({ entry: { number: 1, end: { state: 'COMPLETED', output: 'done' } } });
    await worker.checkpoint(grant, [finished('completed', false)]);
    expect((await typesOf(parent)).filter((type) => type === 'child_finished')).toHaveLength(1);
  });

  it('that ends while there is no broker is on record with its parent all the same', async () => {
    const { parent, child, grant } = await parentWithChild();
    bus.set('disconnected');
    await rest.cancel(ref(child));
    await rest.untilHistory(ref(parent), (events) => events.some(({ type }) => type === 'child_finished'));
    bus.set('connected');
    await heard(parent, 1);
    await worker.checkpoint(grant, [finished('completed', false)]);
  });
});

describe('children started during the cancel survive', () => {
  it('not: caught in the same transaction, never claimed, save those that are abandoned or in a shield', async () => {
    const { executionId: parent } = await rest.start('plain', {});
    const grant = await worker.claim({ executionId: parent });
    expect(await rest.cancel(ref(parent), '', { reason: 'wrong file' })).toMatchObject({ status: 202 });
    const [caught, abandoned, shielded] = [randomUUID(), randomUUID(), randomUUID()];
    await worker.checkpoint(grant, [
      startOf(caught, 0),
      startOf(abandoned, 1, { onParentCancel: 'abandon' }),
      startOf(shielded, 2, { shielded: true }),
    ]);
    await heard(parent, 1);
    const ended = await until(caught, ({ finishedAt }) => finishedAt !== null);
    expect(ended).toMatchObject({
      ...{ state: 'CANCELLED', attempt: 0, parentExecutionId: parent, rootExecutionId: parent },
      cancellation: { cause: 'parent', requestedBy: 'anonymous', reason: 'wrong file', cleanup: 'none' },
    });
    expect(await typesOf(caught)).toEqual(['execution_scheduled', 'cancel_requested', 'execution_cancelled']);
    expect(await worker.tryClaim(ref(caught))).toMatchObject({ granted: false, reason: 'ALREADY_FINISHED' });
    for (const id of [abandoned, shielded]) {
      await worker.checkpoint(await worker.claim(ref(id)), [finished('completed', false)]);
    }
    await heard(parent, 3);
    await worker.checkpoint(grant, [delivered(), finished('cancelled', true)]);
    const done = await until(parent, ({ finishedAt }) => finishedAt !== null);
    expect(historyFaults(done, await rest.history(done))).toEqual([]);
  });

  it('nor do those of a parent whose body has ended: it is final after the last of them', async () => {
    const { parent, child, grant } = await parentWithChild();
    const childGrant = await worker.claim(ref(child));
    await rest.cancel(ref(parent));
    await worker.checkpoint(grant, [delivered(), finished('cancelled', true)]);
    await until(child, ({ state }) => state === 'CANCELLING');
    const held = await until(parent, ({ cancellation }) => cancellation?.stoppedAt != null);
    expect(held).toMatchObject({ state: 'CANCELLING', workerId: null, finishedAt: null });
    expect(await worker.tryClaim(ref(parent))).toMatchObject({ granted: false });
    await worker.checkpoint(childGrant, [delivered(), finished('cancelled', true)]);
    const done = await until(parent, ({ finishedAt }) => finishedAt !== null);
    expect(done).toMatchObject({
      state: 'CANCELLED',
      workerId: worker.id,
      cancellation: { cleanup: 'succeeded' },
    });
    expect((await typesOf(parent)).slice(-2)).toEqual(['child_finished', 'execution_cancelled']);
    expect(historyFaults(done, await rest.history(done))).toEqual([]);
  });
});

describe('a parent waits for ever on its cancelled child', () => {
  it('not: an end that crosses its parking wakes it at once, and a later one too', async () => {
    const { parent, child, grant } = await parentWithChild();
    await rest.cancel(ref(child));
    await heard(parent, 1);
    const parked: CheckpointEvent = {
      ...{
        type: 'parked',
        kind: 'child',
        callId: '$call.plain#0',
        name: null,
        dueAt: null,
        childrenHeard: 0,
      },
      at: Date.now(),
    };
    await worker.checkpoint(grant, [parked]);
    await until(parent, ({ state }) => state === 'SCHEDULED');
    const again = await worker.claim({ executionId: parent });
    expect(again).toMatchObject({
      childrenHeard: 1,
      history: [{}, { type: 'child_finished', end: { state: 'CANCELLED' } }],
    });
    const second = randomUUID();
    await worker.checkpoint(again, [
      startOf(second, 1),
      { ...parked, callId: '$call.plain#1', childrenHeard: 1 },
    ]);
    expect(await until(parent, ({ state }) => state === 'SLEEPING')).toMatchObject({
      waiting: { for: 'child', pause: null, until: null },
    });
    await rest.cancel(ref(second));
    await until(parent, ({ state }) => state === 'SCHEDULED');
    expect((await typesOf(parent)).slice(-3)).toEqual([
      'execution_sleeping',
      'child_finished',
      'execution_woken',
    ]);
  });
});
