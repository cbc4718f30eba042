import { expect, it, jest } from '@jest/globals';
import { timersPromises } from './virtual-time.js';

jest.unstable_mockModule('node:timers/promises', () => timersPromises);
const { inWorld } = await import('./virtual-time.js');
const { Simulation } = await import('./simulation.js');

const calm = { end: 'returns', handler: false, cleanup: 'none', then: 'rethrows' } as const;

it('brings executions to their end, parked and cancelled ones too, in a world of its own', async () => {
  const outcome = await inWorld(async (world) => {
    const simulation = new Simulation(world);
    await simulation.begin();
    const parks = [
      { do: 'task', ms: 30, obeys: true },
      { do: 'sleep', ms: 6_000 },
    ] as const;
    simulation.start(0, { ...calm, steps: parks });
    simulation.start(1, {
      ...calm,
      steps: [{ do: 'task', ms: 300, obeys: true }],
      handler: true,
      cleanup: 'task',
    });
    await simulation.elapse(100);
    simulation.cancel(1, false);
    return simulation.finish();
  });
  expect(outcome.faults).toEqual([]);
  expect(outcome.executions.map(({ state }) => state)).toEqual(['COMPLETED', 'CANCELLED']);
});
