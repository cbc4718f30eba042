import type { QueueAddress } from '@flux/contracts';
import type { Bus } from '../port.js';
import { DELIVERY_LIMIT, describeBus, type BusHarness } from '../testing/index.js';
import { createMemoryBroker } from './memory-broker.js';
import type { MemoryBus } from './memory-bus.js';

const deadLetters: QueueAddress = { kind: 'dead-letters', name: 'test.dead-letters' };

async function createHarness(): Promise<BusHarness> {
  const broker = createMemoryBroker({ deadLetters, deliveryLimit: DELIVERY_LIMIT });
  const buses = new Map<Bus, MemoryBus>();
  return {
    connect: async () => {
      const bus = broker.connect();
      buses.set(bus, bus);
      return bus;
    },
    kill: async (bus) => buses.get(bus)?.kill(),
    inject: async (queue, type, content) => broker.inject(queue, type, content),
    nextDeadLetter: async () => {
      // Only the broker knows the reason, and only a consumer is told of an arrival.
      for (;;) {
        const [letter] = broker.deadLetters();
        if (letter) return letter;
        await new Promise(setImmediate);
      }
    },
    dispose: async () => {
      await Promise.all([...buses.keys()].map((bus) => bus.close()));
    },
  };
}

describeBus('memory bus', createHarness);
