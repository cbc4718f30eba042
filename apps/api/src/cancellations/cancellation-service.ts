import type {
  BulkCancelPage,
  BulkCancelResource,
  BulkFilter,
  BulkItemPage,
  BulkItemsQuery,
  BulkListQuery,
  BulkPreviewResource,
  EventReceipt,
} from '@flux/contracts';

import type { UndoWish } from '../executions/cancel/decide-undo.js';

/** A wish to cancel many executions; its shape has been checked. */
export interface BulkCommand {
  readonly filter: BulkFilter;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly force: boolean;
  /** Milliseconds; absent: each execution's own. */
  readonly gracePeriodMs: number | undefined;
  /** Absent: as fast as it goes. */
  readonly ratePerSecond: number | undefined;
}

/** An event as it was sent. */
export interface EventCommand {
  readonly name: string;
  readonly key: string;
  readonly requestedBy: string;
  readonly reason: string | null;
}

/**
 * What REST asks of bulk cancels. Errors are FluxErrors: `CANCELLATION_NOT_FOUND`, `DATABASE_UNAVAILABLE`. An id is a
 * UUID in lower case.
 */
export interface CancellationService {
  /** Resolves once the snapshot and the job are durable; the executions are asked from then on. */
  create(command: BulkCommand): Promise<BulkCancelResource>;
  /** What a bulk cancel by this filter would be about. Writes nothing. */
  preview(filter: BulkFilter): Promise<BulkPreviewResource>;
  /**
   * Has the executions cancelled that wait for the event: those that were durable when the snapshot was taken and have
   * not ended. Writes nothing where there are none.
   */
  receive(command: EventCommand): Promise<EventReceipt>;
  get(id: string): Promise<BulkCancelResource>;
  /** Newest first. */
  list(query: BulkListQuery): Promise<BulkCancelPage>;
  /** In the order in which they are asked. */
  executions(id: string, query: BulkItemsQuery): Promise<BulkItemPage>;
  /**
   * Asks no further execution; a job that has ended is left as it is.
   * @param undo who has those taken back that have not been signalled; `null`: what was cancelled stays cancelled
   */
  stop(id: string, undo: UndoWish | null): Promise<BulkCancelResource>;
  /**
   * The job now and after each change, live; ends once it has finished or when `signal` aborts. Sees what other replicas
   * do.
   */
  follow(id: string, signal: AbortSignal): AsyncIterable<BulkCancelResource>;
}

/** Injection token of the {@link CancellationService}. */
export const CANCELLATION_SERVICE = Symbol('CancellationService');
