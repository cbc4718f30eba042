import {
  firstDeadline,
  repeatedDeadline,
  transition,
  type CancelCause,
  type ExecutionState,
} from '@flux/domain';
import { dispatched } from '../children/dispatch.js';
import {
  factsOf,
  type Before,
  type Cancellation,
  type Change,
  type ExecutionRow,
  type NewEvent,
} from '../execution-row.js';
import { childrenOf } from '../children/family.js';
import { cancelMessages } from '../notices.js';
import { nextResend } from '../schedule.js';
import { cancelledEvent } from './cancelled-event.js';

/** A wish to cancel one execution. */
export interface CancelRequest {
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly cause: CancelCause;
  readonly force: boolean;
  /** Milliseconds; absent: the execution's own, else the deployment's. */
  readonly gracePeriodMs: number | undefined;
  /** Present when it is one of many. */
  readonly bulk?: BulkSource;
}

/** What made a cancel that is one of many. */
export interface BulkSource {
  readonly id: string;
  /** That the executions were waiting for. */
  readonly event: { readonly name: string; readonly key: string } | null;
}

export type CancelDecision<Row extends ExecutionRow> =
  /** Accepted, now or before; without a change there was nothing left to do. */
  | { readonly kind: 'accepted'; readonly change: Change<Row> | null }
  | { readonly kind: 'finished'; readonly state: ExecutionState };

/** What a cancel does to an execution in any state. Pure. */
export function decideCancel<Row extends ExecutionRow>(
  row: Row,
  request: CancelRequest,
  defaultGraceMs: number,
  now: number,
): CancelDecision<Row> {
  const move = transition(row.state, 'cancel', factsOf(row));
  if (move.kind === 'refuse') return { kind: 'finished', state: row.state };
  if (row.cancellation) return { kind: 'accepted', change: repeat(row, row.cancellation, request, now) };
  const grace = request.gracePeriodMs ?? row.gracePeriodMs ?? defaultGraceMs;
  const cancellation: Cancellation = {
    ...firstDeadline(now, grace, request.force),
    requestedBy: request.requestedBy,
    reason: request.reason,
    cause: request.cause,
    ...(request.bulk && { bulkId: request.bulk.id }),
    ...(move.to === 'CANCELLING' && isAlone(row) && { before: beforeOf(row) }),
    deliveredAt: null,
    stoppedAt: null,
    finalizedAt: null,
    forced: false,
    cleanup: null,
    outcome: null,
  };
  const next = { ...row, cancellation, parking: null };
  return {
    kind: 'accepted',
    change: move.to === 'CANCELLED' ? end(next, request, now) : begin(next, request, now),
  };
}

/** True for what has neither an owner nor children to whom the cancel goes at once. */
function isAlone(row: ExecutionRow): boolean {
  return row.workerId === null && childrenOf(row).open === 0;
}

/** The row without an owner, as an undo restores it. */
function beforeOf({ state, parking, attempt }: ExecutionRow): Before {
  return { state, parking: parking && { ...parking, delayedCancel: null }, attempt };
}

type Cancelled = ExecutionRow & { readonly cancellation: Cancellation };

/** What history says of where a cancel came from. */
function sourceOf({ bulk }: CancelRequest): Readonly<Record<string, unknown>> {
  return bulk ? { cancellationId: bulk.id, ...(bulk.event && { event: bulk.event }) } : {};
}

function requested(row: Cancelled, request: CancelRequest, now: number): NewEvent {
  const { requestedBy, reason, cause, deadlineAt } = row.cancellation;
  const deadline = new Date(deadlineAt).toISOString();
  const data = { requestedBy, reason, cause, deadlineAt: deadline, ...sourceOf(request) };
  return { type: 'cancel_requested', at: now, attempt: row.attempt, data };
}

/** Nothing has run: it is over at once. */
function end<Row extends ExecutionRow>(
  row: Row & Cancelled,
  request: CancelRequest,
  now: number,
): Change<Row> {
  const times = { deliveredAt: now, stoppedAt: now, finalizedAt: now };
  const ended = { ...row.cancellation, ...times, cleanup: 'none', outcome: 'cancelled' } as const;
  return {
    row: { ...row, state: 'CANCELLED', finishedAt: now, nextDispatchAt: null, cancellation: ended },
    events: [requested(row, request, now), cancelledEvent(row, ended)],
    outbox: [],
  };
}

/** Its owner is told; without an owner any worker may run its cleanup. */
function begin<Row extends ExecutionRow>(
  row: Row & Cancelled,
  request: CancelRequest,
  now: number,
): Change<Row> {
  const events = [requested(row, request, now)];
  const next: Row = {
    ...row,
    state: 'CANCELLING',
    nextDispatchAt: nextResend(true, now, 0),
    dispatchCount: 0,
  };
  if (row.workerId === null) return { ...dispatched(next, now), events };
  return { row: next, events, outbox: cancelMessages(row) };
}

/** Only `force` changes a cancel under way: its deadline is now, and its owner hears it once more. */
function repeat<Row extends ExecutionRow>(
  row: Row,
  standing: Cancellation,
  request: CancelRequest,
  now: number,
): Change<Row> | null {
  const deadline = repeatedDeadline(standing, now, request.force);
  if (row.state !== 'CANCELLING' || deadline.deadlineAt === standing.deadlineAt) return null;
  const { requestedBy, reason } = request;
  const data = { requestedBy, reason, deadlineAt: new Date(now).toISOString(), ...sourceOf(request) };
  const next = {
    ...row,
    cancellation: { ...standing, ...deadline },
    nextDispatchAt: nextResend(true, now, 0),
    dispatchCount: 0,
  };
  return {
    row: next,
    events: [{ type: 'cancel_forced', at: now, attempt: row.attempt, data }],
    outbox: cancelMessages(next),
  };
}
