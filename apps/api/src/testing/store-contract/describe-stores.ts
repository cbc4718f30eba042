import { beforeEach, describe } from '@jest/globals';
import { Context, type StoreHarness } from './context.js';
import { describeOutbox, describePieces, describeWorkers } from './contract-fleet.js';
import { describeHistories, describeLooking } from './contract-reads.js';
import { describeChanges, describeFamilies, describeStarts } from './contract-writes.js';

/** The contract of all stores, wherever they keep their rows. `createHarness` runs before each test. */
export function describeStores(title: string, createHarness: () => Promise<StoreHarness>): void {
  describe(title, () => {
    let harness: StoreHarness;
    beforeEach(async () => {
      harness = await createHarness();
    });
    const context = (): Context => new Context(harness);

    describe('starts', () => describeStarts(context));
    describe('changes', () => describeChanges(context));
    describe('families', () => describeFamilies(context));
    describe('looking for executions', () => describeLooking(context));
    describe('histories', () => describeHistories(context));
    describe('the outbox', () => describeOutbox(context));
    describe('pieces of large values', () => describePieces(context));
    describe('workers', () => describeWorkers(context));
  });
}
