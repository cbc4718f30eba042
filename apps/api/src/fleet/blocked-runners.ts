import { Gauge, type Registry } from 'prom-client';
import type { FleetService } from './fleet-service.js';

/**
 * Shows the runners that workers have told to be blocked, as the database has it: so any replica shows them all.
 * @returns the fleet
 */
export function showBlockedRunners<Fleet extends FleetService>(registry: Registry, fleet: Fleet): Fleet {
  const gauge: Gauge = new Gauge({
    name: 'flux_runner_blocked_seconds',
    help: 'How long a runner has been busy with code of one workflow without a break; only those past the limit',
    labelNames: ['worker', 'runner', 'workflow'],
    registers: [registry],
    collect: async () => {
      // The other figures are worth showing without the database.
      const items = await fleet.workers().then(
        (page) => page.items,
        () => [],
      );
      gauge.reset();
      for (const { workerId: worker, blocked } of items) {
        for (const { runner, workflowName, since } of blocked) {
          gauge.set(
            { worker, runner, workflow: workflowName ?? '' },
            (Date.now() - Date.parse(since)) / 1000,
          );
        }
      }
    },
  });
  return fleet;
}
