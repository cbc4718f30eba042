import type { ExecutionResource } from '@flux/contracts';
import { faultsOf, idsOf, inLab, type Lab } from './lab.js';
import { count, type Figure } from './proof.js';

/** Executions, the cleanup that all of them must tell of, and how often it must have run in each. */
interface Group {
  readonly executions: ExecutionResource[];
  readonly wanted: 'none' | 'succeeded' | 'failed' | 'timed_out' | 'not_run';
  readonly cleanups: number;
}

async function endAll(lab: Lab, executions: readonly ExecutionResource[], request?: object): Promise<void> {
  await lab.cancelAll(executions, request);
  await lab.stuck(executions, 60_000);
}

async function judge(lab: Lab, groups: readonly Group[]): Promise<Figure[]> {
  const told = new Map((await lab.told()).map((one) => [one.execution.executionId, one]));
  const otherwise = new Map<string, number>();
  let wrong = 0;
  for (const { executions, wanted, cleanups } of groups) {
    const ids = idsOf(executions);
    const others = ids.filter((id) => told.get(id)!.execution.cancellation?.cleanup !== wanted);
    otherwise.set(wanted, (otherwise.get(wanted) ?? 0) + others.length);
    const stamps = 'stamps WHERE execution_id = ANY($1::uuid[]) AND what = $2';
    for (const what of cleanups > 0 ? ['cleanup', 'undone'] : ['cleanup']) {
      const once = `(SELECT FROM ${stamps} GROUP BY execution_id HAVING count(*) <> 1) AS others`;
      wrong += await lab.rows(once, [ids, what]);
      wrong += Math.abs((await lab.rows(stamps, [ids, what])) - cleanups * ids.length);
    }
  }
  return [
    ...[...otherwise].map(([wanted, times]) => count(`cleanups told otherwise than '${wanted}'`, times)),
    count('cleanups and rollbacks that ran not at all, or twice', wrong),
    count('faults in their histories', faultsOf([...told.values()]).length),
  ];
}

export const cleanupInEveryState = inLab(
  9,
  'Cleanup in every state',
  { workers: ['one'], env: { FLUX_LEASE: '4s', FLUX_HEARTBEAT: '1s' } },
  async (lab, scale) => {
    const size = scale.pick(5, 100);
    const groups: Group[] = [];
    const expectAll = (executions: ExecutionResource[], wanted: Group['wanted'], cleanups = 0): void => {
      groups.push({ executions, wanted, cleanups });
    };
    expectAll(await lab.begin('waiting', { where: 'held' }, size), 'succeeded', 1);
    const asleep = await lab.begin('waiting', { where: 'asleep' }, size);
    const paused = await lab.begin('waiting', { where: 'paused' }, size);
    const parked = "executions WHERE state IN ('SLEEPING', 'PAUSED')";
    if (!(await lab.reaches(2 * size, parked))) throw new Error('not all were parked');
    expectAll(asleep, 'succeeded', 1);
    expectAll(paused, 'succeeded', 1);
    expectAll(await lab.begin('ending', { cleanup: 'none' }, size), 'none');
    expectAll(await lab.begin('ending', { cleanup: 'failed' }, size), 'failed');
    await endAll(
      lab,
      groups.flatMap(({ executions }) => executions),
    );
    // Each execution takes its runner with it. The runner is its own, so that no other execution loses the rest of
    // its time.
    const deaf = await lab.begin('ending_alone', { cleanup: 'timed_out' }, scale.pick(2, 20));
    expectAll(deaf, 'timed_out');
    await endAll(lab, deaf, { gracePeriod: '500ms' });
    const orphans = await lab.begin('waiting', { where: 'held' }, 2 * size);
    // A step done and not yet recorded when its worker dies is a task in flight: nobody knows that it is to be
    // undone.
    const recorded = "execution_events WHERE execution_id = ANY($1::uuid[]) AND type = 'task_completed'";
    if (!(await lab.reaches(2 * size, recorded, [idsOf(orphans)]))) throw new Error('not all was recorded');
    await lab.workers.get('one')?.kill();
    const [hopeless, inherited] = [orphans.slice(0, size), orphans.slice(size)];
    expectAll(hopeless, 'not_run');
    expectAll(inherited, 'succeeded', 1);
    await endAll(lab, hopeless, { gracePeriod: '500ms' });
    await lab.cancelAll(inherited, { gracePeriod: '30s' });
    await lab.startWorker('heir');
    await lab.stuck(inherited, 60_000);
    return judge(lab, groups);
  },
);
