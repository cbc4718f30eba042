import type { ErrorInfo, HistoryEventType } from '@flux/contracts';
import type { CancelCause, CancelOutcome, Cleanup, ExecutionState, Facts } from '@flux/domain';
import type { OutboxMessage } from '../dispatch/outbox.js';
import type { Children, NewChild, ParentLink } from './children/family.js';

/** A cancel as stored; times are epoch milliseconds of the api's clock. */
export interface Cancellation {
  readonly requestedAt: number;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly cause: CancelCause;
  /** The bulk cancel that asked for it. */
  readonly bulkId?: string;
  readonly deadlineAt: number;
  readonly deliveredAt: number | null;
  readonly stoppedAt: number | null;
  readonly finalizedAt: number | null;
  readonly forced: boolean;
  /** Where it stood when the cancel came to it without an owner and without children; what an undo restores. */
  readonly before?: Before;
  readonly cleanup: Cleanup | null;
  readonly outcome: CancelOutcome | null;
  /** Present when `cleanup` is `failed`: the first error that it let out. */
  readonly cleanupError?: ErrorInfo;
  /** Present when the body did something other than rethrow after the signal. */
  readonly bodyOutput?: unknown;
  readonly bodyError?: ErrorInfo | null;
}

/** An execution without an owner, as a cancel found it. */
export interface Before {
  readonly state: ExecutionState;
  readonly parking: Parking | null;
  /** Another one now: a worker has taken the cancel up since. */
  readonly attempt: number;
}

/** A cancel that begins when its delay is over; times are epoch milliseconds of the api's clock. */
export interface DelayedCancel {
  readonly requestedAt: number;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly force: boolean;
  readonly gracePeriodMs: number | null;
  readonly dueAt: number;
}

/** Where an execution gave its place back. */
export interface Parked {
  /** `request`: somebody asked from outside that it pauses. */
  readonly kind: 'sleep' | 'pause' | 'child' | 'request';
  /** The call it waits in; `null` under a request. */
  readonly callId: string | null;
  /** Of the pause. */
  readonly name: string | null;
  /** When the earliest of its sleeps is due, epoch milliseconds of the api's clock. */
  readonly dueAt: number | null;
  /** Present when the end of a child brings it back. */
  readonly awaitsChild?: boolean;
}

/** A resume that came before its pause. */
export interface KeptResume {
  readonly requestedBy: string;
  readonly value: unknown;
}

/** What is known of an execution's waiting, and of what waits for it. */
export interface Parking {
  /** Set in PAUSED and SLEEPING, and only there. */
  readonly parked: Parked | null;
  /** Its owner has been asked to park it; in RUNNING only. */
  readonly pauseAsked: boolean;
  /** Oldest first. */
  readonly kept: readonly KeptResume[];
  readonly delayedCancel?: DelayedCancel | null;
}

/** What decisions need of an execution: everything but what users sent. Times are epoch milliseconds. */
export interface ExecutionRow {
  readonly id: string;
  readonly workflowName: string;
  /** The one it began on; `null` before its first claim, and without one. */
  readonly workflowVersion: string | null;
  readonly state: ExecutionState;
  /** Raised by every write; a write names the version it was decided on. */
  readonly version: number;
  readonly attempt: number;
  readonly workerId: string | null;
  readonly claimId: string | null;
  readonly checkpointSeq: number;
  readonly lastEventSeq: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly timeoutAt: number | null;
  readonly gracePeriodMs: number | null;
  readonly cancellation: Cancellation | null;
  /** `null` for most: nothing is known. */
  readonly parking: Parking | null;
  /** Whose child it is, if it is one. */
  readonly parent: ParentLink | null;
  /** `null` while it has none. */
  readonly children: Children | null;
  readonly nextDispatchAt: number | null;
  readonly dispatchCount: number;
  /** How often runners died of it in a row, without a new result between. */
  readonly runnerLosses: number;
}

/** The row with what users sent and get. */
export interface ExecutionRecord extends ExecutionRow {
  readonly input: unknown;
  readonly output: unknown;
  readonly error: ErrorInfo | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly parentExecutionId: string | null;
  readonly rootExecutionId: string | null;
  readonly createdAt: number;
}

/** An event to be recorded; its number is given when it is written. */
export interface NewEvent {
  readonly type: HistoryEventType;
  readonly at: number;
  readonly attempt: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a finished body leaves. */
export interface Result {
  readonly output?: unknown;
  readonly error?: ErrorInfo;
}

/** What a decision does to one execution; written whole or not at all. */
export interface Change<Row extends ExecutionRow = ExecutionRow> {
  readonly row: Row;
  readonly events: readonly NewEvent[];
  readonly outbox: readonly OutboxMessage[];
  readonly result?: Result;
  /** Started in the same transaction. */
  readonly children?: readonly NewChild[];
  /** Outbox rows that are done with once it is written. */
  readonly consumes?: readonly string[];
}

/** The facts of a row that the transition table asks for. */
export function factsOf(row: ExecutionRow, signalled = false): Facts {
  const parked = row.parking?.parked;
  const before = row.cancellation?.before;
  return {
    claimedBefore: row.attempt > 0,
    // A body that has ended and waits for its children is nobody's to run.
    owned: row.workerId !== null || row.children?.held != null,
    signalled,
    delayed: Boolean(row.parking?.delayedCancel),
    unsent: before !== undefined && row.workerId === null && before.attempt === row.attempt,
    wasSleeping: before?.state === 'SLEEPING',
    wasPaused: before?.state === 'PAUSED',
    timed: parked?.kind === 'pause' && parked.dueAt !== null,
    awaitsChild: parked?.awaitsChild === true,
  };
}
