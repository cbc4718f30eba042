/**
 * The types of the events in an execution's history, as REST shows them. An event's `data` depends on its type.
 */
export const HISTORY_EVENTS = [
  /** data: `{ requestedBy }` */
  'execution_scheduled',
  /** data: `{ workerId, version? }`; of the workflow, where it has one */
  'execution_started',
  /**
   * data: `{ callId, name, output, outputTypes?, tries, startedAt, inCleanup, fallbackFor? }`; the last is what the
   * fallback got, and the types are what the JSON of the output leaves out
   */
  'task_completed',
  /** data: `{ callId, name, error, tries, startedAt, inCleanup }` */
  'task_failed',
  /** data: `{ callId, name, durationMs, dueAt }` */
  'timer_started',
  /** data: `{ callId, name, value }` */
  'value_recorded',
  /** data: `{ callId, name, error }` */
  'rollback_finished',
  /** data: `{ callId, name, executionId, workflowName, onParentCancel }` */
  'child_started',
  /** It cannot be started; data: `{ callId, name, executionId, workflowName, onParentCancel, number, error }` */
  'child_refused',
  /**
   * data: `{ callId, name, executionId, workflowName, number, state }` and with it `output`, `error`, or
   * `{ requestedBy, reason, cause }`; `number` counts the ends of children
   */
  'child_finished',
  /** The body was given the end of that child; data: `{ callId, name }` */
  'child_joined',
  /** It gave its place back; data: `{ callId, dueAt }`, and `for: 'child'` where a child's end brings it back */
  'execution_sleeping',
  /** The sleep was due; data: `{}`. Or the child with `callId` has ended; data: `{ callId }` */
  'execution_woken',
  /** data: `{ requestedBy, reason }` */
  'pause_requested',
  /** data: `{ kind: 'pause' | 'request', callId, name }` */
  'execution_paused',
  /** A resume came before its pause and is kept for it; data: `{ requestedBy, value }` */
  'resume_kept',
  /** data: `{ requestedBy, callId, name, value }` */
  'execution_resumed',
  /** data: `{ requestedBy, reason, cause, deadlineAt, cancellationId?, event? }`; the last two of a bulk cancel */
  'cancel_requested',
  /** A repeat with `force`; data: `{ requestedBy, reason, deadlineAt, cancellationId?, event? }` */
  'cancel_forced',
  /** A cancel that is to begin at `dueAt`; data: `{ requestedBy, reason, dueAt }` */
  'cancel_delayed',
  /** The cancel was taken back, and it is in `state` again; data: `{ requestedBy, reason, state }` */
  'cancel_undone',
  /** data: `{ workerId, deliveredAt }`; the time is the worker's, `at` is when the api heard of it */
  'cancel_delivered',
  /** data: `{ reason: 'drain' | 'runner_lost' | 'cut_off', workerId }` */
  'execution_handed_back',
  /** data: `{ workerId }` */
  'worker_lost',
  /** data: `{ output, outputTypes?, outcome? }`; `outcome: 'already_completed'` where a cancel came too late */
  'execution_completed',
  /** data: `{ error, outcome? }`, likewise */
  'execution_failed',
  /** data: `{ cleanup, forced, cleanupError, deliveredAt, stoppedAt }`, as `cancellation` has them */
  'execution_cancelled',
] as const;

export type HistoryEventType = (typeof HISTORY_EVENTS)[number];

/** The events that end an execution: exactly one stands in a finished history, and nothing after it. */
export const TERMINAL_EVENTS = [
  'execution_completed',
  'execution_failed',
  'execution_cancelled',
] as const satisfies readonly HistoryEventType[];
