import { readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { workerPage, type ExecutionResource } from '@flux/contracts';
import { deploy, type Deployment } from './support/deployment.js';
import { historyFaults } from './support/history.js';
import { temporaryFile } from './support/machine-files.js';

/** The default, made explicit: what takes less than one interval has met one heartbeat at most. */
const HEARTBEAT_MS = 5_000;

let flux: Deployment;

beforeAll(async () => {
  flux = await deploy(['worker-a'], { FLUX_HEARTBEAT: `${HEARTBEAT_MS}ms` });
}, 60_000);

afterAll(() => flux.close(), 60_000);

const running = async (workflowName: string, input: unknown = {}): Promise<ExecutionResource> =>
  flux.rest.until(await flux.rest.start(workflowName, input), ({ state }) => state === 'RUNNING');

const expectLegal = async (execution: ExecutionResource): Promise<void> => {
  expect(historyFaults(execution, await flux.rest.history(execution))).toEqual([]);
};

const marks = async (file: string): Promise<string[]> => (await readFile(file, 'utf8')).trim().split('\n');

describe('the cancel of a running execution', () => {
  it('no reason, no actor: both are kept of one that is answered 202, delivered, cleaned up and finalised', async () => {
    const file = temporaryFile('tidy');
    const execution = await running('tidy', { file });
    const answer = await flux.rest.request(
      'POST',
      `/workflows/tidy/executions/${execution.executionId}/cancel`,
      { body: { reason: 'wrong file' }, headers: { 'flux-actor': 'cli:ada' } },
    );
    expect(answer).toMatchObject({
      status: 202,
      body: {
        state: 'CANCELLING',
        cancellation: { requestedBy: 'cli:ada', reason: 'wrong file', cause: 'request', finalizedAt: null },
      },
    });
    const ended = await flux.rest.until(execution, ({ state }) => state === 'CANCELLED');
    expect(ended).toMatchObject({
      output: null,
      cancellation: { forced: false, cleanup: 'succeeded', outcome: 'cancelled', requestedBy: 'cli:ada' },
    });
    expect((await marks(file)).map((line) => line.split(' ')[0])).toEqual([
      'started',
      'cleanup-begins',
      'cleanup-ends',
    ]);
    await expectLegal(ended);
    // The body's own timer may be recorded on either side of the request.
    const types = (await flux.rest.history(ended))
      .map((event) => event.type)
      .filter((type) => type !== 'timer_started');
    expect(types.slice(-5)).toEqual([
      'cancel_requested',
      'cancel_delivered',
      'task_completed',
      'task_completed',
      'execution_cancelled',
    ]);
  });

  it('cancel waits for a heartbeat: none does here, five in a row are delivered before a second one comes', async () => {
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const answer = await flux.rest.cancel(await running('sleeper'), '?mode=sync');
      const { cancellation } = answer.body as ExecutionResource;
      times.push(Date.parse(cancellation?.requestedAt ?? ''), Date.parse(cancellation?.deliveredAt ?? ''));
    }
    expect((times.at(-1) ?? NaN) - (times[0] ?? NaN)).toBeLessThan(HEARTBEAT_MS);
  });

  it('mode=sync answers 200 with CANCELLED once it has really stopped', async () => {
    const file = temporaryFile('sync');
    const execution = await running('tidy', { file, cleanupMs: 300 });
    const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=20s');
    expect(answer).toMatchObject({ status: 200, body: { state: 'CANCELLED' } });
    expect(await marks(file)).toHaveLength(3);
  });

  it('the synchronous cancel never returns: here it does at its timeout, 202 with the present state', async () => {
    const execution = await running('stubborn');
    const late: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const began = performance.now();
      const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=300ms', { gracePeriod: '1m' });
      late.push(performance.now() - began - 300);
      expect(answer).toMatchObject({ status: 202, body: { state: 'CANCELLING' } });
    }
    // A busy machine may hold up one of them.
    expect(Math.min(...late)).toBeLessThan(250);
    expect(Math.max(...late)).toBeLessThan(250 + 500);
    const forced = await flux.rest.cancel(execution, '?mode=sync', { force: true });
    await expectLegal(forced.body as ExecutionResource);
  });

  it('without anything to clean up says cleanup none', async () => {
    const execution = await running('sleeper');
    const answer = await flux.rest.cancel(execution, '?mode=sync');
    expect(answer).toMatchObject({ status: 200, body: { cancellation: { cleanup: 'none', forced: false } } });
  });
});

describe('a body that does not obey', () => {
  it('and keeps its runner busy is told of: in the metrics, over REST and in the list of workers', async () => {
    const { executionId } = await running('busy');
    const sample =
      /^flux_runner_blocked_seconds\{worker="(worker-a@\w+)",runner="shared",workflow="busy"\} (\S+)$/m;
    let told: RegExpExecArray | null = null;
    for (const limit = Date.now() + 20_000; !told && Date.now() < limit; await wait(50)) {
      told = sample.exec(String((await flux.rest.request('GET', '/metrics')).body));
    }
    const [, workerId = '', seconds] = told ?? [];
    // The limit is one second.
    expect(Number(seconds)).toBeGreaterThanOrEqual(1);
    const { items } = workerPage.parse((await flux.rest.request('GET', '/workers')).body);
    expect(items.find((worker) => worker.workerId === workerId)?.blocked).toMatchObject([
      { runner: 'shared', executionId, workflowName: 'busy' },
    ]);
    const listing = flux.sandbox.spawnFlux(['worker', 'list'], { FLUX_SERVER_URL: flux.url });
    expect((await listing.exited).code).toBe(0);
    expect(listing.stdout).toMatch(/BLOCKED BY[^]*worker-a@.*busy for \d+/);
    await flux.rest.cancel({ workflowName: 'busy', executionId }, '?mode=sync', { gracePeriod: '1ms' });
  });

  it('busy code is dead at the deadline: forced, cleanup timed_out', async () => {
    const file = temporaryFile('busy');
    const execution = await running('busy', { file });
    const began = performance.now();
    const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=20s', { gracePeriod: '500ms' });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        state: 'CANCELLED',
        cancellation: { forced: true, cleanup: 'timed_out', outcome: 'cancelled' },
      },
    });
    expect(performance.now() - began).toBeLessThan(500 + 2000);
    await expectLegal(answer.body as ExecutionResource);
  });

  it('a cleanup that never ends makes the run uncancellable: here it is killed at the deadline', async () => {
    const execution = await running('stubborn');
    const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=20s', { gracePeriod: '300ms' });
    expect(answer).toMatchObject({ body: { cancellation: { forced: true, cleanup: 'timed_out' } } });
  });

  it('revoking stops the worker consuming: its neighbours lose nothing when their runner is killed, and it takes the next one', async () => {
    const file = temporaryFile('neighbours');
    const neighbours = await Promise.all(
      Array.from({ length: 6 }, (_, n) => running('steps', { file: `${file}.${n}`, count: 4, pauseMs: 250 })),
    );
    const execution = await running('stubborn');
    await flux.rest.cancel(execution, '?mode=sync', { gracePeriod: '100ms' });
    for (const [n, one] of neighbours.entries()) {
      const ended = await flux.rest.until(one, ({ state }) => state === 'COMPLETED');
      expect(ended.output).toEqual({ steps: 4 });
      expect(new Set(await marks(`${file}.${n}`)).size).toBe(4);
      await expectLegal(ended);
    }
    const next = await flux.rest.start('one_task', {});
    const { workerId } = await flux.rest.until(next, ({ state }) => state === 'COMPLETED');
    expect(workerId).toBe(execution.workerId);
  });

  it('a sleeping one neither: what blocks its thread asleep is killed at the deadline, its neighbours keep their results', async () => {
    const file = temporaryFile('asleep');
    const neighbours = await Promise.all(
      [1, 2].map((n) => running('steps', { file: `${file}.${n}`, count: 8, pauseMs: 300 })),
    );
    const recorded = (one: ExecutionResource, type: string) =>
      flux.rest.untilHistory(one, (events) => events.some((event) => event.type === type));
    await Promise.all(neighbours.map((one) => recorded(one, 'task_completed')));
    const execution = await running('dormant');
    const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=20s', { gracePeriod: '300ms' });
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'CANCELLED', cancellation: { forced: true } },
    });
    await expectLegal(answer.body as ExecutionResource);
    for (const [n, one] of neighbours.entries()) {
      const ended = await flux.rest.until(one, ({ state }) => state === 'COMPLETED');
      expect(ended).toMatchObject({ attempt: 2, output: { steps: 8 } });
      expect((await marks(`${file}.${n + 1}`)).filter((line) => line === 'step 0')).toHaveLength(1);
    }
  });

  it('the worker finishes and overwrites CANCELLED with success: a value returned after the signal is kept beside the state', async () => {
    const answer = await flux.rest.cancel(await running('swallower'), '?mode=sync');
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'CANCELLED', output: null, cancellation: { bodyOutput: { swallowed: true } } },
    });
  });

  it('another error thrown after the signal is kept, and the execution is CANCELLED', async () => {
    const answer = await flux.rest.cancel(await running('thrower'), '?mode=sync');
    expect(answer).toMatchObject({
      status: 200,
      body: {
        state: 'CANCELLED',
        cancellation: { cleanup: 'failed', bodyError: { name: 'TypeError', message: 'the clean-up broke' } },
      },
    });
  });
});

describe('a second cancel', () => {
  it('is the same answer, signals nothing twice and does not cut the cleanup short', async () => {
    const file = temporaryFile('second');
    const execution = await running('tidy', { file, cleanupMs: 500 });
    const first = await flux.rest.cancel(execution, '', { reason: 'one' });
    const second = await flux.rest.cancel(execution, '', { reason: 'two', gracePeriod: '1ms' });
    expect(second.status).toBe(202);
    const [one, two] = [first.body, second.body] as ExecutionResource[];
    expect(two?.cancellation?.requestedAt).toBe(one?.cancellation?.requestedAt);
    expect(two?.cancellation).toMatchObject({ reason: 'one', deadlineAt: one?.cancellation?.deadlineAt });
    const ended = await flux.rest.until(execution, ({ state }) => state === 'CANCELLED');
    expect(ended.cancellation).toMatchObject({ cleanup: 'succeeded', forced: false });
    expect(await marks(file)).toHaveLength(3);
    await expectLegal(ended);
  });

  it('with force brings the deadline to now', async () => {
    const execution = await running('stubborn');
    await flux.rest.cancel(execution, '', { gracePeriod: '1h' });
    const answer = await flux.rest.cancel(execution, '?mode=sync&timeout=10s', { force: true });
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'CANCELLED', cancellation: { forced: true } },
    });
    await expectLegal(answer.body as ExecutionResource);
  });

  it('of a CANCELLED execution is 200 and changes nothing', async () => {
    const execution = await running('sleeper');
    const first = await flux.rest.cancel(execution, '?mode=sync');
    expect(await flux.rest.cancel(execution)).toMatchObject({ status: 200, body: first.body });
  });
});

describe('a cancel that finds nothing to stop', () => {
  it('of a finished execution is 409 with the final state', async () => {
    for (const [workflowName, state] of [
      ['one_task', 'COMPLETED'],
      ['failing', 'FAILED'],
    ] as const) {
      const execution = await flux.rest.start(workflowName, {});
      await flux.rest.until(execution, (present) => present.state === state);
      for (const query of ['', '?mode=sync']) {
        expect(await flux.rest.cancel(execution, query)).toMatchObject({
          status: 409,
          body: { code: 'EXECUTION_ALREADY_FINISHED', state },
        });
      }
    }
  });

  it('of an unknown execution, or under another workflow, is 404', async () => {
    const execution = await running('sleeper');
    const unknown = { workflowName: 'sleeper', executionId: randomUUID() };
    for (const ref of [unknown, { ...execution, workflowName: 'tidy' }]) {
      expect(await flux.rest.cancel(ref)).toMatchObject({
        status: 404,
        body: { code: 'EXECUTION_NOT_FOUND' },
      });
    }
    expect(await flux.rest.status('sleeper', execution.executionId)).toMatchObject({ state: 'RUNNING' });
    await flux.rest.cancel(execution);
  });

  it('with a bad mode, field or duration is 422 and changes nothing', async () => {
    const execution = await running('sleeper');
    const faulty = [
      ['?mode=later', undefined],
      ['?timeout=soon', undefined],
      ['', { raeson: 'typo' }],
      ['', { gracePeriod: 'a while' }],
      ['', { force: 'yes' }],
    ] as const;
    for (const [query, body] of faulty) {
      expect(await flux.rest.cancel(execution, query, body)).toMatchObject({
        status: 422,
        body: { code: 'INVALID_REQUEST' },
      });
    }
    expect(await flux.rest.status('sleeper', execution.executionId)).toMatchObject({
      state: 'RUNNING',
      cancellation: null,
    });
    await flux.rest.cancel(execution);
  });

  it('GET cancels: never here', async () => {
    const execution = await running('sleeper');
    const path = `/workflows/sleeper/executions/${execution.executionId}/cancel`;
    const answer = await flux.rest.request('GET', path);
    expect([404, 405]).toContain(answer.status);
    expect((await flux.rest.status('sleeper', execution.executionId)).cancellation).toBeNull();
    await flux.rest.cancel(execution);
  });
});
