export { createFluxClient } from './client.js';
export type {
  BulkCalls,
  BulkCancelRequest,
  BulkFilter,
  BulkItemsOptions,
  EventRequest,
} from './cancellations.js';
export { newExecutionId } from './execution-id.js';
export type {
  CreatedSchedule,
  CreateScheduleRequest,
  FiresOptions,
  ScheduleCalls,
  ScheduleFilter,
  ScheduleRequest,
} from './schedule-types.js';
export type {
  CallOptions,
  CancelRequest,
  PauseRequest,
  ResumedExecution,
  ResumeRequest,
  EventsOptions,
  ExecutionFilter,
  FluxClient,
  FluxClientOptions,
  StartedExecution,
  StartRequest,
  StatusOptions,
  StreamRequest,
  UndoRequest,
  WaitedExecution,
  WaitOptions,
  WatchOptions,
} from './types.js';
export { FluxError, formatDuration, isTerminal, parseDuration } from './domain.js';
export type { ErrorCode, ExecutionState } from './domain.js';
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
  ExecutionResource,
  FirePage,
  FireResource,
  HealthResource,
  SchedulePage,
  ScheduleResource,
  WorkerPage,
  WorkerResource,
  WorkflowPage,
  WorkflowResource,
} from '@flux/contracts';
