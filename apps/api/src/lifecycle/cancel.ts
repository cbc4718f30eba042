import type { HistoryEvent } from '@flux/contracts';
import {
  firstDeadline,
  latestDeadline,
  repeatedDeadline,
  transition,
  type CancelCause,
  type ExecutionState,
} from '@flux/domain';
import { dispatched } from './requeue.js';
import {
  factsOf,
  type Before,
  type CancelLimits,
  type Cancellation,
  type ExecutionRow,
} from './execution.js';
import type { Change, NewEvent } from './change.js';
import { childrenOf } from './children.js';
import { cancelMessages } from './messages.js';
import { nextResend } from './timing.js';
import { cancelledEvent } from './finish.js';

/** A wish to cancel one execution. */
export interface Cancel {
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly cause: CancelCause;
  readonly force: boolean;
  /** Milliseconds; absent: the execution's own, else the deployment's. */
  readonly gracePeriodMs: number | undefined;
  /** Present when the parent's cancel waits for it: what it has to spare of that time. */
  readonly spareMs?: number;
  /** Likewise: the last moment that the parent itself may have. */
  readonly latestAt?: number;
  /** Present when it is one of many. */
  readonly bulk?: BulkSource;
}

/** The maker of a cancel that is one of many. */
interface BulkSource {
  readonly id: string;
  /** The event that the executions were waiting for. */
  readonly event: { readonly name: string; readonly key: string } | null;
}

export type CancelDecision<Row extends ExecutionRow> =
  /** Accepted, now or before; without a change there was nothing left to do. */
  | { readonly kind: 'accepted'; readonly change: Change<Row> | null }
  | { readonly kind: 'finished'; readonly state: ExecutionState };

/** Decides what a cancel does to an execution in any state. Pure. */
export function decideCancel<Row extends ExecutionRow>(
  row: Row,
  request: Cancel,
  limits: CancelLimits,
  now: number,
): CancelDecision<Row> {
  const move = transition(row.state, 'cancel', factsOf(row));
  if (move.kind === 'refuse') return { kind: 'finished', state: row.state };
  if (row.cancellation) return { kind: 'accepted', change: repeat(row, row.cancellation, request, now) };
  const grace = request.gracePeriodMs ?? row.gracePeriodMs ?? limits.gracePeriodMs;
  const cancellation: Cancellation = {
    ...firstDeadline(now, grace, request.force),
    ...(move.to === 'CANCELLING' && !request.force && waitsForBody(request, grace, limits.leaseMs, now)),
    requestedBy: request.requestedBy,
    reason: request.reason,
    cause: request.cause,
    ...(request.bulk && { bulkId: request.bulk.id }),
    ...(request.spareMs !== undefined && { spareMs: request.spareMs }),
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

/** The times of a cancel that a body has yet to hear of. */
function waitsForBody(
  { latestAt: parents = Number.POSITIVE_INFINITY }: Cancel,
  graceMs: number,
  leaseMs: number,
  now: number,
): Pick<Cancellation, 'graceMs' | 'deadlineAt' | 'latestAt'> {
  const latestAt = Math.min(latestDeadline(now, graceMs, leaseMs), parents);
  return { graceMs, deadlineAt: latestAt, latestAt };
}

/** True for an execution that has neither an owner nor children to whom the cancel goes at once. */
function isAlone(row: ExecutionRow): boolean {
  return row.workerId === null && childrenOf(row).open === 0;
}

/** The row without an owner, as an undo restores it. */
function beforeOf({ state, parking, attempt }: ExecutionRow): Before {
  return { state, parking: parking && { ...parking, delayedCancel: null }, attempt };
}

type Cancelled = ExecutionRow & { readonly cancellation: Cancellation };

/** The origin of a cancel as history tells it. */
type Source = Pick<HistoryEvent<'cancel_requested'>['data'], 'cancellationId' | 'event'>;

function sourceOf({ bulk }: Cancel): Source {
  return bulk ? { cancellationId: bulk.id, ...(bulk.event && { event: bulk.event }) } : {};
}

function requested(row: Cancelled, request: Cancel, now: number): NewEvent {
  const { requestedBy, reason, cause, deadlineAt } = row.cancellation;
  const deadline = new Date(deadlineAt).toISOString();
  const data = { requestedBy, reason, cause, deadlineAt: deadline, ...sourceOf(request) };
  return { type: 'cancel_requested', at: now, attempt: row.attempt, data };
}

/** Ends an execution of which nothing has run: the cancel is over at once. */
function end<Row extends ExecutionRow>(row: Row & Cancelled, request: Cancel, now: number): Change<Row> {
  const times = { deliveredAt: now, stoppedAt: now, finalizedAt: now };
  const ended = { ...row.cancellation, ...times, cleanup: 'none', outcome: 'cancelled' } as const;
  return {
    row: { ...row, state: 'CANCELLED', finishedAt: now, nextDispatchAt: null, cancellation: ended },
    events: [requested(row, request, now), cancelledEvent(row, ended)],
    outbox: [],
  };
}

/** The owner is told. Without an owner any worker may run the cleanup. */
function begin<Row extends ExecutionRow>(row: Row & Cancelled, request: Cancel, now: number): Change<Row> {
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
  request: Cancel,
  now: number,
): Change<Row> | null {
  const deadline = repeatedDeadline(standing, now, request.force);
  if (row.state !== 'CANCELLING' || deadline.deadlineAt === standing.deadlineAt) return null;
  const { requestedBy, reason } = request;
  const data = { requestedBy, reason, deadlineAt: new Date(now).toISOString(), ...sourceOf(request) };
  const next = {
    ...row,
    cancellation: { ...standing, ...deadline, graceMs: undefined },
    nextDispatchAt: nextResend(true, now, 0),
    dispatchCount: 0,
  };
  return {
    row: next,
    events: [{ type: 'cancel_forced', at: now, attempt: row.attempt, data }],
    outbox: cancelMessages(next),
  };
}
