export type { CancelOn } from './cancel-on.js';
export { CancelledError, isCancelled, type CancelledErrorOptions } from './cancelled-error.js';
export {
  ChildCancelledError,
  ChildFailedError,
  type CallChild,
  type ChildHandle,
  type ChildOptions,
  type StartChild,
} from './child.js';
export type {
  CancelScope,
  ExecutionContext,
  MapOptions,
  ScopedPromise,
  ScopeOptions,
  ShieldOptions,
} from './context.js';
export type { Logger, LogFields, StartedProgram, TaskContext } from './task-context.js';
export { isNonRetryable, NonRetryableError, OwnershipLostError, TaskError, TimeoutError } from './errors.js';
export { toMilliseconds, type Duration } from './options.js';
export type { Pipeline } from './pipeline.js';
export {
  task,
  type RetryOptions,
  type Task,
  type TaskInput,
  type TaskOptions,
  type TaskOutput,
} from './task.js';
export {
  isWorkflow,
  workflow,
  type AnyWorkflow,
  type Workflow,
  type WorkflowInput,
  type WorkflowOptions,
  type WorkflowOutput,
} from './workflow.js';
