import {
  bulkCancelPage,
  bulkCancelResource,
  bulkItemPage,
  bulkPreviewResource,
  eventReceipt,
  type bulkCancelBody,
  type BulkCancelPage,
  type BulkCancelResource,
  type BulkItemPage,
  type BulkOutcome,
  type BulkPreviewResource,
  type eventBody,
  type EventReceipt,
  type Sent,
} from '@flux/contracts';
import { assertCanExist, parseJson } from './failures.js';
import { live } from './live.js';
import type { Transport } from './transport.js';
import type { CallOptions, ExecutionFilter, PageOptions } from './types.js';
import { assertWorkerName } from './worker-path.js';

/** Selects executions: those that fit every part and have not ended; `{ all: true }` alone is every one. */
export type BulkFilter = Omit<ExecutionFilter, 'limit' | 'cursor'> & {
  readonly all?: true;
  /** What the workers of this NAME hold. */
  readonly worker?: string;
};

export type BulkCancelRequest = Omit<Sent<typeof bulkCancelBody>, 'filter' | 'dryRun'> & {
  readonly filter: BulkFilter;
};

/** An event that cancels the executions whose workflows name it in `cancelOn`. */
export type EventRequest = Sent<typeof eventBody>;

export interface BulkItemsOptions extends PageOptions {
  readonly outcome?: BulkOutcome | readonly BulkOutcome[];
}

/** The calls about many executions at once. */
export interface BulkCalls {
  /** The executions that `cancelMany` with this filter would cancel now; nothing is cancelled. */
  previewCancelMany(filter: BulkFilter, options?: CallOptions): Promise<BulkPreviewResource>;
  /** Takes the snapshot of the executions and has them cancelled: the job, which can no longer be lost. */
  cancelMany(request: BulkCancelRequest, options?: CallOptions): Promise<BulkCancelResource>;
  cancellation(cancellationId: string, options?: CallOptions): Promise<BulkCancelResource>;
  /** A page of bulk cancels, newest first. */
  cancellations(options?: PageOptions): Promise<BulkCancelPage>;
  /** A page of the bulk cancel's executions with their outcomes. */
  cancellationExecutions(cancellationId: string, options?: BulkItemsOptions): Promise<BulkItemPage>;
  /**
   * Yields the job as it is and after each change, until it has finished. A lost connection is made again, as by
   * `watch`.
   */
  watchCancellation(
    cancellationId: string,
    options?: CallOptions,
  ): AsyncGenerator<BulkCancelResource, void, undefined>;
  /** Cancels the executions that the event is about, as a bulk cancel; its id is `null` where there are none. */
  sendEvent(event: EventRequest, options?: CallOptions): Promise<EventReceipt>;
  /** Asks no further execution; what was cancelled stays cancelled, but for what `undo` can take back. */
  stopCancellation(
    cancellationId: string,
    options?: CallOptions & { undo?: boolean; reason?: string },
  ): Promise<BulkCancelResource>;
}

const PATH = '/cancellations';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const POST = { method: 'POST' } as const;

export function bulkCalls(transport: Transport): BulkCalls {
  return {
    previewCancelMany: async (filter, { signal } = {}) => {
      checkFilter(filter);
      const body = { filter, dryRun: true };
      return transport.value(bulkPreviewResource, { ...POST, path: PATH, body, signal });
    },
    cancelMany: async (body, { signal } = {}) => {
      checkFilter(body.filter);
      return transport.value(bulkCancelResource, { ...POST, path: PATH, body, signal });
    },
    cancellation: async (id, { signal } = {}) =>
      transport.value(bulkCancelResource, { path: pathOf(id), signal }),
    cancellations: ({ signal, ...query } = {}) =>
      transport.value(bulkCancelPage, { path: PATH, query, signal }),
    cancellationExecutions: async (id, { signal, ...query } = {}) =>
      transport.value(bulkItemPage, { path: `${pathOf(id)}/executions`, query, signal }),
    watchCancellation: (id, { signal } = {}) =>
      live({
        serverUrl: transport.serverUrl,
        signal,
        read: (message) => bulkCancelResource.safeParse(parseJson(message.data)).data,
        isLast: ({ finishedAt }) => finishedAt !== null,
        hasEnded: async () => false,
        connect: (ended) => transport.stream({ path: pathOf(id), signal: ended }),
      }),
    sendEvent: (body, { signal } = {}) =>
      transport.value(eventReceipt, { ...POST, path: '/events', body, signal }),
    stopCancellation: async (id, { signal, ...query } = {}) =>
      transport.value(bulkCancelResource, { method: 'DELETE', path: pathOf(id), query, signal }),
  };
}

function checkFilter({ worker }: BulkFilter): void {
  if (worker !== undefined) assertWorkerName(worker);
}

function pathOf(cancellationId: string): string {
  const missing = `there is no bulk cancel '${cancellationId}': ids are UUIDs`;
  assertCanExist(
    UUID.test(cancellationId),
    'CANCELLATION_NOT_FOUND',
    missing,
    'GET /cancellations lists them.',
  );
  return `${PATH}/${cancellationId}`;
}
