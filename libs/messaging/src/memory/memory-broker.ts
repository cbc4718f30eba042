import type { QueueAddress } from '@flux/contracts';
import { MemoryBus } from './memory-bus.js';
import { MemoryRouter, type DeadLetter, type MemoryBrokerOptions } from './memory-router.js';

/** A message broker inside this process; what it holds is gone with it. */
export interface MemoryBroker {
  /** A bus of its own, as one connection to a broker would be. */
  connect(): MemoryBus;
  /** The dead letters nobody has consumed, oldest first. */
  deadLetters(): readonly DeadLetter[];
  /** Puts text into a queue as it is, JSON or not, as a foreign producer could. */
  inject(address: QueueAddress, type: string, content: string): void;
}

/** A broker for the embedded mode and for tests. */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const router = new MemoryRouter(options);
  return {
    connect: () => new MemoryBus(router),
    deadLetters: () => router.deadLetters(),
    inject: (address, type, content) => {
      router.route(address, { type, content, expiresAt: Infinity });
    },
  };
}
