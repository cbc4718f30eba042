import type { ExecutionResource } from '@flux/contracts';
import { inLanes, inLab } from './lab.js';
import { count, time } from './proof.js';

const TIMEOUTS_MS = [100, 300, 700, 1_500];

export const syncNeverHangs = inLab(6, 'Sync never hangs', { workers: ['deaf'] }, async (lab, scale) => {
  const executions = await lab.begin('ending', { cleanup: 'timed_out' }, scale.pick(12, 400));
  let wrong = 0;
  const ask = async ([index, execution]: readonly [number, ExecutionResource]): Promise<number> => {
    const timeout = TIMEOUTS_MS[index % TIMEOUTS_MS.length]!;
    const began = performance.now();
    const answer = await lab.rest.cancel(execution, `?mode=sync&timeout=${timeout}ms`, {
      gracePeriod: '5m',
    });
    const took = performance.now() - began;
    if (answer.status !== 202) wrong += 1;
    return took - timeout;
  };
  const late = await inLanes([...executions.entries()], 20, ask);
  await lab.proxy.stop();
  const without = await inLanes([...executions.entries()], 20, ask);
  await lab.proxy.start();
  await lab.cancelAll(executions, { force: true });
  return [
    time('answer after its timeout', late, 250),
    time('answer after its timeout, broker away', without, 250),
    count('of these: not answered 202 with the present state', wrong),
    count('stuck after a force', await lab.stuck(executions, 30_000)),
  ];
});
