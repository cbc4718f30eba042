export { createFluxClient } from './client.js';
export { newExecutionId } from './execution-id.js';
export type {
  BulkCalls,
  BulkCancelRequest,
  BulkFilter,
  BulkItemsOptions,
  EventRequest,
} from './cancellations.js';
export type * from './flux-client.js';
export type * from './schedule-types.js';
export type * from './types.js';
export { FluxError, formatDuration, isTerminal, parseDuration } from '@flux/domain';
export type { ErrorCode, ExecutionState } from '@flux/domain';
export type {
  BulkCancelPage,
  BulkCancelResource,
  BulkCounts,
  BulkExample,
  BulkItemPage,
  BulkItemResource,
  BulkOutcome,
  BulkPreviewResource,
  EventReceipt,
  CancellationResource,
  EventPage,
  EventResource,
  ExecutionPage,
  ExecutionReceipt,
  ExecutionResource,
  FirePage,
  FireResource,
  HealthResource,
  HistoryEvent,
  HistoryEventType,
  ListedExecutionResource,
  ListedScheduleResource,
  NamedWorkers,
  SchedulePage,
  ScheduleResource,
  WorkerHold,
  WorkerPage,
  WorkerResource,
  WorkflowPage,
  WorkflowResource,
} from '@flux/contracts';
