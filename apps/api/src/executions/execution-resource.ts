import type { CancellationResource, EventResource, ExecutionResource } from '@flux/contracts';
import { FluxError } from '@flux/domain';
import type { Cancellation, DelayedCancel, ExecutionRecord, Parked } from './execution-row.js';
import { isoOrNull } from './iso-or-null.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The id as the database spells it, `undefined` for what cannot be an id. */
export function normalizeId(text: string): string | undefined {
  const id = text.toLowerCase();
  return UUID.test(id) ? id : undefined;
}

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
  return {
    executionId: record.id,
    workflowName: record.workflowName,
    version: record.workflowVersion,
    state: record.state,
    input: record.input,
    output: record.output,
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

/** An event as it is read. */
export interface EventRow {
  readonly seq: number;
  readonly type: string;
  readonly at: number;
  readonly attempt: number;
  readonly data: Record<string, unknown>;
}

export function toEvent(row: EventRow): EventResource {
  return { ...row, at: new Date(row.at).toISOString() };
}
