export { createFluxClient } from './client.js';
export { newExecutionId } from './execution-id.js';
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
  WaitedExecution,
  WaitOptions,
  WatchOptions,
} from './types.js';
export { FluxError, formatDuration, isTerminal, parseDuration } from './domain.js';
export type { ErrorCode, ExecutionState } from './domain.js';
export type {
  CancellationResource,
  EventPage,
  EventResource,
  ExecutionPage,
  ExecutionResource,
  HealthResource,
  WorkerPage,
  WorkerResource,
  WorkflowPage,
  WorkflowResource,
} from '@flux/contracts';
