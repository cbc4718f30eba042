import type { QueueAddress } from '@flux/contracts';
import { DELIVERY_LIMIT, describeBus, type BusHarness } from '../testing/index.js';
import { createMemoryBroker } from './memory-broker.js';
import type { MemoryBus } from './memory-bus.js';

const deadLetters: QueueAddress = { kind: 'dead-letters', name: 'test.dead-letters' };

async function createHarness(): Promise<BusHarness> {
  const broker = createMemoryBroker({ deadLetters, deliveryLimit: DELIVERY_LIMIT });
  const buses: MemoryBus[] = [];
  return {
    connect: async () => {
      const bus = broker.connect();
      buses.push(bus);
      return bus;
    },
    kill: async (bus) => buses.find((each) => each === bus)?.kill(),
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
      await Promise.all(buses.map((bus) => bus.close()));
    },
  };
}

describeBus('memory bus', createHarness);
