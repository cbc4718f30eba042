/** The worker as tests of other packages drive it, without processes. */
export { Handlers } from '../handlers.js';
export { runQueuesOf, type RunQueue } from '../intake/run-queues.js';
export { MessageBatch } from '../wire/message-batch.js';
export { OwnershipClock } from '../wire/ownership-clock.js';
export type { FromRunner, RunnerData, ToRunner } from '../wire/protocol.js';
export { Programs } from '../programs/programs.js';
export { RunnerPrograms } from '../inside-runner/runner-programs.js';
export { RunnerExecutions } from '../inside-runner/runner-executions.js';
export type { Carrier, CarrierListener, CarrierParts, OpenCarrier } from '../runners/carriers/carrier.js';
export { Supervisor } from '../supervisor.js';
