export { describeBus } from './bus-contract.js';
export { DELIVERY_LIMIT, type BuriedMessage, type BusHarness } from './harness.js';
export { Inbox } from './inbox.js';
