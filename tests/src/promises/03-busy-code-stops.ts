import { existsSync } from 'node:fs';
import type { ExecutionResource } from '@flux/contracts';
import { until } from '@flux/testing';
import { finalAfter, idsOf, inLab, type Lab } from './lab.js';
import { programFigures } from './programs-end.js';
import { count, time, type Figure } from './proof.js';

const GRACE_MS = 500;
const STEPS = 12;

/** The thread that the body keeps busy, below `/proc`. */
async function threadOf(lab: Lab, { executionId }: ExecutionResource): Promise<string> {
  const [row] = await lab.sql<{ thread: string }>(
    'SELECT what AS thread FROM stamps WHERE execution_id = $1',
    [executionId],
  );
  return `/proc/${row!.thread}`;
}

/** Resolves with the time at which Linux has no such thread any more, which there is now; never after 30 s. */
async function deathOf(thread: string): Promise<number> {
  if (!existsSync(thread)) return Number.POSITIVE_INFINITY;
  return until('the end of the thread', () => !existsSync(thread), 30_000, 5).then(
    () => Date.now(),
    () => Number.POSITIVE_INFINITY,
  );
}

/** Tasks that began after their result was recorded. */
function finishedAgain(lab: Lab, executions: readonly ExecutionResource[]): Promise<number> {
  return lab.rows(
    `stamps s JOIN execution_events e USING (execution_id)
      WHERE execution_id = ANY($1::uuid[]) AND e.type = 'task_completed' AND e.data->>'name' = 'work'
        AND s.what = 'begins ' || (e.data->>'output') AND s.at > e.at`,
    [idsOf(executions)],
  );
}

/** What the body is in, as the workflow knows it, and in words. */
const BODIES = {
  loop: 'while (true) {}',
  call: 'a native call',
  pool: 'a job of libuv’s pool',
  program: 'execSync of a program',
} as const;

interface Stopped {
  readonly dead: number[];
  readonly final: number[];
  wrong: number;
  repeated: number;
}

/** Cancels a body that hears nothing, beside ten that step on. */
async function stop(lab: Lab, kind: string, how: keyof typeof BODIES, found: Stopped): Promise<void> {
  const neighbours = await lab.begin('stepping', { steps: STEPS, pauseMs: 100 }, 10);
  const [spinning] = await lab.begin(`spin_${kind}`, { how }, 1);
  const died = deathOf(await threadOf(lab, spinning!));
  const { body } = await lab.rest.cancel(spinning!, '?mode=sync&timeout=20s', {
    gracePeriod: `${GRACE_MS}ms`,
  });
  const execution = body as ExecutionResource;
  const deadlineAt = Date.parse(execution.cancellation?.requestedAt ?? '') + GRACE_MS;
  found.dead.push((await died) - deadlineAt);
  found.final.push(finalAfter(execution) - GRACE_MS);
  await lab.stuck(neighbours, 30_000);
  for (const { executionId } of neighbours) {
    const { state, output } = await lab.rest.status('stepping', executionId);
    if (state !== 'COMPLETED' || JSON.stringify(output) !== JSON.stringify([...Array(STEPS).keys()]))
      found.wrong += 1;
  }
  found.repeated += await finishedAgain(lab, neighbours);
}

export const busyCodeStops = inLab(
  3,
  'Busy code stops',
  { workers: ['busy'], env: { FLUX_WORKER_RUNNERS: '2' } },
  async (lab, scale) => {
    const figures: Figure[] = [];
    let [wrong, repeated] = [0, 0];
    for (const kind of ['shared', 'process']) {
      for (const [how, words] of Object.entries(BODIES) as Array<[keyof typeof BODIES, string]>) {
        const found: Stopped = { dead: [], final: [], wrong: 0, repeated: 0 };
        for (let turn = 0; turn < scale.pick(1, 10); turn += 1) await stop(lab, kind, how, found);
        wrong += found.wrong;
        repeated += found.repeated;
        figures.push(
          time(`${words} is dead after the grace period, ${kind} runner`, found.dead, 500),
          // It is dead by then: what is beyond that, the broker took to write this to its disk.
          time(`its execution is CANCELLED after it, ${kind} runner`, found.final, 500),
        );
      }
    }
    const lost = await lab.rows("workers WHERE state = 'lost'");
    return [
      ...figures,
      count('neighbours without their result', wrong),
      count('recorded tasks of neighbours that ran again', repeated),
      count('workers taken for lost meanwhile', lost),
      ...(await programFigures(scale)),
    ];
  },
);
