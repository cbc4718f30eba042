import { faultsOf, idsOf, inLab } from './lab.js';
import { count } from './proof.js';

const LEASE_MS = 3_000;
const ENV = { FLUX_LEASE: `${LEASE_MS}ms`, FLUX_HEARTBEAT: '1s' };
const STEPS = 60;

/** A worker that is cut off from the broker but lives: others go on, and nothing of it counts or goes on any more. */
export const fenced = inLab(4, 'Fenced', { workers: [], env: ENV }, async (lab, scale) => {
  // The heir has a way of its own to the broker.
  await lab.startWorker('cut-off');
  const executions = await lab.begin(
    'stepping',
    { steps: STEPS, pauseMs: 50, deafEvery: 2 },
    scale.pick(10, 200),
    3,
  );
  const direct = { FLUX_AMQP_URL: lab.flux.sandbox.amqpUrl };
  await lab.startWorker('heir', direct);
  lab.servers.push(await lab.flux.startServer(direct));
  await lab.proxy.stop();
  const stuck = await lab.stuck(executions, 60_000);
  await lab.proxy.start();
  await lab.workerIs('cut-off', 'running');
  const ids = [idsOf(executions)];
  const overlapping = await lab.rows(
    `stamps s
        WHERE execution_id = ANY($1::uuid[])
          AND EXISTS (SELECT FROM stamps later WHERE later.execution_id = s.execution_id AND later.attempt > s.attempt AND later.at < s.at)`,
    ids,
  );
  const recorded = await lab.rows(
    `execution_events e
        WHERE execution_id = ANY($1::uuid[])
          AND EXISTS (SELECT FROM execution_events sooner WHERE sooner.execution_id = e.execution_id AND sooner.seq < e.seq AND sooner.attempt > e.attempt)`,
    ids,
  );
  return [
    count('side effects of a cut-off worker after another one had begun', overlapping),
    count('its writes that were recorded after that', recorded),
    count('executions that did not go on elsewhere', stuck),
    count('faults in their histories', faultsOf(await lab.told()).length),
  ];
});
