import { setTimeout as wait } from 'node:timers/promises';
import type { ExecutionResource } from '@flux/contracts';
import { finalAfter, inLanes, Lab } from './lab.js';
import { count, time, type Figure, type Proof, type Scale } from './proof.js';

const GRACE_MS = 1_000;
/** The cancels of what a lost worker had leave time for its cleanup elsewhere. */
const LONG_GRACE_MS = 10_000;

/** Pings count only once the api's own connection has stood for three seconds, as it has on any day but the first. */
const SETTLED_MS = 3_000;

/** Executions with a live worker: some obey, others have their runner killed. */
async function live(scale: Scale): Promise<Figure[]> {
  return Lab.with({ workers: ['live'] }, async (lab) => {
    const size = scale.pick(10, 100);
    const obeying = await lab.begin('waiting', { where: 'held' }, size);
    const deaf = await lab.begin('ending', { cleanup: 'timed_out' }, scale.pick(2, 10));
    const ended = await inLanes([...obeying, ...deaf], 20, async (execution) => {
      const answer = await lab.rest.cancel(execution, '?mode=sync&timeout=30s', {
        gracePeriod: `${GRACE_MS}ms`,
      });
      return answer.body as ExecutionResource;
    });
    const over = ended.map((execution) => finalAfter(execution) - GRACE_MS);
    return [time('end after the grace period, with a live worker', over, 2_000)];
  });
}

async function cancelAll(
  lab: Lab,
  executions: readonly ExecutionResource[],
  graceMs = LONG_GRACE_MS,
): Promise<ExecutionResource[]> {
  await lab.cancelAll(executions, { gracePeriod: `${graceMs}ms` });
  await lab.stuck(executions, 60_000);
  return Promise.all(
    executions.map(({ workflowName, executionId }) => lab.rest.status(workflowName, executionId)),
  );
}

const uncleaned = (ended: readonly ExecutionResource[]): number =>
  ended.filter(({ cancellation }) => cancellation?.cleanup !== 'succeeded').length;

/** The owner is killed, and the cancel comes right after. */
async function killed(scale: Scale): Promise<Figure[]> {
  return Lab.with({ workers: ['owner'] }, async (lab) => {
    const executions = await lab.begin('waiting', { where: 'held' }, scale.pick(20, 200));
    await lab.startWorker('heir');
    await wait(SETTLED_MS);
    const at = Date.now();
    await lab.workers.get('owner')?.kill();
    const ended = await cancelAll(lab, executions);
    const [lost] = await lab.sql<{ at: Date }>(
      "SELECT lost_at AS at FROM workers WHERE state = 'lost' ORDER BY 1 LIMIT 1",
    );
    return [
      time('a killed worker is noticed after', lost ? [lost.at.getTime() - at] : [], 1_000),
      time('its cancels are final, cleaned up elsewhere', ended.map(finalAfter), 3_000),
      count('of these: without their cleanup', uncleaned(ended)),
    ];
  });
}

const BLOWS: Readonly<Record<string, (lab: Lab) => Promise<void>>> = {
  'worker frozen': (lab) => Promise.resolve(void process.kill(lab.workers.get('owner')!.pid, 'SIGSTOP')),
  'all links to the broker cut': (lab) => lab.proxy.cut(),
  'broker away for three seconds': async (lab) => {
    await lab.proxy.stop();
    void wait(3_000).then(() => lab.proxy.start());
  },
  'api killed and restarted': (lab) => lab.restartServer(0, 'SIGKILL'),
};

/** Executions whose worker, api or link dies: each blow in full, else the quickest. */
async function struck(blow: string, scale: Scale): Promise<Figure> {
  const leaseMs = 4_000;
  const env = { FLUX_LEASE: `${leaseMs}ms`, FLUX_HEARTBEAT: '1s' };
  return Lab.with({ workers: ['owner'], env }, async (lab) => {
    const executions = await lab.begin('waiting', { where: 'held' }, scale.pick(10, 100));
    await lab.startWorker('heir');
    await BLOWS[blow]?.(lab);
    const ended = await cancelAll(lab, executions);
    const owner = lab.workers.get('owner');
    if (owner) process.kill(owner.pid, 'SIGCONT');
    const over = ended.map((execution) => finalAfter(execution) - LONG_GRACE_MS - leaseMs);
    return time(`end after grace period and lease, ${blow}`, over, 5_000);
  });
}

/** What is away for longer than the grace period, and comes back. */
const ABSENCES: Readonly<Record<string, (lab: Lab) => Promise<void>>> = {
  'broker away for three grace periods': BLOWS['broker away for three seconds']!,
  'worker frozen beyond its lease': BLOWS['worker frozen']!,
};

/** The grace period is the body's: it counts from the delivery, however late that is. */
async function absent(absence: string, scale: Scale): Promise<Figure> {
  const env = { FLUX_LEASE: '4s', FLUX_HEARTBEAT: '1s' };
  return Lab.with({ workers: ['owner'], env }, async (lab) => {
    const executions = await lab.begin('waiting', { where: 'held' }, scale.pick(10, 100));
    if (absence.startsWith('worker')) await lab.startWorker('heir');
    await ABSENCES[absence]?.(lab);
    const ended = await cancelAll(lab, executions, GRACE_MS);
    const owner = lab.workers.get('owner');
    if (owner) process.kill(owner.pid, 'SIGCONT');
    return count(`cancels without their cleanup, ${absence}`, uncleaned(ended));
  });
}

export const bounded: Proof = {
  number: 2,
  promise: 'Bounded',
  play: async (scale) => {
    const blows = scale.pick(Object.keys(BLOWS).slice(1, 2), Object.keys(BLOWS));
    const figures = [...(await live(scale)), ...(await killed(scale))];
    for (const blow of blows) figures.push(await struck(blow, scale));
    for (const absence of Object.keys(ABSENCES)) figures.push(await absent(absence, scale));
    return figures;
  },
};
