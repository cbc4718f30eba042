import { NOW } from '../execution-rows.js';
import { describeStores } from '../store-contract/describe-stores.js';
import { memoryStores, played } from './memory-stores.js';
import { emptyTables } from './memory-tables.js';

describeStores('stores in memory', async () => {
  let now = NOW;
  const stores = memoryStores(emptyTables(() => now));
  return {
    stores: played(stores, async (call) => call()),
    pass: (milliseconds) => void (now += milliseconds),
  };
});
