import { Gauge, type Registry } from 'prom-client';
import type { FleetService } from './fleet-service.js';

/**
 * Shows what executions left open in shared runners, as the database has it: so any replica shows it all.
 * @returns the fleet
 */
export function showStrays<Fleet extends FleetService>(registry: Registry, fleet: Fleet): Fleet {
  const gauge: Gauge = new Gauge({
    name: 'flux_stray_executions',
    help: 'Executions that left a timer, socket, server or file watcher open in a shared runner of a live worker',
    labelNames: ['workflow', 'kind'],
    registers: [registry],
    collect: async () => {
      // The other figures are worth showing without the database.
      const items = await fleet.workflows().then(
        (page) => page.items,
        () => [],
      );
      gauge.reset();
      for (const { workflowName: workflow, strays } of items) {
        for (const { kind, executions } of strays) gauge.set({ workflow, kind }, executions);
      }
    },
  });
  return fleet;
}
