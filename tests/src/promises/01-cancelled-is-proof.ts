import { Faults } from './faults.js';
import { faultsOf, Lab } from './lab.js';
import { count, type Figure, type Proof, type Scale } from './proof.js';
import { cancelAtRandom, differing } from './random-cancels.js';

const ENV = {
  ...{ FLUX_GRACE_PERIOD: '5s', FLUX_LEASE: '6s', FLUX_HEARTBEAT: '2s' },
  FLUX_WORKER_CONCURRENCY: '200',
};
/** Grace period, lease, and what may come on top of them. */
const BOUND_MS = 5_000 + 6_000 + 5_000;

async function play(scale: Scale): Promise<Figure[]> {
  const size = scale.pick(150, 10_000);
  return Lab.with(
    { replicas: scale.pick(1, 2), workers: scale.pick(['one', 'two'], ['one', 'two', 'three']), env: ENV },
    async (lab) => {
      const faults = new Faults(lab, scale.pick(500, 4_000), scale.pick(['kill', 'cut'], undefined));
      const cancels = await cancelAtRandom(lab, size, scale.pick(50, 60), scale.log);
      await faults.stop();
      scale.log(`faults: ${[...faults.counts].map(([kind, times]) => `${times} × ${kind}`).join(', ')}`);
      await lab.reaches(
        0,
        'SELECT count(*)::int AS n FROM executions WHERE finished_at IS NULL',
        [],
        BOUND_MS,
      );
      const told = await lab.told();
      const final = new Map(told.map(({ execution }) => [execution.executionId, execution]));
      const open = told.filter(({ execution }) => execution.finishedAt === null);
      const faulty = faultsOf(told.filter(({ execution }) => execution.finishedAt !== null));
      const differ = differing(cancels, final);
      for (const line of [...faulty, ...differ].slice(0, 10)) scale.log(line);
      return [
        count(
          `side effects after finalizedAt, ${size.toLocaleString('en')} cancels at random moments`,
          await lab.lateStamps(),
        ),
        count('of these: stuck', open.length),
        count('of these: answers that differ from history', differ.length),
        count('of these: faults in their histories', faulty.length),
      ];
    },
  );
}

export const cancelledIsProof: Proof = { number: 1, promise: 'CANCELLED is proof', play };
