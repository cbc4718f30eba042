import type { Bus, ConnectionState } from '@flux/messaging';
import { Gauge, type Registry } from 'prom-client';

const STATES: readonly ConnectionState[] = ['connected', 'partial', 'blocked', 'disconnected'];

/** Shows how this replica stands with its broker: 1 for the present state, 0 for the others. */
export function showBrokerState(registry: Registry, bus: Bus): void {
  const gauge: Gauge = new Gauge({
    name: 'flux_broker_state',
    help: 'The connection to the broker; blocked: the broker has raised an alarm and takes nothing for now',
    labelNames: ['state'],
    registers: [registry],
    collect: () => {
      for (const state of STATES) gauge.set({ state }, state === bus.state ? 1 : 0);
    },
  });
}
