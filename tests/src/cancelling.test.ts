import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import { until } from '@flux/testing';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { MachinePace } from './support/machine-pace.js';
import { pathOf } from './support/rest.js';
import { useDeployment } from './support/use-deployment.js';

/** The default, made explicit: what takes less than one interval has met one heartbeat at most. */
const HEARTBEAT_MS = 5_000;

const flux = useDeployment(['worker-a'], { FLUX_HEARTBEAT: `${HEARTBEAT_MS}ms` });
const { act, cancel, cancelled, expectLegal, reach, started, untilEvent } = flux.rest;

describe('the cancel of a running execution', () => {
  it('is answered 202, delivered, cleaned up and finalised, and says who asked and why (elsewhere: no reason, no actor)', async () => {
    const file = temporaryFile('tidy');
    const execution = await started('tidy', { file });
    const answer = await act(execution, 'cancel', { reason: 'wrong file' }, { 'flux-actor': 'cli:ada' });
    expect(answer).toMatchObject({
      status: 202,
      body: {
        state: 'CANCELLING',
        cancellation: { requestedBy: 'cli:ada', reason: 'wrong file', cause: 'request', finalizedAt: null },
      },
    });
    const ended = await reach(execution, 'CANCELLED');
    expect(ended).toMatchObject({
      output: null,
      cancellation: { forced: false, cleanup: 'succeeded', outcome: 'cancelled', requestedBy: 'cli:ada' },
    });
    expect(linesOf(file).map((line) => line.split(' ')[0])).toEqual([
      'started',
      'cleanup-begins',
      'cleanup-ends',
    ]);
    await expectLegal(ended);
    // The body's own timer may be recorded on either side of the request.
    const types = (await flux.rest.typesOf(ended)).filter((type) => type !== 'timer_started');
    expect(types.slice(-5)).toEqual([
      'cancel_requested',
      'cancel_delivered',
      'task_completed',
      'task_completed',
      'execution_cancelled',
    ]);
  });

  it('is delivered at once: five in a row before a second heartbeat (elsewhere: cancel waits for a heartbeat)', async () => {
    let waitedMs = 0;
    for (let round = 0; round < 5; round += 1) {
      const answer = await cancel(await started('sleeper'), '?mode=sync');
      const { cancellation } = answer.body as ExecutionResource;
      waitedMs += Date.parse(cancellation?.deliveredAt ?? '') - Date.parse(cancellation?.requestedAt ?? '');
    }
    expect(waitedMs).toBeLessThan(HEARTBEAT_MS);
  });

  it('mode=sync answers 200 with CANCELLED once it has really stopped', async () => {
    const file = temporaryFile('sync');
    const execution = await started('tidy', { file, cleanupMs: 300 });
    const answer = await cancel(execution, '?mode=sync&timeout=20s');
    expect(answer).toMatchObject({ status: 200, body: { state: 'CANCELLED' } });
    expect(linesOf(file)).toHaveLength(3);
  });

  it('mode=sync answers 202 with the present state at its timeout (elsewhere: the synchronous cancel never returns)', async () => {
    const execution = await started('stubborn');
    const late: number[] = [];
    await MachinePace.beside(flux.sandbox.databaseUrl, async (pace) => {
      for (let round = 0; round < 3; round += 1) {
        const began = Date.now();
        const answer = await cancel(execution, '?mode=sync&timeout=300ms', { gracePeriod: '1m' });
        late.push(pace.fairMs(began, Date.now()) - 300);
        expect(answer).toMatchObject({ status: 202, body: { state: 'CANCELLING' } });
      }
    });
    // A busy machine may hold up one of them.
    expect(Math.min(...late)).toBeLessThan(250);
    expect(Math.max(...late)).toBeLessThan(250 + 500);
    await cancelled(execution, { force: true });
  });

  it('without anything to clean up says cleanup none', async () => {
    const { cancellation } = await cancelled(await started('sleeper'));
    expect(cancellation).toMatchObject({ cleanup: 'none', forced: false });
  });
});

describe('a body that does not obey', () => {
  it('is told of while it keeps its runner busy: in the metrics, over REST and in the list of workers', async () => {
    const { executionId } = await started('busy');
    const sample =
      /^flux_runner_blocked_seconds\{worker="(worker-a@\w+)",runner="shared",workflow="busy"\} (\S+)$/m;
    const [, workerId, seconds] = await until('the metric', async () =>
      sample.exec(String((await flux.rest.request('GET', '/metrics')).body)),
    );
    // The limit is one second.
    expect(Number(seconds)).toBeGreaterThanOrEqual(1);
    expect((await flux.rest.workers()).find((worker) => worker.workerId === workerId)?.blocked).toMatchObject(
      [{ runner: 'shared', executionId, workflowName: 'busy' }],
    );
    const { code, stdout } = await flux.cli('worker', 'list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/BLOCKED BY[^]*worker-a@.*busy for \d+/);
    await cancelled({ workflowName: 'busy', executionId }, { gracePeriod: '1ms' });
  });

  it('is dead at the deadline when it is busy: forced, cleanup timed_out', async () => {
    const file = temporaryFile('busy');
    const execution = await started('busy', { file });
    const { cancellation } = await MachinePace.inTime(flux.sandbox.databaseUrl, 500 + 2_000, () =>
      cancelled(execution, { gracePeriod: '500ms' }),
    );
    expect(cancellation).toMatchObject({ forced: true, cleanup: 'timed_out', outcome: 'cancelled' });
  });

  it('is killed at the deadline in its cleanup too (elsewhere: a cleanup that never ends makes the run uncancellable)', async () => {
    const { cancellation } = await cancelled(await started('stubborn'), { gracePeriod: '300ms' });
    expect(cancellation).toMatchObject({ forced: true, cleanup: 'timed_out' });
  });

  it('costs its neighbours nothing when their runner is killed, and the worker takes the next one (elsewhere: revoking stops the worker consuming)', async () => {
    const file = temporaryFile('neighbours');
    const neighbours = await Promise.all(
      Array.from({ length: 6 }, (_, n) => started('steps', { file: `${file}.${n}`, count: 4, pauseMs: 250 })),
    );
    const execution = await started('stubborn');
    await cancelled(execution, { gracePeriod: '100ms' });
    for (const [n, one] of neighbours.entries()) {
      const ended = await reach(one, 'COMPLETED');
      expect(ended.output).toEqual({ steps: 4 });
      expect(new Set(linesOf(`${file}.${n}`)).size).toBe(4);
      await expectLegal(ended);
    }
    const { workerId } = await started('one_task', {}, 'COMPLETED');
    expect(workerId).toBe(execution.workerId);
  });

  it('is killed at the deadline when it blocks its runner asleep, its neighbours keep their results (elsewhere: blocking tasks cannot be cancelled, a sleeping one neither)', async () => {
    const file = temporaryFile('asleep');
    const neighbours = await Promise.all(
      [1, 2].map((n) => started('steps', { file: `${file}.${n}`, count: 12, pauseMs: 300 })),
    );
    await Promise.all(neighbours.map((one) => untilEvent(one, 'task_completed')));
    const { cancellation } = await cancelled(await started('dormant'), { gracePeriod: '300ms' });
    expect(cancellation?.forced).toBe(true);
    for (const [n, one] of neighbours.entries()) {
      const ended = await reach(one, 'COMPLETED');
      expect(ended).toMatchObject({ attempt: 2, output: { steps: 12 } });
      expect(linesOf(`${file}.${n + 1}`).filter((line) => line === 'step 0')).toHaveLength(1);
    }
  });

  it('is CANCELLED when it returns a value after the signal, which is kept (elsewhere: the worker finishes and overwrites CANCELLED with success)', async () => {
    const ended = await cancelled(await started('swallower'));
    expect(ended).toMatchObject({ output: null, cancellation: { bodyOutput: { swallowed: true } } });
  });

  it('is CANCELLED when it throws another error after the signal, which is kept', async () => {
    const { cancellation } = await cancelled(await started('thrower'));
    const bodyError = { name: 'TypeError', message: 'the clean-up broke' };
    expect(cancellation).toMatchObject({ cleanup: 'failed', bodyError });
  });
});

describe('a second cancel', () => {
  it('is the same answer, signals nothing twice and does not cut the cleanup short', async () => {
    const file = temporaryFile('second');
    const execution = await started('tidy', { file, cleanupMs: 1_500 });
    const first = await cancel(execution, '', { reason: 'one' });
    const second = await cancel(execution, '', { reason: 'two', gracePeriod: '1ms' });
    expect(second.status).toBe(202);
    const [one, two] = [first.body, second.body] as ExecutionResource[];
    expect(two?.cancellation?.requestedAt).toBe(one?.cancellation?.requestedAt);
    expect(two?.cancellation?.reason).toBe('one');
    const deadlines = [one, two].map((told) => Date.parse(told?.cancellation?.deadlineAt ?? ''));
    expect(deadlines[1]).toBeLessThanOrEqual(deadlines[0] ?? NaN);
    const ended = await reach(execution, 'CANCELLED');
    expect(ended.cancellation).toMatchObject({ cleanup: 'succeeded', forced: false });
    expect(linesOf(file)).toHaveLength(3);
    await expectLegal(ended);
  });

  it('with force brings the deadline to now', async () => {
    const execution = await started('stubborn');
    await cancel(execution, '', { gracePeriod: '1h' });
    expect((await cancelled(execution, { force: true })).cancellation?.forced).toBe(true);
  });

  it('of a CANCELLED execution is 200 and changes nothing', async () => {
    const ended = await cancelled(await started('sleeper'));
    expect(await cancel(ended)).toMatchObject({ status: 200, body: ended });
  });
});

describe('a cancel that finds nothing to stop', () => {
  it('of a finished execution is 409 with the final state', async () => {
    for (const execution of [
      await started('one_task', {}, 'COMPLETED'),
      await started('failing', {}, 'FAILED'),
    ]) {
      const { state } = execution;
      for (const query of ['', '?mode=sync']) {
        expect(await cancel(execution, query)).toMatchObject({
          status: 409,
          body: { code: 'EXECUTION_ALREADY_FINISHED', state },
        });
      }
    }
  });

  it('of an unknown execution, or under another workflow, is 404', async () => {
    const execution = await started('sleeper');
    const unknown = { workflowName: 'sleeper', executionId: randomUUID() };
    for (const ref of [unknown, { ...execution, workflowName: 'tidy' }]) {
      expect(await cancel(ref)).toMatchObject({
        status: 404,
        body: { code: 'EXECUTION_NOT_FOUND' },
      });
    }
    expect(await flux.rest.status('sleeper', execution.executionId)).toMatchObject({ state: 'RUNNING' });
    await cancel(execution);
  });

  it('with a bad mode, field or duration is 422 and changes nothing', async () => {
    const execution = await started('sleeper');
    const faulty = [
      ['?mode=later', undefined],
      ['?timeout=soon', undefined],
      ['', { purpose: 'x' }],
      ['', { gracePeriod: 'a while' }],
      ['', { force: 'yes' }],
    ] as const;
    for (const [query, body] of faulty) {
      expect(await cancel(execution, query, body)).toMatchObject({
        status: 422,
        body: { code: 'INVALID_REQUEST' },
      });
    }
    expect(await flux.rest.status('sleeper', execution.executionId)).toMatchObject({
      state: 'RUNNING',
      cancellation: null,
    });
    await cancel(execution);
  });

  it('by GET is refused and cancels nothing (elsewhere: GET cancels)', async () => {
    const execution = await started('sleeper');
    const answer = await flux.rest.request('GET', `${pathOf(execution)}/cancel`);
    expect([404, 405]).toContain(answer.status);
    expect((await flux.rest.status('sleeper', execution.executionId)).cancellation).toBeNull();
    await cancel(execution);
  });
});
