/** What tests of other packages drive the worker by, without threads. */
export { Handlers } from '../handlers.js';
export { runQueuesOf, type RunQueue } from '../run-queues.js';
export { Outbox } from '../runner/outbox.js';
export { OwnershipClock } from '../runner/ownership-clock.js';
export type { FromRunner, RunnerData, ToRunner } from '../runner/protocol.js';
export { RunnerExecutions } from '../runner/runner-executions.js';
export type { Carrier, CarrierListener, OpenCarrier } from '../supervisor/carrier.js';
export { Supervisor } from '../supervisor/supervisor.js';
