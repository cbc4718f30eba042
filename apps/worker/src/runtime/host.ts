import type { CancelNotice, CheckpointEvent, HistoryEntry } from '@flux/contracts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What an execution needs from whoever runs it. */
export interface ExecutionHost {
  /** A sleep with at least this much left gives its place back; milliseconds, `Infinity` for none. */
  readonly parkAfterMs: number;
  /**
   * Checked at every call of `ctx`; absent where nobody else can own the execution.
   * @throws OwnershipLostError when others may own it by now
   */
  assertOwned?(): void;
  /** Children are waited for in memory for so long; milliseconds, `Infinity` for ever. */
  readonly parkChildrenAfterMs: number;
  /** Takes an event for the record, in order; resolves once it is safe there. */
  record(event: CheckpointEvent): Promise<void>;
  /** Tells whoever watches live how far a task is; never stored. */
  progress(call: { readonly callId: string; readonly name: string }, value: unknown): void;
  /** The most bytes of JSON that an input, an output or a progress may have. */
  readonly maxPayloadBytes: number;
  log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> | undefined): void;
}

/** Who cancels, why, how long the cleanup may take, and whether the body has heard of it in an attempt before. */
export type CancelRequest = Pick<
  CancelNotice,
  'requestedBy' | 'reason' | 'cause' | 'remainingMs' | 'delivered'
>;

/** One attempt of an execution. */
export interface ExecutionStart {
  readonly executionId: string;
  readonly attempt: number;
  readonly input: unknown;
  /** Results of earlier attempts, in the order they were recorded. */
  readonly history: readonly HistoryEntry[];
  /** Run-to-cancel: replay what is recorded, then cancel. */
  readonly cancel: CancelRequest | null;
}
