import type { CancelNotice, CheckpointEvent, HistoryEntry, ValueTypes } from '@flux/contracts';

/** The call of a task, before its first line. */
export type TaskCall = Pick<
  Extract<CheckpointEvent, { type: 'task_completed' }>,
  'callId' | 'name' | 'startedAt' | 'inCleanup'
>;
export type TaskInterruption = Extract<CheckpointEvent, { type: 'task_interrupted' }>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The port by which an execution reaches whoever runs it. */
export interface ExecutionHost {
  /** A sleep with at least this much left gives its place back; milliseconds, `Infinity` for none. */
  readonly parkAfterMs: number;
  /**
   * Checked at every call of `ctx`; absent where nobody else can own the execution.
   * @throws OwnershipLostError when others may own it by now
   */
  assertOwned?(): void;
  /** Runs a check of the input, which may keep the event loop for longer than anybody waits; absent: nobody looks. */
  checksInput?<T>(check: () => T): T;
  /** Children are waited for in memory for so long; milliseconds, `Infinity` for ever. */
  readonly parkChildrenAfterMs: number;
  /**
   * Takes an event for the record, in order; resolves once it is safe there.
   * @param isMoot whether nothing needs it any more once the body was told of a cancel before the event was safe
   */
  record(event: CheckpointEvent, isMoot?: boolean): Promise<void>;
  /** A task begins: told before its first line; absent where nobody keeps account. */
  taskBegins?(call: TaskCall, hasRollback: boolean): void;
  /** A task that had begun ends without a result; absent likewise. */
  taskInterrupted?(event: TaskInterruption): void;
  /** Before a result is recorded: resolves when messages had their turn; absent, or `undefined`: no need to wait. */
  breathe?(): Promise<void> | undefined;
  /** Before another of many calls begins: resolves once few results wait to be safe; absent, or `undefined`: at once. */
  room?(): Promise<void> | undefined;
  /** Tells whoever watches live how far a task is; never stored. */
  progress(call: { readonly callId: string; readonly name: string }, value: unknown): void;
  /** Tells that a body which was replayed up to its cancel has heard of it; absent where nobody counts its time. */
  signalled?(): void;
  /** Tells that the execution waits for nothing but the ends of children, or does so no more. */
  waiting(onlyForChildren: boolean): void;
  /**
   * Lets a program live on that code of the execution has started.
   * @throws TypeError for anything else
   */
  detach(child: { readonly pid?: number | undefined }): void;
  /** The most bytes of JSON that an input, an output or a progress may have. */
  readonly maxPayloadBytes: number;
  log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> | undefined): void;
}

/**
 * The cancel as the body hears of it: who, why, how long the cleanup may take, and whether the body has heard of it
 * in an attempt before.
 */
export type CancelSignal = Pick<
  CancelNotice,
  'requestedBy' | 'reason' | 'cause' | 'remainingMs' | 'graceMs' | 'latestMs' | 'spareMs' | 'delivered'
>;

/** The start of an attempt. */
export interface ExecutionStart {
  readonly executionId: string;
  readonly attempt: number;
  readonly input: unknown;
  /** The types that the JSON of the input leaves out. */
  readonly inputTypes?: ValueTypes | undefined;
  /** Results of earlier attempts, in the order they were recorded. */
  readonly history: readonly HistoryEntry[];
  /** Run-to-cancel: replay what is recorded, then cancel. */
  readonly cancel: CancelSignal | null;
}
