import { FAULTS, Faults, type Fault } from './faults.js';
import { faultsOf, inLab, type LabOptions } from './lab.js';
import { count, type Scale } from './proof.js';
import { cancelAtRandom, differing } from './random-cancels.js';

const ENV = {
  FLUX_GRACE_PERIOD: '5s',
  FLUX_LEASE: '6s',
  FLUX_HEARTBEAT: '2s',
  FLUX_WORKER_CONCURRENCY: '200',
};
/** Grace period, lease, and what may come on top of them. */
const BOUND_MS = 5_000 + 6_000 + 5_000;

const deployed = ({ pick }: Scale): LabOptions => {
  return { replicas: pick(1, 2), workers: pick(['one', 'two'], ['one', 'two', 'three']), env: ENV };
};

export const cancelledIsProof = inLab(1, 'CANCELLED is proof', deployed, async (lab, scale) => {
  const size = scale.pick(150, 10_000);
  const { kill, cut } = FAULTS;
  const faults = new Faults(lab, {
    faults: scale.pick<Readonly<Record<string, Fault>>>({ kill, cut }, FAULTS),
    pauseMs: () => scale.pick(500, 4_000),
  });
  const cancels = await cancelAtRandom(lab, size, scale.pick(50, 60), scale.log);
  await faults.stop();
  scale.log(`faults: ${[...faults.counts].map(([kind, times]) => `${times} × ${kind}`).join(', ')}`);
  await lab.allEnd(BOUND_MS);
  const told = await lab.told();
  const open = told.filter(({ execution }) => execution.finishedAt === null);
  const faulty = faultsOf(told.filter(({ execution }) => execution.finishedAt !== null));
  const differ = differing(cancels, told);
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
});
