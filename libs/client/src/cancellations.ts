import {
  bulkCancelPage,
  bulkCancelResource,
  bulkItemPage,
  bulkPreviewResource,
  eventReceipt,
  type BulkCancelPage,
  type BulkCancelResource,
  type BulkItemPage,
  type BulkOutcome,
  type BulkPreviewResource,
  type EventReceipt,
} from '@flux/contracts';
import { FluxError } from './domain.js';
import { liveStates } from './live-states.js';
import type { Transport } from './transport.js';
import type { CallOptions, ExecutionFilter } from './types.js';

/** Which executions: those that fit every part and have not ended; `{ all: true }` alone is every one. */
export type BulkFilter = Omit<ExecutionFilter, 'limit' | 'cursor'> & { readonly all?: true };

export interface BulkCancelRequest {
  readonly filter: BulkFilter;
  readonly reason?: string;
  /** No grace period. */
  readonly force?: boolean;
  /** A duration; each execution's own by default. */
  readonly gracePeriod?: string;
  /** At most so many executions a second. */
  readonly ratePerSecond?: number;
}

/** An event that cancels the executions whose workflows name it in `cancelOn`. */
export interface EventRequest {
  readonly name: string;
  /** What it is about; a number or a boolean is the same as its text. */
  readonly key: string | number | boolean;
  readonly reason?: string;
}

export interface BulkItemsOptions extends CallOptions {
  readonly outcome?: BulkOutcome | readonly BulkOutcome[];
  readonly limit?: number;
  readonly cursor?: string;
}

/** The calls about many executions at once. */
export interface BulkCalls {
  /** What `cancelMany` with this filter would cancel now; nothing is. */
  previewCancelMany(filter: BulkFilter, options?: CallOptions): Promise<BulkPreviewResource>;
  /** Takes the snapshot of the executions and has them cancelled: the job, which can no longer be lost. */
  cancelMany(request: BulkCancelRequest, options?: CallOptions): Promise<BulkCancelResource>;
  cancellation(cancellationId: string, options?: CallOptions): Promise<BulkCancelResource>;
  /** One page, newest first. */
  cancellations(options?: CallOptions & { limit?: number; cursor?: string }): Promise<BulkCancelPage>;
  /** One page of its executions with their outcomes. */
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

export function bulkCalls(transport: Transport): BulkCalls {
  const call = async <T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    schema: Parameters<typeof transport.json<T>>[1],
    { signal, ...rest }: CallOptions & { query?: Record<string, never>; body?: unknown } = {},
  ): Promise<T> => (await transport.json({ method, path, signal, ...rest }, schema)).value;
  const read: BulkCalls['cancellation'] = async (id, options) =>
    call('GET', pathOf(id), bulkCancelResource, options);
  return {
    previewCancelMany: (filter, options) =>
      call('POST', PATH, bulkPreviewResource, { ...options, body: { filter, dryRun: true } }),
    cancelMany: (request, options) => call('POST', PATH, bulkCancelResource, { ...options, body: request }),
    cancellation: read,
    async cancellations({ signal, ...query } = {}) {
      return (await transport.json({ method: 'GET', path: PATH, query, signal }, bulkCancelPage)).value;
    },
    async cancellationExecutions(id, { signal, outcome, ...query } = {}) {
      const outcomes = typeof outcome === 'string' ? [outcome] : outcome;
      const request = {
        method: 'GET',
        path: `${pathOf(id)}/executions`,
        query: { ...query, outcome: outcomes },
        signal,
      } as const;
      return (await transport.json(request, bulkItemPage)).value;
    },
    watchCancellation: (id, { signal } = {}) =>
      liveStates({
        serverUrl: transport.serverUrl,
        signal,
        schema: bulkCancelResource,
        isLast: ({ finishedAt }) => finishedAt !== null,
        connect: (ended) => transport.stream({ method: 'GET', path: pathOf(id), signal: ended }),
      }),
    sendEvent: (event, options) => call('POST', '/events', eventReceipt, { ...options, body: event }),
    async stopCancellation(id, { signal, ...query } = {}) {
      const request = { method: 'DELETE', path: pathOf(id), query, signal } as const;
      return (await transport.json(request, bulkCancelResource)).value;
    },
  };
}

/** An id that cannot exist is not sent: `..` would even be another route. */
function pathOf(cancellationId: string): string {
  if (UUID.test(cancellationId)) return `${PATH}/${cancellationId}`;
  throw new FluxError(
    'CANCELLATION_NOT_FOUND',
    `there is no bulk cancel '${cancellationId}': ids are UUIDs`,
    {
      hint: 'GET /cancellations lists them.',
    },
  );
}
