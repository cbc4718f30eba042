import { faultsOf, finalAfter, inLab } from './lab.js';
import { count, time } from './proof.js';
import type { ExecutionResource } from '@flux/contracts';

const GRACE_MS = 10_000;

export const trees = inLab(8, 'Trees', { workers: ['one', 'two'] }, async (lab, scale) => {
  const [depth, width] = [scale.pick(3, 10), scale.pick(15, 1_000)];
  const size = depth + width;
  const root = await lab.rest.start('family', { depth, width });
  const there = "executions WHERE state IN ('SLEEPING', 'RUNNING') AND attempt > 0";
  if (!(await lab.reaches(size, there))) throw new Error('the tree did not grow');
  const answer = await lab.rest.cancel(root, '?mode=sync&timeout=2m', { gracePeriod: `${GRACE_MS}ms` });
  // A tree that is started and cancelled in the same breath: its children come to be while the cancel goes through.
  const growing = await lab.rest.start('family', { depth, width });
  await lab.reaches(size + 2, '(SELECT FROM executions LIMIT $1) AS counted', [size + 2]);
  await lab.rest.cancel(growing, '?mode=sync&timeout=2m', { gracePeriod: `${GRACE_MS}ms` });
  await lab.allEnd();
  const told = await lab.told();
  const others = told.filter(({ execution }) => execution.state !== 'CANCELLED');
  return [
    count(
      `not cancelled, of a tree of depth ${depth} and width ${width.toLocaleString('en')}`,
      others.length,
    ),
    count('side effects after their ends', await lab.lateStamps()),
    time(
      'the root is final after the grace period',
      [finalAfter(answer.body as ExecutionResource) - GRACE_MS],
      2_000,
    ),
    count('faults in their histories', faultsOf(told).length),
  ];
});
