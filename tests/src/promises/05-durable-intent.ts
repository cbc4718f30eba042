import type { ExecutionResource } from '@flux/contracts';
import { idsOf, inLab, type Lab } from './lab.js';
import { count } from './proof.js';

/** Cancels that were answered and are not final as cancelled. */
async function lost(lab: Lab, executions: readonly ExecutionResource[]): Promise<number> {
  await lab.stuck(executions, 60_000);
  const cancelled = "executions WHERE id = ANY($1::uuid[]) AND state = 'CANCELLED'";
  return executions.length - (await lab.rows(cancelled, [idsOf(executions)]));
}

export const durableIntent = inLab(5, 'Durable intent', { workers: ['owner'] }, async (lab, scale) => {
  const size = scale.pick(20, 500);
  const cancelAll = async (executions: readonly ExecutionResource[]): Promise<number> =>
    (await lab.cancelAll(executions)).filter(({ status }) => status !== 202).length;
  const crashed = await lab.begin('waiting', { where: 'held' }, size);
  const refusedByCrash = await cancelAll(crashed);
  await lab.restartServer(0, 'SIGKILL');
  const lostByCrash = await lost(lab, crashed);
  const away = await lab.begin('waiting', { where: 'held' }, size);
  await lab.proxy.stop();
  const refusedByOutage = await cancelAll(away);
  await lab.proxy.start();
  const lostByOutage = await lost(lab, away);
  const orphaned = await lab.begin('waiting', { where: 'held' }, size);
  const refusedByDeath = await cancelAll(orphaned);
  await lab.workers.get('owner')?.kill();
  await lab.startWorker('heir');
  return [
    count('cancels lost, api killed right after the answer', lostByCrash),
    count('cancels lost, broker away when they came', lostByOutage),
    count('cancels lost, worker killed right after the answer', await lost(lab, orphaned)),
    count('of all these: not answered 202', refusedByCrash + refusedByOutage + refusedByDeath),
  ];
});
