import type { CancellationResource, ExecutionResource } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { Cancellation, DelayedCancel, ExecutionRecord, Parked } from '../lifecycle/execution.js';
import { isoOrNull } from '../lifecycle/timing.js';
import type { ShownKey } from '../store/execution-columns.js';
import type { EventText } from '../store/ports.js';

export function executionNotFound(workflowName: string | undefined, executionId: string): FluxError {
  const where = workflowName === undefined ? '' : ` of workflow '${workflowName}'`;
  return new FluxError('EXECUTION_NOT_FOUND', `there is no execution '${executionId}'${where}`);
}

function toCancellation(cancellation: Cancellation): CancellationResource {
  const { bodyOutput, bodyError, cleanupError } = cancellation;
  return {
    requestedAt: new Date(cancellation.requestedAt).toISOString(),
    requestedBy: cancellation.requestedBy,
    reason: cancellation.reason,
    cause: cancellation.cause,
    deadlineAt: new Date(cancellation.deadlineAt).toISOString(),
    deliveredAt: isoOrNull(cancellation.deliveredAt),
    stoppedAt: isoOrNull(cancellation.stoppedAt),
    finalizedAt: isoOrNull(cancellation.finalizedAt),
    forced: cancellation.forced,
    cleanup: cancellation.cleanup,
    outcome: cancellation.outcome,
    ...(cleanupError === undefined ? {} : { cleanupError }),
    ...(bodyOutput === undefined ? {} : { bodyOutput }),
    ...(bodyError === undefined ? {} : { bodyError }),
  };
}

/** An execution as REST shows it. */
export function toResource(record: ExecutionRecord): ExecutionResource {
  return Object.assign(toKnown(record), { input: record.input, output: record.output });
}

/** An execution as REST shows it, but for the values that users sent and get. */
export type KnownExecution = Omit<ExecutionResource, 'input' | 'output' | 'events'>;

export function toKnown(record: Pick<ExecutionRecord, ShownKey>): KnownExecution {
  return {
    executionId: record.id,
    workflowName: record.workflowName,
    version: record.workflowVersion,
    state: record.state,
    error: record.error,
    attempt: record.attempt,
    workerId: record.workerId,
    labels: record.labels,
    parentExecutionId: record.parentExecutionId,
    rootExecutionId: record.rootExecutionId,
    createdAt: new Date(record.createdAt).toISOString(),
    startedAt: isoOrNull(record.startedAt),
    finishedAt: isoOrNull(record.finishedAt),
    cancellation: record.cancellation && toCancellation(record.cancellation),
    waiting: toWaiting(record.parking?.parked),
    ...pendingCancelOf(record.parking?.delayedCancel),
  };
}

function pendingCancelOf(
  delayed: DelayedCancel | null | undefined,
): Pick<ExecutionResource, 'pendingCancel'> {
  if (!delayed) return {};
  const { requestedAt, requestedBy, reason, dueAt } = delayed;
  const times = { requestedAt: new Date(requestedAt).toISOString(), dueAt: new Date(dueAt).toISOString() };
  return { pendingCancel: { ...times, requestedBy, reason } };
}

function toWaiting(parked: Parked | null | undefined): ExecutionResource['waiting'] {
  return parked ? { for: parked.kind, pause: parked.name, until: isoOrNull(parked.dueAt) } : null;
}

/** An event of a history as it is told: JSON text of an EventResource. */
export interface ToldEvent {
  readonly seq: number;
  readonly type: string;
  readonly json: string;
}

export function toTold({ seq, type, at, attempt }: EventText, data: string): ToldEvent {
  const head = JSON.stringify({ seq, type, at: new Date(at).toISOString(), attempt });
  return { seq, type, json: `${head.slice(0, -1)},"data":${data}}` };
}
