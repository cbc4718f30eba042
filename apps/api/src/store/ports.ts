import type {
  ChildFinished,
  MessageBody,
  StateUpdate,
  ValueTypes,
  WorkerWish,
  WorkflowDefinition,
} from '@flux/contracts';
import type { NewExecution } from '../lifecycle/change.js';
import type { ExecutionRecord, ExecutionRow, Gate } from '../lifecycle/execution.js';
import type { BegunTask, Orphan } from '../lifecycle/hand-back.js';
import type { OutboxMessage, OutboxRow } from '../lifecycle/messages.js';
import type { Page, PageLimit, PageWish } from './history-pages.js';
import type { NumberedEvent, Write } from './pending-write.js';
import type { Details, ShownExecution } from './shown-executions.js';
import type { ValueName } from './stored-json.js';

/**
 * The ports to all that the core keeps. PostgreSQL is one adapter, and an adapter in memory plays PostgreSQL in
 * tests; one contract (`testing/store-contract`) holds both. Each call is one statement or one transaction: done
 * whole, or not at all. No call is retried. A store that cannot be reached is FluxError `DATABASE_UNAVAILABLE`.
 */
export interface Stores {
  readonly executions: ExecutionStore;
  readonly histories: HistoryStore;
  readonly outbox: OutboxStore;
  readonly pieces: PieceStore;
  readonly workers: WorkerStore;
  readonly workflows: WorkflowStore;
}

interface Clock {
  /**
   * The store's time, milliseconds since 1970. All times that are written, or compared with written ones, go by this
   * clock, since the clocks of replicas differ.
   */
  now(): number;
}

/** `input` is null where it has more bytes of JSON than were asked for. */
export type RowWithInput = ExecutionRow & { readonly input: unknown; readonly isInputLarge: boolean };

/** An execution to be created, with its run message. */
export interface Start {
  readonly start: NewExecution;
  readonly run: OutboxRow;
}

/** An execution with the id of a child was created since the child was admitted: nothing was written. */
export class ChildIdTakenError extends Error {}

export interface ExecutionStore extends Clock {
  readRows(ids: readonly string[]): Promise<ExecutionRow[]>;
  /** @param mostBytes of JSON that an input may have to come along */
  readRowsWithInput(ids: readonly string[], mostBytes: number): Promise<RowWithInput[]>;
  readRecords(ids: readonly string[]): Promise<ExecutionRecord[]>;
  /** Records to be answered with: their values are StoredJson. */
  readAnswers(ids: readonly string[]): Promise<ExecutionRecord[]>;
  /** The execution as it is shown: `whole` where it has at most so many bytes. */
  readShown(id: string, bytes: number): Promise<ShownExecution | undefined>;
  readDetails(id: string): Promise<Details | undefined>;
  /** The JSON text of a value. */
  readValue(id: string, name: ValueName): Promise<string>;
  readStates(ids: readonly string[]): Promise<StateUpdate[]>;
  /** The id of the execution that has the key. */
  findByKey(workflowName: string, idempotencyKey: string): Promise<string | undefined>;
  /**
   * The executions that the sweep has to look at, longest due first; while nothing can be sent, only those that need
   * no message.
   */
  findDue(limit: number, canSend: boolean): Promise<string[]>;
  /** The children of an execution that have not ended. */
  findOpenChildren(parentId: string): Promise<string[]>;
  /** The executions that a worker owns. */
  readOwned(workerId: string): Promise<ExecutionRow[]>;
  /**
   * The executions owned by workers that were found lost at least `lostMs` ago, and then by those that stopped more than
   * `stoppedMs` ago.
   */
  findOrphans(lostMs: number, stoppedMs: number, limit: number): Promise<Orphan[]>;
  /**
   * Creates executions, each with its first event, its run message and its cancel keys; one whose id or idempotency key
   * exists is left out. Resolves with the ids of those created.
   */
  insert(starts: readonly Start[]): Promise<Set<string>>;
  /**
   * Writes changes with the children that they start and the end of the outbox rows that they are done with. A change whose
   * execution has been written since it was decided on is left out whole. Resolves with the ids of those written.
   * @throws ChildIdTakenError when nothing is written
   */
  write(writes: readonly Write[]): Promise<Set<string>>;
}

export interface HistoryStore {
  /** Consecutive events after the number `after`; one that alone is larger than the limit comes without its data. */
  readEvents(executionId: string, after: number, limit: PageLimit): Promise<EventTexts>;
  /** The JSON text of an event's data. */
  readEventData(executionId: string, seq: number): Promise<string>;
  /** A page of the recorded results of each execution, oldest first. */
  readPages(wanted: readonly PageWish[], limit: PageLimit): Promise<Map<string, Page>>;
  /**
   * The ends of the execution's children, oldest first, from after the end with the number `heard`. Fewer than `limit`
   * come where they are large, and at least one.
   */
  readChildEnds(executionId: string, heard: number, limit: number): Promise<ChildFinished[]>;
  /** The pauses of these executions that resumes have ended. */
  readPassedGates(ids: readonly string[]): Promise<Map<string, Gate[]>>;
  /** The tasks of these attempts that have begun and have no end on record, oldest first. */
  readBegun(
    wanted: ReadonlyArray<{ readonly executionId: string; readonly attempt: number }>,
  ): Promise<Map<string, BegunTask[]>>;
  /** The types beyond JSON in the outputs of completed executions, where there are such types. */
  readOutputTypes(ids: readonly string[]): Promise<Map<string, ValueTypes>>;
}

interface EventTexts {
  readonly events: EventText[];
  /** Whether there are events behind. */
  readonly more: boolean;
}

/** An event as it is stored, its data as JSON text. */
export interface EventText extends Pick<NumberedEvent, 'seq' | 'type' | 'at' | 'attempt'> {
  /** The bytes of its data. */
  readonly bytes: number;
  readonly data: string | null;
}

export interface OutboxStore extends Clock {
  /**
   * Takes rows that nobody holds. They are the caller's for `OUTBOX_LEASE_MS`; replicas never take the same row.
   * @param kinds absent: all
   */
  take(limit: number, kinds?: ReadonlyArray<OutboxMessage['kind']>): Promise<OutboxRow[]>;
  /** The ids among these whose rows are still there. */
  findPresent(ids: readonly string[]): Promise<Set<string>>;
  /**
   * Deletes rows, best effort: a row that a crash brings back is published once more, and the receiver drops the
   * duplicate.
   */
  delete(ids: readonly string[]): Promise<void>;
}

/** A piece of a text that is too large for a message. */
export interface Piece {
  readonly valueId: string;
  /** Its place among the pieces of the text, from 0 on. */
  readonly index: number;
  readonly data: Buffer;
}

/** The pieces of texts that workers have sent, until something that refers to them is applied. */
export interface PieceStore extends Clock {
  /** Keeps a piece; the same piece again changes nothing. */
  put(piece: Piece): Promise<void>;
  /** All pieces of these texts, those of a text in their order. */
  read(valueIds: readonly string[]): Promise<Piece[]>;
  delete(valueIds: readonly string[]): Promise<void>;
  /** Deletes the pieces that have been here for so many milliseconds. */
  forget(keptForMs: number): Promise<void>;
}

/** A worker that comes. */
export type NewWorker = Readonly<Omit<MessageBody<'register'>, 'workflows' | 'stopped' | 'unanswered'>> & {
  /** Each name once. */
  readonly workflows: readonly WorkflowDefinition[];
};

type Heartbeat = Pick<MessageBody<'heartbeat'>, 'workerId' | 'state' | 'blocked' | 'changedFiles' | 'strays'>;

/** A worker that takes executions, with its workflows and, at the same index, their versions; `''` for none. */
export interface AvailableWorker {
  readonly workerId: string;
  readonly workflows: readonly string[];
  readonly versions: readonly string[];
  /** It is paused by hand, and takes only what is part of a cleanup. */
  readonly isPaused: boolean;
}

/** A wish by hand to all workers of a name. */
export interface NewWish extends Pick<WorkerWish, 'kind'> {
  readonly requestedBy: string;
  readonly reason: string | null;
}

/** Workers that are live are running or draining. Leases and losses are told by the store's clock alone. */
export interface WorkerStore extends Clock {
  /**
   * Records a worker as live. A worker that was found lost is live again; executions that others got meanwhile stay
   * theirs. Resolves with the wish for its name, as renewLease and readWish do.
   */
  register(worker: NewWorker, leaseMs: number): Promise<WorkerWish>;
  /** Resolves with `undefined` for a worker that is not live; so does readWish. */
  renewLease(heartbeat: Heartbeat, leaseMs: number): Promise<WorkerWish | undefined>;
  readWish(id: string): Promise<WorkerWish | undefined>;
  /**
   * Notes a wish for all workers of a name, of now and later. The same kind again changes nothing. Resolves with the wish
   * as it is then, and whether it is new; with `undefined` where the name is not known.
   */
  wish(
    name: string,
    wish: NewWish,
  ): Promise<{ readonly wish: WorkerWish; readonly isNew: boolean } | undefined>;
  /** Resolves with the ids of those that were live. */
  end(ids: readonly string[], state: 'lost' | 'stopped'): Promise<string[]>;
  findLive(): Promise<string[]>;
  /**
   * Notes of the live workers whose lease runs out within `leftMs` milliseconds that they are asked, until it is renewed;
   * resolves with them.
   */
  askExpiring(leftMs: number): Promise<string[]>;
  /** The live workers that let their lease run out, and were asked `askedForMs` milliseconds ago or longer. */
  findExpired(askedForMs: number): Promise<string[]>;
  /**
   * The running workers that were heard of within `heardWithinMs` milliseconds, by their ids; without those that were asked
   * to drain.
   */
  readAvailable(heardWithinMs: number): Promise<AvailableWorker[]>;
}

export interface LiveVersion {
  readonly workflowName: string;
  /** `''` for none. */
  readonly version: string;
}

export interface WorkflowStore {
  /** The newest version of each workflow that a running worker has, else the newest of all. */
  readNewest(): Promise<WorkflowDefinition[]>;
  /** The versions of workflows that some running worker has. */
  readLiveVersions(): Promise<LiveVersion[]>;
}
