import { inLanes, Lab } from './lab.js';
import { count, time, type Figure, type Proof, type Scale } from './proof.js';

const TIMEOUTS_MS = [100, 300, 700, 1_500];

async function play(scale: Scale): Promise<Figure[]> {
  return Lab.with({ workers: ['deaf'] }, async (lab) => {
    const executions = await lab.begin('ending', { cleanup: 'timed_out' }, scale.pick(12, 400));
    let wrong = 0;
    const ask = async (index: number): Promise<number> => {
      const timeout = TIMEOUTS_MS[index % TIMEOUTS_MS.length]!;
      const began = performance.now();
      const answer = await lab.rest.cancel(executions[index]!, `?mode=sync&timeout=${timeout}ms`, {
        gracePeriod: '5m',
      });
      const took = performance.now() - began;
      if (answer.status !== 202) wrong += 1;
      return took - timeout;
    };
    const late = await inLanes([...executions.keys()], 20, ask);
    await lab.proxy.stop();
    const without = await inLanes([...executions.keys()], 20, ask);
    await lab.proxy.start();
    await Promise.all(executions.map((execution) => lab.rest.cancel(execution, '', { force: true })));
    return [
      time('answer after its timeout', late, 250),
      time('answer after its timeout, broker away', without, 250),
      count('of these: not answered 202 with the present state', wrong),
      count('stuck after a force', await lab.stuck(executions, 30_000)),
    ];
  });
}

export const syncNeverHangs: Proof = { number: 6, promise: 'Sync never hangs', play };
