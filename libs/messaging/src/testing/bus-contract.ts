import { afterEach, beforeEach, describe } from '@jest/globals';
import type { Address } from '@flux/contracts';
import { describeClosing, describeKinds, describeRequests } from './contract-connections.js';
import { describeConsuming, describePublishing, describeSettling } from './contract-deliveries.js';
import { ACK, type BusHarness, type Context } from './harness.js';
import { Inbox } from './inbox.js';

/** The contract of every bus, whatever is behind it. `createHarness` runs before each test. */
export function describeBus(title: string, createHarness: () => Promise<BusHarness>): void {
  describe(title, () => {
    let harness: BusHarness;
    let names = 0;
    const run = `contract-${process.pid}-${Date.now()}`;
    const used: Address[] = [];
    const remember = <A extends Address>(address: A): A => {
      used.push(address);
      return address;
    };
    const queue: Context['queue'] = (kind) => remember({ kind, name: `${run}.${kind}.${(names += 1)}` });
    const context: Context = {
      harness: () => harness,
      consumer: async (kind, handlerOf = (inbox) => inbox.handler(ACK), prefetch = 1) => {
        const [bus, address, inbox] = [await harness.connect(), queue(kind), new Inbox()];
        await bus.subscribe(address, handlerOf(inbox), { prefetch });
        return { bus, address, inbox };
      },
      queue,
      topic: () => remember({ kind: 'topic', name: `${run}.topic.${(names += 1)}` }),
    };
    beforeEach(async () => {
      harness = await createHarness();
    });
    afterEach(() => harness.dispose(used.splice(0)));

    describe('publishing', () => describePublishing(context));
    describe('consuming', () => describeConsuming(context));
    describe('settling', () => describeSettling(context));
    describe('requests', () => describeRequests(context));
    describe('kinds of address', () => describeKinds(context));
    describe('closing', () => describeClosing(context));
  });
}
