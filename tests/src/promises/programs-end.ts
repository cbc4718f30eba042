import { setTimeout as wait } from 'node:timers/promises';
import type { ExecutionResource } from '@flux/contracts';
import { isAlive, until } from '@flux/testing';
import { idsOf, Lab } from './lab.js';
import { count, time, type Figure, type Scale } from './proof.js';

const GRACE_MS = 500;
/** A busy loop's 500 ms, and the time between SIGTERM and SIGKILL. */
const BOUND_MS = 500 + 300;
const AFTER_RESTART_MS = 2_000;
const BEGIN_LIMIT_MS = 60_000;
const PORTION = 25;
const WORKER = 'programs';

interface Program {
  readonly id: string;
  readonly pid: number;
}

/** The programs that executions have started until now, in any attempt. */
async function programsOf(lab: Lab, executions: readonly ExecutionResource[]): Promise<Program[]> {
  const rows = await lab.sql<{ id: string; what: string }>(
    'SELECT execution_id AS id, what FROM stamps WHERE execution_id = ANY($1::uuid[])',
    [idsOf(executions)],
  );
  return rows.map(({ id, what }) => ({ id, pid: Number(what) }));
}

const alive = (programs: readonly Program[]): Program[] => programs.filter(({ pid }) => isAlive(pid));

/** How many have no program that runs. On a busy machine a worker may miss its lease, and another attempt starts one. */
async function withoutProgram(lab: Lab, executions: readonly ExecutionResource[]): Promise<number> {
  let missing = executions.length;
  for (const limit = Date.now() + BEGIN_LIMIT_MS; missing > 0 && Date.now() < limit; await wait(100)) {
    const running = alive(await programsOf(lab, executions));
    missing = executions.length - new Set(running.map(({ id }) => id)).size;
  }
  return missing;
}

/** `size` executions with a program each, half of them in sessions of their own; a busy machine starts them slowly. */
async function begin(lab: Lab, size: number): Promise<ExecutionResource[]> {
  const begun: ExecutionResource[] = [];
  for (let isApart = false; begun.length < size; isApart = !isApart) {
    begun.push(...(await lab.begin('program', { isApart }, Math.min(PORTION, size / 2))));
  }
  return begun;
}

/** How long after its deadline a program is dead that its task waits for; never after 30 s. */
async function deadAfter(lab: Lab): Promise<number> {
  const [execution] = await lab.begin('program', { isApart: true, isDeaf: true }, 1);
  const programs = await programsOf(lab, [execution!]);
  const died = until('the end of the program', () => alive(programs).length === 0, 30_000, 5).then(
    () => Date.now(),
    () => Number.POSITIVE_INFINITY,
  );
  const { body } = await lab.rest.cancel(execution!, '?mode=sync&timeout=20s', {
    gracePeriod: `${GRACE_MS}ms`,
  });
  const { cancellation } = body as ExecutionResource;
  return (await died) - Date.parse(cancellation?.deliveredAt ?? '') - GRACE_MS;
}

/** Programs end with their execution, wherever they have moved, and with their worker's restart. */
export function programFigures(scale: Scale): Promise<Figure[]> {
  return Lab.with({ workers: [WORKER], env: { FLUX_WORKER_RUNNERS: '2' } }, async (lab) => {
    const cancelled = await begin(lab, scale.pick(100, 1_000));
    const missing = await withoutProgram(lab, cancelled);
    await lab.cancelAll(cancelled);
    const stuck = await lab.stuck(cancelled, 60_000);
    const left = alive(await programsOf(lab, cancelled)).length;

    const late: number[] = [];
    for (let turn = 0; turn < scale.pick(1, 10); turn += 1) late.push(await deadAfter(lab));

    const running = await begin(lab, scale.pick(20, 200));
    const idle = await withoutProgram(lab, running);
    const orphans = alive(await programsOf(lab, running));
    await lab.workers.get(WORKER)?.kill();
    await lab.startWorker(WORKER);
    await wait(AFTER_RESTART_MS);
    const orphaned = alive(orphans).length;
    await lab.cancelAll(running, { force: true });
    return [
      count('executions without their program', missing + idle),
      count('cancelled executions with a program that are stuck', stuck),
      count(`programs left of ${cancelled.length} cancelled executions`, left),
      time('a program in another session is dead after the grace period', late, BOUND_MS),
      count(`of ${orphans.length} programs left 2 s after the restart of a killed worker`, orphaned),
      count('executions stuck after that', await lab.stuck(running, 60_000)),
    ];
  });
}
