import {
  childLink,
  childOutcome,
  type CancelNotice,
  type ChildFinished,
  type ChildMessage,
  type ChildOutcome,
  type HistoryEvent,
  type MessageBody,
  type ValueTypes,
} from '@flux/contracts';
import { isTerminal } from '@flux/domain';
import { childrenOf } from './children.js';
import type { Cancellation, ExecutionRecord, ExecutionRow } from './execution.js';
import { graceOf, isCleanup, isUrgent, lastMoment } from './timing.js';

/** A cancel notice whose remaining time is counted when it is sent; `deadlineAt` is the last moment of the cleanup. */
export type PendingNotice = Omit<CancelNotice, 'remainingMs' | 'latestMs'> & { readonly deadlineAt: number };

interface Message<Kind, Body> {
  readonly kind: Kind;
  readonly target: string;
  readonly body: Body;
}

/** A message that is published after a commit. */
export type OutboxMessage =
  | Message<'run', MessageBody<'run'>>
  /** A message for one worker that answers, beside the `run` that waits for any. */
  | Message<'offer', MessageBody<'run'>>
  | Message<'cancel', PendingNotice>
  | Message<'pause', MessageBody<'pause'>>
  | Message<'fence', MessageBody<'fence'>>
  | Message<'child', ChildMessage>
  | FamilyMessage;

/** A task of the api itself, about the execution `target` and its children. */
export type FamilyMessage =
  /** A child of `target` has ended. */
  | Message<'child_ended', { executionId: string }>
  /**
   * The execution is cancelled, with force or more force than before, or has ended: its children too, by their
   * policy.
   */
  | Message<'cancel_children', { force: boolean }>;

export const FAMILY_KINDS: readonly OutboxMessage['kind'][] = ['child_ended', 'cancel_children'];

/** A message with its row in the table `outbox`. */
export type OutboxRow = OutboxMessage & { readonly id: string };

export type FamilyRow = FamilyMessage & { readonly id: string };

/** How long a row belongs to whoever wrote or took it, before the sweep takes it; milliseconds. */
export const OUTBOX_LEASE_MS = 1_500;

/** An execution that messages find a worker. */
type Dispatched = Pick<
  ExecutionRow,
  'id' | 'workflowName' | 'workflowVersion' | 'attempt' | 'state' | 'parent'
>;

/** The execution waits for a worker; once it has begun, for one that has the version it began on. */
export function runMessage(waiting: Dispatched): OutboxMessage {
  return { kind: 'run', target: waiting.workflowName, body: runBody(waiting) };
}

/**
 * The messages that find an execution a worker where time is short. A frozen worker stays a consumer until the broker
 * misses its heartbeats, so its queue may give it what it cannot take. The offer goes past the queue.
 */
export function urgentMessages(waiting: Dispatched): OutboxMessage[] {
  const { workflowName } = waiting;
  return [runMessage(waiting), { kind: 'offer', target: workflowName, body: runBody(waiting) }];
}

/** The messages that find a waiting execution a worker, past the queue too where time is short for it. */
export function waitingMessages(row: ExecutionRow): OutboxMessage[] {
  return isUrgent(row) ? urgentMessages(row) : [runMessage(row)];
}

/** The message to a worker that answers about a child that something waits for which cannot wait long. */
export function offerMessages(child: Dispatched): OutboxMessage[] {
  if (!isCleanup(child)) return [];
  return [{ kind: 'offer', target: child.workflowName, body: runBody(child) }];
}

function runBody(row: Dispatched): MessageBody<'run'> {
  const body: MessageBody<'run'> = { executionId: row.id, workflowName: row.workflowName };
  if (row.attempt > 0) body.version = row.workflowVersion;
  if (isCleanup(row)) {
    body.cleanup = true;
    body.cleanupOf = row.parent?.executionId ?? row.id;
  }
  return body;
}

/** A message to the owner; none without an owner. */
function toOwner<Kind, Body>(row: ExecutionRow, kind: Kind, body: Body): Message<Kind, Body>[] {
  return row.workerId === null ? [] : [{ kind, target: row.workerId, body }];
}

/** The message to the owner that a child has ended; none without an owner. */
export function childMessages(row: ExecutionRow, entry: ChildFinished): OutboxMessage[] {
  return toOwner(row, 'child', { executionId: row.id, attempt: row.attempt, entry });
}

/** A child that has ended. `outputTypes` tell what of its output JSON cannot say. */
export type EndedChild = ExecutionRecord & { readonly outputTypes: ValueTypes | undefined };

/** How it ended. */
export function childEndOf({ state, output, outputTypes, error, cancellation }: EndedChild): ChildOutcome {
  if (state === 'COMPLETED') return { state, output: output ?? null, ...(outputTypes && { outputTypes }) };
  if (state === 'FAILED') return { state, error: error ?? { name: 'Error', message: 'not known' } };
  const { requestedBy = 'flux', reason = null, cause = 'request' } = cancellation ?? {};
  return { state: 'CANCELLED', requestedBy, reason, cause };
}

export type ChildEndData = HistoryEvent<'child_finished' | 'child_refused'>['data'];

/** The end of a child as its event has it. */
export function toChildFinished(data: ChildEndData, at: number): ChildFinished {
  const { callId, name, number } = data;
  const end =
    'state' in data
      ? childOutcome.parse(data)
      : ({ state: 'REFUSED', error: data.error, child: childLink.parse(data) } as const);
  return { type: 'child_finished', callId, name, number, end, at };
}

/** The messages to parent and children that a change of an execution needs once it is durable. Pure. */
export function familyMessages(before: ExecutionRow, after: ExecutionRow): FamilyMessage[] {
  const messages: FamilyMessage[] = [];
  const ended = isTerminal(after.state) && !isTerminal(before.state);
  if (ended && after.parent) {
    messages.push({ kind: 'child_ended', target: after.parent.executionId, body: { executionId: after.id } });
  }
  const cancel = cancelStep(before, after);
  if (childrenOf(after).open > 0 && (ended || cancel !== null)) {
    messages.push({ kind: 'cancel_children', target: after.id, body: { force: cancel === 'force' } });
  }
  return messages;
}

/** Whether the change began a cancel, or brought its deadline to now. */
function cancelStep(before: ExecutionRow, after: ExecutionRow): 'begin' | 'force' | null {
  if (!after.cancellation) return null;
  const { requestedAt, deadlineAt, graceMs } = after.cancellation;
  if (!before.cancellation) return deadlineAt <= requestedAt ? 'force' : 'begin';
  return graceMs === undefined && deadlineAt < before.cancellation.deadlineAt ? 'force' : null;
}

function pendingNotice({ id, attempt }: ExecutionRow, cancellation: Cancellation): PendingNotice {
  const { requestedAt, requestedBy, reason, cause, spareMs } = cancellation;
  // A deadline that stands is the owner's: it is told of on a clock that may be wrong.
  const deadlineAt = lastMoment(cancellation);
  const graceMs = graceOf(cancellation);
  const notice = { executionId: id, attempt, requestedAt, requestedBy, reason, cause, deadlineAt };
  return {
    ...notice,
    ...(graceMs !== undefined && { graceMs }),
    ...(spareMs !== undefined && { spareMs }),
  };
}

/** The cancel as the owner is told of it, with the time that a body has which hears of it at `now`. */
export function toNotice({ deadlineAt, ...notice }: PendingNotice, now: number): CancelNotice {
  const latestMs = Math.max(0, deadlineAt - now);
  const { graceMs } = notice;
  if (graceMs === undefined) return { ...notice, remainingMs: latestMs };
  return { ...notice, remainingMs: Math.min(graceMs, latestMs), latestMs };
}

/** The notice of an execution under cancel, `null` for any other. */
export function noticeOf(row: ExecutionRow, now: number): CancelNotice | null {
  if (row.state !== 'CANCELLING' || !row.cancellation) return null;
  const notice = toNotice(pendingNotice(row, row.cancellation), now);
  return row.cancellation.deliveredAt === null ? notice : { ...notice, delivered: true };
}

/** The message to the owner; none without an owner or a cancel. */
export function cancelMessages(row: ExecutionRow): OutboxMessage[] {
  return row.cancellation ? toOwner(row, 'cancel', pendingNotice(row, row.cancellation)) : [];
}

/** The message to the owner that is asked to park it; none without an owner. */
export function pauseMessages(row: ExecutionRow): OutboxMessage[] {
  return toOwner(row, 'pause', { executionId: row.id, attempt: row.attempt });
}

/** The message to the owner that it owns the execution no more; none without an owner. */
export function fenceMessages(row: ExecutionRow): OutboxMessage[] {
  return toOwner(row, 'fence', { executionId: row.id, attempt: row.attempt });
}
