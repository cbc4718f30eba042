import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { claimReply, createTopology, type ClaimGrant, type ExecutionResource } from '@flux/contracts';
import { createMemoryBroker } from '@flux/messaging';
import { until } from '@flux/testing';
import { MachinePace } from './support/machine-pace.js';
import { usePlayedApi } from './support/played-api.js';
import { CuttableBus, delivered, finished, PlayedWorker, taskCompleted } from './support/played-worker.js';
import type { Answer } from './support/rest.js';

/** The api on PostgreSQL and the memory bus, with workers that are played: every interleaving can be forced. */

const topology = createTopology('core');
const broker = createMemoryBroker();
const LEASE_MS = 3_000;

const TYPED = {
  type: 'object',
  properties: { urls: { type: 'array', items: { type: 'string', pattern: '^https?://' } } },
  required: ['urls'],
};

const bus = new CuttableBus(broker);

const body = (answer: { body: unknown }): ExecutionResource => answer.body as ExecutionResource;

const env = {
  FLUX_GRACE_PERIOD: '5s',
  FLUX_LEASE: `${LEASE_MS}ms`,
  FLUX_HEARTBEAT: '1s',
};
const workflows = { plain: null, typed: TYPED };
const played = usePlayedApi({ namespace: 'core', broker, bus, workflows, env });
const { rest, worker } = played;

/** Resolves as the work does, which must end within the time on a machine that has time for it. */
const inTime = <T>(limitMs: number, work: () => Promise<T>): Promise<T> =>
  MachinePace.inTime(played.sandbox.databaseUrl, limitMs, work);

describe('start', () => {
  it('makes one execution of many concurrent requests with one id or one key', async () => {
    const executionId = randomUUID();
    const path = '/workflows/plain/executions';
    const many = (request: { headers?: Record<string, string>; body: object }) =>
      Promise.all(Array.from({ length: 40 }, () => rest.request('POST', path, request)));
    const byId = await many({ body: { executionId, input: { a: 1, b: 2 } } });
    const key = { 'idempotency-key': randomUUID() };
    const wished = { labels: { a: '1', b: '2' }, timeout: '1h' };
    const byKey = await many({ headers: key, body: { input: { b: 2, a: 1 }, ...wished } });
    for (const answers of [byId, byKey]) {
      expect(answers.map(({ status }) => status).sort()).toEqual([...Array(39).fill(200), 201]);
      expect(new Set(answers.map((answer) => body(answer).executionId)).size).toBe(1);
    }
    const turned = await rest.request('POST', path, { body: { executionId, input: { b: 2, a: 1 } } });
    expect(turned.status).toBe(200);
    const again = (changes: object) =>
      rest.request('POST', path, { headers: key, body: { input: { a: 1, b: 2 }, ...wished, ...changes } });
    for (const changes of [
      {},
      { timeout: 'PT60M' },
      { labels: { b: '2', a: '1' } },
      { timeout: undefined },
    ]) {
      expect(await again(changes)).toMatchObject({ status: 200 });
    }
    const others: [unknown, Promise<Answer>][] = [
      ['input', rest.request('POST', path, { body: { executionId, input: { a: 2 } } })],
      ['input', again({ input: { a: 2 } })],
      ['labels', again({ labels: { a: '1' } })],
      ['labels', again({ labels: undefined })],
      ['timeout', again({ timeout: '59m' })],
      ['labels and timeout', again({ labels: { a: '2' }, timeout: '2h' })],
    ];
    for (const [what, answer] of others) {
      const detail: unknown = expect.stringMatching(new RegExp(`another ${String(what)}$`));
      expect(await answer).toMatchObject({ status: 409, body: { code: 'EXECUTION_CONFLICT', detail } });
    }
  });

  it('is never of a workflow whose schema is none: its worker is refused, with the reason', async () => {
    const bad = { workflowName: 'bad', inputSchema: { type: 'nonsense' }, runner: 'shared' };
    const reply = await worker.register({ workflows: [{ ...bad, gracePeriodMs: null, timeoutMs: null }] });
    const reason = expect.stringMatching(/^the input schema of workflow 'bad' is not valid: .*nonsense/);
    expect(reply).toMatchObject({ refused: [reason] });
    const answer = await rest.request('POST', '/workflows/bad/executions', { body: {} });
    expect(answer).toMatchObject({ status: 404, body: { code: 'WORKFLOW_NOT_FOUND' } });
  });

  it('names the field of an input that does not fit, and takes what JSON can hold', async () => {
    const path = '/workflows/typed/executions';
    const missing = await rest.request('POST', path, { body: { input: {} } });
    expect(missing).toMatchObject({
      status: 422,
      body: { code: 'INVALID_INPUT', errors: [{ path: 'urls' }] },
    });
    const wrong = await rest.request('POST', path, { body: { input: { urls: ['http://a.b/', 'no uri'] } } });
    expect(wrong).toMatchObject({ status: 422, body: { errors: [{ path: 'urls.1' }] } });
    const input = { z: '\u0000', a: ['\ud800', 1e300], nested: { '': null } };
    const execution = await rest.start('plain', input);
    expect((await rest.status('plain', execution.executionId)).input).toEqual(input);
    expect((await worker.claim(execution)).input).toEqual(input);
  });
});

describe('a claim', () => {
  it('is granted to one of many workers, and to that one again when its reply was lost', async () => {
    const execution = await rest.start('plain');
    const claimIds = Array.from({ length: 20 }, () => randomUUID());
    const results = await Promise.all(claimIds.map((claimId) => worker.tryClaim(execution, claimId)));
    const winner = results.findIndex((result) => result.granted);
    expect(results.filter((result) => result.granted)).toHaveLength(1);
    expect(await worker.claim(execution, claimIds[winner])).toMatchObject({ attempt: 1 });
    expect(await rest.typesOf(execution)).toEqual(['execution_scheduled', 'execution_started']);
  });

  it('of a worker that is not registered is refused', async () => {
    const execution = await rest.start('plain');
    const claims = [{ claimId: 'c', executionId: execution.executionId }];
    const reply = claimReply.parse(await worker.ask('claim', { workerId: 'nobody', claims }));
    expect(reply.results).toMatchObject([{ granted: false, reason: 'UNKNOWN_WORKER' }]);
  });

  it('starts no body whose cancel was answered (elsewhere: a cancel during the claim, claimed by an unguarded write)', async () => {
    for (let round = 0; round < 20; round += 1) {
      const execution = await rest.start('plain');
      const [claim, cancel] = await Promise.all([worker.tryClaim(execution), rest.cancel(execution)]);
      if (claim.granted) {
        expect(cancel).toMatchObject({ status: 202, body: { state: 'CANCELLING' } });
        await worker.checkpoint(claim, [delivered(), finished('cancelled', true)]);
      } else expect(cancel).toMatchObject({ status: 200, body: { state: 'CANCELLED', attempt: 0 } });
      await rest.expectLegal(await rest.end(execution));
    }
  });
});

describe('a checkpoint', () => {
  it('that comes twice is applied once', async () => {
    const grant = await worker.claim(await rest.start('plain'));
    await worker.checkpoint(grant, [taskCompleted('a#0', 1)], 1);
    await worker.checkpoint(grant, [taskCompleted('a#0', 1)], 1);
    await worker.checkpoint(grant, [taskCompleted('b#0', 2)], 2);
    await worker.checkpoint(grant, [finished('completed', false)], 3);
    await worker.checkpoint(grant, [finished('completed', false)], 3);
    const done = await rest.end(grant);
    expect(done).toMatchObject({ state: 'COMPLETED', output: 'done' });
    expect((await rest.typesOf(done)).slice(2)).toEqual([
      'task_completed',
      'task_completed',
      'execution_completed',
    ]);
    await rest.expectLegal(done);
  });

  it('of an attempt that was taken over is refused, and its sender fenced', async () => {
    const stale = await PlayedWorker.start(broker, topology);
    const execution = await rest.start('plain');
    const first = await stale.claim(execution);
    await stale.checkpoint(first, [taskCompleted('a#0', { kept: true })]);
    await stale.checkpoint(first, [{ type: 'handed_back', reason: 'drain', at: Date.now() }]);
    await rest.reach(execution, 'SCHEDULED');
    const second = await worker.claim(execution);
    expect(second).toMatchObject({ attempt: 2, history: [{ callId: 'a#0', output: { kept: true } }] });
    await stale.checkpoint(first, [finished('completed', false)]);
    await worker.checkpoint(second, [finished('failed', false)]);
    const done = await rest.end(execution);
    expect(done).toMatchObject({ state: 'FAILED', attempt: 2, error: { message: 'broken' } });
    await rest.expectLegal(done);
    expect(stale.heardOf('fence', execution.executionId)).toEqual([
      { executionId: execution.executionId, attempt: 1 },
    ]);
    await stale.ask('deregister', { workerId: stale.id });
  });
});

describe('a cancel', () => {
  it('of a running execution reaches its owner once, and only force changes it', async () => {
    const grant = await worker.claim(await rest.start('plain'));
    const first = body(await rest.cancel(grant, '', { reason: 'wrong file' }));
    expect(first).toMatchObject({
      state: 'CANCELLING',
      cancellation: { reason: 'wrong file', deliveredAt: null },
    });
    const again = body(await rest.cancel(grant, '', { reason: 'other' }));
    expect(again.cancellation).toEqual(first.cancellation);
    const forced = body(await rest.cancel(grant, '', { force: true }));
    expect(forced.cancellation?.requestedAt).toBe(first.cancellation?.requestedAt);
    expect(Date.parse(forced.cancellation?.deadlineAt ?? '')).toBeLessThanOrEqual(Date.now());
    const wait = rest.cancel(grant, '?mode=sync&timeout=10s');
    await worker.checkpoint(grant, [delivered(), finished('cancelled', true)]);
    const answer = await wait;
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'CANCELLED', cancellation: { cleanup: 'succeeded' } },
    });
    expect(worker.heardOf('cancel', grant.executionId)).toMatchObject([{ attempt: 1 }, { remainingMs: 0 }]);
    await rest.expectLegal(body(answer));
    expect(await rest.cancel(grant)).toMatchObject({ status: 200, body: body(answer) });
  });

  it('of a finished execution is refused with its state, under a wrong name not found', async () => {
    const grant = await worker.claim(await rest.start('plain'));
    await worker.checkpoint(grant, [finished('completed', false)]);
    await rest.end(grant);
    expect(await rest.cancel(grant)).toMatchObject({
      status: 409,
      body: { code: 'EXECUTION_ALREADY_FINISHED', state: 'COMPLETED' },
    });
    expect(await rest.cancel({ ...grant, workflowName: 'typed' })).toMatchObject({ status: 404 });
  });

  it('that meets completion ends as history tells it, whichever is first (elsewhere: the cancel is silently lost against completion)', async () => {
    for (let round = 0; round < 20; round += 1) {
      const grant = await worker.claim(await rest.start('plain'));
      const [, answer] = await Promise.all([
        worker.checkpoint(grant, [finished('completed', false)]),
        rest.cancel(grant, '?mode=sync&timeout=10s'),
      ]);
      const done = await rest.end(grant);
      expect(done.state).toBe('COMPLETED');
      if (answer.status === 200) {
        expect(body(answer).cancellation).toMatchObject({ outcome: 'already_completed', cleanup: 'none' });
      } else expect(answer).toMatchObject({ status: 409, body: { state: 'COMPLETED' } });
      await rest.expectLegal(done);
    }
  });

  it('that the body answers with a value is CANCELLED, with the value kept', async () => {
    const grant = await worker.claim(await rest.start('plain'));
    await rest.cancel(grant);
    await worker.checkpoint(grant, [delivered(), finished('completed', true)]);
    const done = await rest.end(grant);
    expect(done).toMatchObject({ state: 'CANCELLED', output: null, cancellation: { bodyOutput: 'done' } });
    await rest.expectLegal(done);
  });

  it('of a requeued execution runs its cleanup on any worker, or ends at its last moment as not run', async () => {
    const requeued = async (): Promise<ClaimGrant> => {
      const grant = await worker.claim(await rest.start('plain'));
      await worker.checkpoint(grant, [{ type: 'handed_back', reason: 'runner_lost', at: Date.now() }]);
      await rest.reach(grant, 'SCHEDULED');
      return grant;
    };
    const cleaned = await requeued();
    expect(await rest.cancel(cleaned)).toMatchObject({ status: 202 });
    const second = await worker.claim(cleaned);
    expect(second.cancel).toMatchObject({ attempt: 2, cause: 'request' });
    await worker.checkpoint(second, [delivered(), finished('cancelled', true)]);
    const expired = await requeued();
    await rest.cancel(expired, '', { gracePeriod: '300ms' });
    const both = [await rest.end(cleaned), await inTime(LEASE_MS + 6_000, () => rest.end(expired))];
    expect(both.map(({ cancellation }) => cancellation?.cleanup)).toEqual(['succeeded', 'not_run']);
    for (const done of both) await rest.expectLegal(done);
  });

  it('that is stuck is sent ever more rarely, and the others end (elsewhere: one stuck row re-sent for ever starves the other cancels)', async () => {
    const mute = await PlayedWorker.start(broker, topology);
    const stuck = await mute.claim(await rest.start('plain'));
    const sends = (): number => mute.heardOf('cancel', stuck.executionId).length;
    await rest.cancel(stuck, '', { gracePeriod: '1h' });
    const cancelledAt = Date.now();
    // The stuck worker goes on saying that it is alive, and is told of the cancel each time.
    const beats = setInterval(() => void mute.heartbeat([stuck]).catch(() => undefined), LEASE_MS / 3);
    expect((await mute.heartbeat([stuck])).cancels).toMatchObject([{ executionId: stuck.executionId }]);
    const heardAfter = async (count: number): Promise<void> => {
      const grant = await worker.claim(await rest.start('plain'));
      const answer = rest.cancel(grant, '?mode=sync&timeout=10s');
      await until('cancels', () => worker.heardOf('cancel', grant.executionId).length >= count);
      await worker.checkpoint(grant, [delivered(), finished('cancelled', true)]);
      expect(await answer).toMatchObject({ status: 200, body: { state: 'CANCELLED' } });
    };
    // The second message comes from the sweeper, which also has the stuck one to look after.
    await Promise.all([1, 1, 1, 1, 2, 2].map(heardAfter));
    await until('sends', () => sends() >= 3);
    clearInterval(beats);
    // The cancel is sent again after 2 s, and then after 4 s.
    expect(Date.now() - cancelledAt).toBeGreaterThanOrEqual(6_000);
    await mute.checkpoint(stuck, [delivered(), finished('cancelled', true)]);
    await rest.expectLegal(await rest.end(stuck));
    await mute.ask('deregister', { workerId: mute.id });
  });

  it('comes by itself when the execution times out', async () => {
    const execution = await rest.start('plain', null, { timeout: '200ms' });
    const done = await inTime(3_000, () => rest.end(execution));
    expect(done).toMatchObject({
      state: 'CANCELLED',
      cancellation: { cause: 'timeout', requestedBy: 'flux' },
    });
    await rest.expectLegal(done);
  });

  it('answered while the broker was down is delivered on its return', async () => {
    const grant = await worker.claim(await rest.start('plain'));
    bus.set('disconnected');
    const started = await rest.start('plain');
    expect(await rest.cancel(grant)).toMatchObject({ status: 202 });
    expect(worker.heardOf('cancel', grant.executionId)).toEqual([]);
    await inTime(4_000, async () => {
      bus.set('connected');
      await until('cancels', () => worker.heardOf('cancel', grant.executionId).length > 0);
    });
    const outbox = async (): Promise<unknown[]> => played.sandbox.query('SELECT 1 FROM outbox');
    await until('an empty outbox', async () => (await outbox()).length === 0);
    await worker.checkpoint(grant, [delivered(), finished('cancelled', true)]);
    await rest.end(grant);
    expect((await worker.claim(started)).attempt).toBe(1);
  });
});

describe('a worker', () => {
  it('that is killed is lost long before its lease ends, and its executions go on elsewhere with their history', async () => {
    // Pings count only once the bus has been up for three seconds.
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    const victim = await PlayedWorker.start(broker, topology);
    const [running, cancelling] = [await rest.start('plain'), await rest.start('plain')];
    const grants = [await victim.claim(running), await victim.claim(cancelling)];
    for (const grant of grants) await victim.checkpoint(grant, [taskCompleted('a#0', 7)]);
    await rest.untilHistory(cancelling, (events) => events.length === 3);
    await rest.cancel(cancelling);
    await inTime(2_000, () => {
      victim.kill();
      return rest.reach(running, 'SCHEDULED');
    });
    await rest.until(cancelling, ({ workerId }) => workerId === null);
    const [again, cleanup] = [await worker.claim(running), await worker.claim(cancelling)];
    expect(again).toMatchObject({ attempt: 2, history: [{ callId: 'a#0', output: 7 }], cancel: null });
    expect(cleanup).toMatchObject({ attempt: 2, history: [{ callId: 'a#0' }], cancel: { attempt: 2 } });
    await worker.checkpoint(again, [finished('completed', false)]);
    await worker.checkpoint(cleanup, [delivered(), finished('cancelled', true)]);
    for (const execution of [running, cancelling]) await rest.expectLegal(await rest.end(execution));
    const workers = await rest.workers();
    expect(workers.find(({ workerId }) => workerId === victim.id)?.state).toBe('lost');
  });

  it('that is silent for a lease is lost, and on its return told to stop what it holds', async () => {
    const silent = await PlayedWorker.start(broker, topology);
    const grant = await silent.claim(await rest.start('plain'));
    await inTime(LEASE_MS + 3_000, () => rest.reach(grant, 'SCHEDULED'));
    // The queue may give the execution to the silent worker: it is offered to one that answers.
    await until('an offer', () => worker.heardOf('offer', grant.executionId).length > 0);
    expect(silent.heardOf('offer', grant.executionId)).toEqual([]);
    const owned = { executionId: grant.executionId, attempt: 1 };
    expect(await silent.heartbeat([grant])).toEqual({ known: false, fenced: [owned], cancels: [] });
  });

  it('that comes back tells what it has stopped, and others have it at once', async () => {
    const back = await PlayedWorker.start(broker, topology);
    const [held, stopped, unanswered] = await Promise.all(
      Array.from({ length: 3 }, async () => back.claim(await rest.start('plain'))),
    );
    if (!held || !stopped || !unanswered) throw new Error('three were claimed');
    const lost = await rest.start('plain');
    await back.claim(lost, 'without an answer');
    await back.register({
      stopped: [stopped, { ...unanswered, attempt: 9 }],
      unanswered: [
        { executionId: lost.executionId, claimId: 'without an answer' },
        { executionId: unanswered.executionId, claimId: 'another one' },
      ],
    });
    for (const { executionId } of [stopped, lost]) {
      expect((await rest.status('plain', executionId)).state).toBe('SCHEDULED');
      const types = await rest.typesOf({ workflowName: 'plain', executionId });
      expect(types.at(-1)).toBe('execution_handed_back');
    }
    for (const { executionId } of [held, unanswered]) {
      expect((await rest.status('plain', executionId)).state).toBe('RUNNING');
    }
    expect((await back.heartbeat([held, unanswered])).fenced).toEqual([]);
  });

  it('is told what it holds and does not own', async () => {
    const grant = await worker.claim(await rest.start('plain'));
    const stale = { ...grant, attempt: 9 };
    expect(await worker.heartbeat([stale])).toMatchObject({
      known: true,
      fenced: [{ executionId: grant.executionId, attempt: 9 }],
    });
  });
});

describe('an api that lags behind', () => {
  it('takes nothing back whose end waits to be applied', async () => {
    const execution = await rest.start('plain');
    const grant = await worker.claim(execution);
    let catchUp = (): void => undefined;
    bus.checkpointGate = new Promise((resolve) => (catchUp = resolve));
    await worker.checkpoint(grant, [finished('completed', false)]);
    await until('it to be asked back', () => bus.askedBack.includes(execution.executionId), 20_000, 50);
    expect((await rest.status('plain', execution.executionId)).state).toBe('RUNNING');
    catchUp();
    expect(await rest.reach(execution, 'COMPLETED')).toMatchObject({ attempt: 1, output: 'done' });
    expect(await rest.typesOf(execution)).not.toContain('worker_lost');
  }, 60_000);
});
