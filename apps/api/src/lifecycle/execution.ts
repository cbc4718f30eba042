import type { ErrorInfo, FinishedEvent, ValueTypes } from '@flux/contracts';
import type {
  CancelCause,
  CancelOutcome,
  Cleanup,
  ExecutionState,
  Facts,
  ParentCancelPolicy,
} from '@flux/domain';

/** A cancel as stored; times are epoch milliseconds of the api's clock. */
export interface Cancellation {
  readonly requestedAt: number;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly cause: CancelCause;
  /** The bulk cancel that asked for it. */
  readonly bulkId?: string;
  /** When the grace period ends; `latestAt` as long as no body has heard of it that still runs. */
  readonly deadlineAt: number;
  /** The grace period, milliseconds; absent once it was forced. */
  readonly graceMs?: number | undefined;
  /** The part of it that is left for a body which comes after its children. */
  readonly bodyMs?: number;
  /** The last moment that a body may have for its cleanup; absent where a version before began the cancel. */
  readonly latestAt?: number;
  /** In a tree, what it has to spare of its time; milliseconds. */
  readonly spareMs?: number;
  readonly deliveredAt: number | null;
  readonly stoppedAt: number | null;
  readonly finalizedAt: number | null;
  /** When its owner, which had not told of an end, was told to stop; the cancel ends soon after. */
  readonly fencedAt?: number;
  readonly forced: boolean;
  /** The place where an execution without owner and children stood when the cancel came; an undo restores it. */
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
  /** The attempt at that time; the row has another one once a worker has taken the cancel up. */
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

/** The point at which an execution gave its place back. */
export interface Parked {
  /** `request`: somebody asked from outside that it pauses. */
  readonly kind: 'sleep' | 'pause' | 'child' | 'request';
  /** The call it waits in; `null` under a request. */
  readonly callId: string | null;
  /** The name of the pause. */
  readonly name: string | null;
  /** When the earliest of its sleeps is due, epoch milliseconds of the api's clock. */
  readonly dueAt: number | null;
  /** Present when the end of a child brings it back. */
  readonly awaitsChild?: boolean;
}

/** A `ctx.pause`, which waits for a resume: its call, and its name. */
export interface Gate {
  readonly callId: string | null;
  readonly name: string | null;
}

/** A resume that came before its pause. */
export interface KeptResume {
  readonly requestedBy: string;
  /** The name or the call of the pause that is meant; absent: the next. */
  readonly pause?: string | undefined;
  /** The number of the event that has its value. */
  readonly seq?: number;
  /** The size of that value. */
  readonly bytes?: number;
  /** Present instead where a version before kept it. */
  readonly value?: unknown;
}

/** All that is known of an execution's waiting, and of what waits for it. */
export interface Parking {
  /** Set in PAUSED and SLEEPING, and only there. */
  readonly parked: Parked | null;
  /** True when the owner has been asked to park it; in RUNNING only. */
  readonly pauseAsked: boolean;
  /** Oldest first. */
  readonly kept: readonly KeptResume[];
  /** The pause that a resume ended last. */
  readonly passed?: Gate;
  readonly delayedCancel?: DelayedCancel | null;
}

/** The times of a deployment that cancels need, milliseconds. */
export interface CancelLimits {
  readonly gracePeriodMs: number;
  readonly leaseMs: number;
}

/** The part of an execution that decisions need: everything but what users sent. Times are epoch milliseconds. */
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
  /** The parent, if the execution is a child. */
  readonly parent: ParentLink | null;
  /** `null` while it has none. */
  readonly children: Children | null;
  readonly nextDispatchAt: number | null;
  readonly dispatchCount: number;
  /** How often runners and workers died of it in a row, without a new result between, as the domain counts them. */
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

/** The fields that differ from one new execution to another. */
type Started = Pick<
  ExecutionRecord,
  'id' | 'workflowName' | 'timeoutAt' | 'gracePeriodMs' | 'nextDispatchAt' | 'input' | 'labels' | 'createdAt'
>;

/** A record as a start leaves it. */
export function newRecord(started: Started): ExecutionRecord {
  // The record is one literal: a spread would make a dictionary of the object, ten times as slow.
  return {
    id: started.id,
    workflowName: started.workflowName,
    workflowVersion: null,
    state: 'SCHEDULED',
    version: 1,
    attempt: 0,
    workerId: null,
    claimId: null,
    checkpointSeq: 0,
    lastEventSeq: 1,
    startedAt: null,
    finishedAt: null,
    timeoutAt: started.timeoutAt,
    gracePeriodMs: started.gracePeriodMs,
    cancellation: null,
    parking: null,
    parent: null,
    children: null,
    nextDispatchAt: started.nextDispatchAt,
    dispatchCount: 0,
    runnerLosses: 0,
    input: started.input,
    output: null,
    error: null,
    labels: started.labels,
    parentExecutionId: null,
    rootExecutionId: null,
    createdAt: started.createdAt,
  };
}

/** The facts of a row that the transition table asks for. */
export function factsOf(row: ExecutionRow, signalled = false): Facts {
  const parked = row.parking?.parked;
  const before = row.cancellation?.before;
  return {
    claimedBefore: row.attempt > 0,
    // A body that has ended and waits for its children is nobody's to run.
    owned: row.workerId !== null || row.children?.endedBody != null,
    signalled,
    delayed: Boolean(row.parking?.delayedCancel),
    unsent: before !== undefined && row.workerId === null && before.attempt === row.attempt,
    wasSleeping: before?.state === 'SLEEPING',
    wasPaused: before?.state === 'PAUSED',
    timed: parked?.kind === 'pause' && parked.dueAt !== null,
    awaitsChild: parked?.awaitsChild === true,
  };
}

/** The knowledge of a child about its parent; it never changes. */
export interface ParentLink {
  readonly executionId: string;
  readonly rootExecutionId: string;
  /** The call of the parent's body that started it. */
  readonly callId: string;
  readonly name: string;
  readonly onParentCancel: ParentCancelPolicy;
  /** True for a child of `ctx.call`. */
  readonly called: boolean;
  /** Started out of the cancel's reach. */
  readonly shielded: boolean;
  /** A cancel, a rollback or a shield waits for it, or for an execution above it. */
  readonly cleanup?: true;
  /** How many executions are above it; absent in what a version before started. */
  readonly depth?: number;
  /** The types that the JSON of the child's input leaves out. */
  readonly inputTypes?: ValueTypes;
}

/** The knowledge of a parent about its children. */
export interface Children {
  /** The number of children that have not ended. */
  readonly open: number;
  /** The number of open children that the parent's cancel waits for. */
  readonly awaited: number;
  /** The number of children whose end is on record, refused ones included. */
  readonly finished: number;
  /** The end of the parent's own body, and its worker, while the cancel waits for children. */
  readonly endedBody: { readonly event: FinishedEvent; readonly workerId: string | null } | null;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The id as the database spells it, `undefined` for what cannot be an id. */
export function normalizeId(text: string): string | undefined {
  const id = text.toLowerCase();
  return UUID.test(id) ? id : undefined;
}
