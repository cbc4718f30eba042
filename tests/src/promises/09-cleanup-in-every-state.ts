import type { ExecutionResource } from '@flux/contracts';
import { faultsOf, idsOf, Lab } from './lab.js';
import { count, type Figure, type Proof, type Scale } from './proof.js';

type Wanted = 'none' | 'succeeded' | 'failed' | 'timed_out' | 'not_run';

async function play(scale: Scale): Promise<Figure[]> {
  return Lab.with({ workers: ['one'] }, async (lab) => {
    const size = scale.pick(5, 100);
    const groups: {
      readonly executions: ExecutionResource[];
      readonly wanted: Wanted;
      readonly cleanups: number;
    }[] = [];
    const expectAll = (executions: ExecutionResource[], wanted: Wanted, cleanups = 0): void => {
      groups.push({ executions, wanted, cleanups });
    };
    expectAll(await lab.begin('waiting', { where: 'held' }, size), 'succeeded', 1);
    const asleep = await lab.begin('waiting', { where: 'asleep' }, size);
    const paused = await lab.begin('waiting', { where: 'paused' }, size);
    const parked = "SELECT count(*)::int AS n FROM executions WHERE state IN ('SLEEPING', 'PAUSED')";
    if (!(await lab.reaches(2 * size, parked))) throw new Error('not all were parked');
    expectAll(asleep, 'succeeded', 1);
    expectAll(paused, 'succeeded', 1);
    expectAll(await lab.begin('ending', { cleanup: 'none' }, size), 'none');
    expectAll(await lab.begin('ending', { cleanup: 'failed' }, size), 'failed');
    await cancelAll(
      lab,
      groups.flatMap(({ executions }) => executions),
    );
    // Each takes its runner with it: one of its own, so that no other loses the rest of its time to that.
    const deaf = await lab.begin('ending_alone', { cleanup: 'timed_out' }, scale.pick(2, 20));
    expectAll(deaf, 'timed_out');
    await cancelAll(lab, deaf, { gracePeriod: '500ms' });
    const orphans = await lab.begin('waiting', { where: 'held' }, 2 * size);
    // What was done and not yet recorded when its worker dies is a task in flight: nobody knows that it is to be undone.
    const recorded =
      "SELECT count(*)::int AS n FROM execution_events WHERE execution_id = ANY($1::uuid[]) AND type = 'task_completed'";
    if (!(await lab.reaches(2 * size, recorded, [idsOf(orphans)]))) throw new Error('not all was recorded');
    await lab.workers.get('one')?.kill();
    const [hopeless, inherited] = [orphans.slice(0, size), orphans.slice(size)];
    expectAll(hopeless, 'not_run');
    expectAll(inherited, 'succeeded', 1);
    await cancelAll(lab, hopeless, { gracePeriod: '500ms' });
    await Promise.all(inherited.map((execution) => lab.rest.cancel(execution, '', { gracePeriod: '30s' })));
    await lab.startWorker('heir');
    await lab.stuck(inherited, 60_000);
    return judge(lab, groups);
  });
}

async function cancelAll(
  lab: Lab,
  executions: readonly ExecutionResource[],
  request?: object,
): Promise<void> {
  await Promise.all(executions.map((execution) => lab.rest.cancel(execution, '', request)));
  await lab.stuck(executions, 60_000);
}

async function judge(
  lab: Lab,
  groups: readonly { executions: ExecutionResource[]; wanted: Wanted; cleanups: number }[],
): Promise<Figure[]> {
  const told = new Map((await lab.told()).map((one) => [one.execution.executionId, one]));
  const figures: Figure[] = [];
  let wrong = 0;
  for (const { executions, wanted, cleanups } of groups) {
    const ids = idsOf(executions);
    const ended = ids.map((id) => told.get(id)!.execution);
    figures.push(
      count(
        `cleanups told otherwise than '${wanted}'`,
        ended.filter(({ cancellation }) => cancellation?.cleanup !== wanted).length,
      ),
    );
    const stamps = `SELECT count(*)::int AS n FROM stamps WHERE execution_id = ANY($1::uuid[]) AND what = $2`;
    for (const what of cleanups > 0 ? ['cleanup', 'undone'] : ['cleanup']) {
      const once = `${stamps} GROUP BY execution_id HAVING count(*) <> 1`;
      wrong += (await lab.sql(once, [ids, what])).length;
      wrong += Math.abs((await lab.number(stamps, [ids, what])) - cleanups * ids.length);
    }
  }
  return [
    ...mergeBySays(figures),
    count('cleanups and rollbacks that ran not at all, or twice', wrong),
    count('faults in their histories', faultsOf([...told.values()]).length),
  ];
}

function mergeBySays(figures: readonly Figure[]): Figure[] {
  const merged = new Map<string, Figure>();
  for (const figure of figures) {
    const value = (merged.get(figure.says)?.value ?? 0) + figure.value;
    merged.set(figure.says, { ...figure, value });
  }
  return [...merged.values()];
}

export const cleanupInEveryState: Proof = { number: 9, promise: 'Cleanup in every state', play };
