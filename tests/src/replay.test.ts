import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventResource, ExecutionResource } from '@flux/contracts';
import { deploy, PATIENCE_MS, type Deployment } from './support/deployment.js';
import type { FluxProcess } from './support/flux-process.js';
import { historyFaults } from './support/history.js';

const WORKFLOWS = fileURLToPath(new URL('../replay-workflows', import.meta.url));
const STEPS = 20;
/** Steps that run one after the other; the others may overtake each other. */
const SEQUENTIAL = 12;
const LIMIT_MS = 120_000;

interface Counted {
  readonly attempt: number;
  readonly step: number;
}

let flux: Deployment;

beforeAll(async () => {
  flux = await deploy([], {}, { workflows: WORKFLOWS });
  await flux.sandbox.query(
    'CREATE TABLE counted (execution_id uuid, attempt int, kind text, step int, at timestamptz DEFAULT now())',
  );
}, 60_000);

afterAll(() => flux.close(), 60_000);

/** How often the code of each step has begun, oldest first: told by the code itself, not by Flux. */
const counts = (execution: ExecutionResource, kind: 'run' | 'undo'): Promise<Counted[]> =>
  flux.sandbox.query<Counted>(
    'SELECT attempt, step FROM counted WHERE execution_id = $1 AND kind = $2 ORDER BY at',
    [execution.executionId, kind],
  );

async function recorded(
  executions: readonly ExecutionResource[],
  type: string,
): Promise<Map<string, number>> {
  const rows = await flux.sandbox.query<{ id: string; count: number }>(
    `SELECT execution_id AS id, count(*)::int AS count FROM execution_events
      WHERE execution_id = ANY($1::uuid[]) AND type = $2 GROUP BY 1`,
    [executions.map(({ executionId }) => executionId), type],
  );
  return new Map(rows.map(({ id, count }) => [id, count]));
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + PATIENCE_MS; !(await holds()); await wait(10)) {
    if (Date.now() > limit) throw new Error(`waited ${PATIENCE_MS} ms for ${what}`);
  }
}

const ended = (execution: ExecutionResource): Promise<ExecutionResource> =>
  flux.rest.until(execution, ({ finishedAt }) => finishedAt !== null, PATIENCE_MS);

/** Checks a completed `counted`: every result recorded once, by the attempt that was the last to run its step. */
async function expectReplayed(execution: ExecutionResource): Promise<Counted[]> {
  const present = await ended(execution);
  const history = await flux.rest.history(execution);
  expect(present).toMatchObject({ state: 'COMPLETED', error: null });
  expect(historyFaults(present, history)).toEqual([]);
  const of = (type: string): EventResource[] => history.filter((event) => event.type === type);
  const tasks = of('task_completed');
  expect(new Set(tasks.map(({ data }) => data.callId)).size).toBe(STEPS);
  expect(tasks).toHaveLength(STEPS);
  const values = new Map(of('value_recorded').map(({ data }) => [data.callId, data.value]));
  expect(of('value_recorded')).toHaveLength(STEPS + 2);
  expect(present.output).toEqual({
    id: values.get('$uuid#0'),
    at: values.get('$now#0'),
    results: Array.from({ length: STEPS }, (_, step) => ({ step, chance: values.get(`$random#${step}`) })),
  });
  const runs = await counts(execution, 'run');
  for (const task of tasks) {
    const { step } = task.data.output as { step: number };
    const attempts = runs.filter((run) => run.step === step).map(({ attempt }) => attempt);
    expect(new Set(attempts).size).toBe(attempts.length);
    expect(attempts.at(-1)).toBe(task.attempt);
  }
  return runs;
}

describe('a worker that is killed', () => {
  it(
    'at every checkpoint: finished tasks ran once, the one in flight twice, and the result is the same',
    async () => {
      const worker = await flux.startWorker('first');
      const executions = await Promise.all(
        Array.from({ length: STEPS }, (_, blockAt) => flux.rest.start('counted', { blockAt })),
      );
      await until('every execution to stand at its checkpoint', async () => {
        const done = await recorded(executions, 'task_completed');
        return executions.every(({ executionId }, step) => {
          return (done.get(executionId) ?? 0) === (step < SEQUENTIAL ? step : STEPS - 1);
        });
      });
      const begun = async (execution: ExecutionResource, step: number): Promise<boolean> =>
        (await counts(execution, 'run')).some((run) => run.step === step);
      for (const [step, one] of executions.entries()) await until('the step', () => begun(one, step));
      await worker.kill();
      const second = await flux.startWorker('second');
      for (const [blockAt, execution] of executions.entries()) {
        const runs = await expectReplayed(execution);
        const times = Array.from(
          { length: STEPS },
          (_, step) => runs.filter((run) => run.step === step).length,
        );
        expect(times).toEqual(Array.from({ length: STEPS }, (_, step) => (step === blockAt ? 2 : 1)));
        expect((await ended(execution)).attempt).toBe(2);
      }
      await second.stop();
    },
    LIMIT_MS,
  );

  it(
    'again and again: no step runs after it was recorded, whichever attempt recorded it',
    async () => {
      let worker: FluxProcess = await flux.startWorker('turn-0');
      const executions = await Promise.all([1, 2, 3, 4].map(() => flux.rest.start('counted', {})));
      let kills = 0;
      for (let checkpoint = 1; checkpoint < STEPS; checkpoint += 3) {
        const next = flux.startWorker(`turn-${checkpoint}`);
        await until(`checkpoint ${checkpoint}`, async () => {
          const done = await recorded(executions, 'task_completed');
          return executions.every(({ executionId }) => (done.get(executionId) ?? 0) >= checkpoint);
        });
        await worker.kill();
        kills += 1;
        worker = await next;
      }
      for (const execution of executions) {
        const runs = await expectReplayed(execution);
        expect(runs.length).toBeLessThanOrEqual(STEPS + 3 * kills);
      }
      await worker.stop();
    },
    LIMIT_MS,
  );

  it(
    'while it undoes: what has been undone is not undone again, after a failure and after a cancel',
    async () => {
      const worker = await flux.startWorker('undoing');
      const [failing, cancelled] = (await Promise.all(
        [false, true].map((waits) => flux.rest.start('undone', { waits })),
      )) as [ExecutionResource, ExecutionResource];
      await flux.rest.untilHistory(cancelled, (events) =>
        events.some(({ type }) => type === 'timer_started'),
      );
      await flux.rest.cancel(cancelled);
      for (const one of [failing, cancelled]) {
        await until('the third rollback', async () => (await counts(one, 'undo')).length === 3);
      }
      await worker.kill();
      const second = await flux.startWorker('undoing-too');
      expect(await ended(failing)).toMatchObject({
        state: 'FAILED',
        error: { message: 'no more' },
        attempt: 2,
      });
      expect(await ended(cancelled)).toMatchObject({
        state: 'CANCELLED',
        attempt: 2,
        cancellation: { cleanup: 'succeeded', outcome: 'cancelled' },
      });
      for (const one of [failing, cancelled]) {
        expect(await counts(one, 'undo')).toEqual([
          ...[4, 3, 2].map((step) => ({ attempt: 1, step })),
          ...[2, 1, 0].map((step) => ({ attempt: 2, step })),
        ]);
        const history = await flux.rest.history(one);
        const undone = history.filter(({ type }) => type === 'rollback_finished');
        expect(undone.map(({ data }) => data.callId)).toEqual([4, 3, 2, 1, 0].map((n) => `undoable#${n}`));
        expect((await counts(one, 'run')).length).toBe(5);
      }
      await second.stop();
    },
    LIMIT_MS,
  );
});
