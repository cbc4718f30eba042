import {
  IDEMPOTENCY_HEADER,
  bulkCancelResource,
  endsExecution,
  eventPage,
  eventResource,
  executionId as executionIdSchema,
  executionPage,
  executionReceipt,
  executionResource,
  healthResource,
  namedWorkersResource,
  workerPage,
  workflowName as workflowNameSchema,
  workflowPage,
  workflowResource,
  type EventResource,
  type ExecutionResource,
} from '@flux/contracts';
import { FluxError, isTerminal } from '@flux/domain';
import { bulkCalls } from './cancellations.js';
import { newExecutionId } from './execution-id.js';
import { assertCanExist, parseJson } from './failures.js';
import { live } from './live.js';
import { scheduleCalls } from './schedules.js';
import { createTransport, type HttpRequest, type Transport } from './transport.js';
import type { CallOptions, FluxClientOptions, CancelCommand, StartRequest, WatchOptions } from './types.js';
import type { FluxClient } from './flux-client.js';
import { waitInSlices } from './waiting.js';
import { workerPath } from './worker-path.js';

/** A client of one server; it holds no connection of its own, so there is nothing to close. */
export function createFluxClient(options: FluxClientOptions): FluxClient {
  const transport = createTransport(options);
  return {
    serverUrl: transport.serverUrl,
    ...startCalls(transport),
    ...readCalls(transport),
    ...cancelCalls(transport),
    ...bulkCalls(transport),
    ...parkingCalls(transport),
    ...fleetCalls(transport),
    ...scheduleCalls(transport),
  };
}

function startCalls(transport: Transport): Pick<FluxClient, 'start' | 'startAndWait' | 'startAndWatch'> {
  return {
    async start(workflowName, request = {}, options = {}) {
      const call = startOf(workflowName, request, 'async', options);
      const { value: execution, status } = await transport.answer(executionResource, call);
      return { execution, created: status === 201 };
    },
    startAndWait(workflowName, request = {}, options = {}) {
      const repeatable = request.idempotencyKey === undefined ? identified(request) : request;
      return waitInSlices(options, async (sliceMs) => {
        const call = startOf(workflowName, repeatable, 'sync', options);
        return transport.value(executionResource, withTimeout(call, sliceMs));
      });
    },
    async *startAndWatch(workflowName, request = {}, options = {}) {
      const body = identified(request);
      const start = startOf(workflowName, body, 'stream', options);
      const path = (): string => executionPath(workflowName, body.executionId);
      let started = false;
      yield* liveEvents(transport, path, options, async (signal) => {
        if (started) return undefined;
        const bytes = await transport.stream({ ...start, signal });
        started = true;
        return bytes;
      });
    },
  };
}

function readCalls(
  transport: Transport,
): Pick<FluxClient, 'get' | 'events' | 'receipt' | 'watch' | 'list' | 'listAll'> {
  const list: FluxClient['list'] = async ({ labels, include, ...rest } = {}, { signal } = {}) => {
    const label = labels && Object.entries(labels).map(([key, value]) => `${key}:${value}`);
    return transport.value(executionPage, {
      path: '/executions',
      query: { ...rest, label, include: include?.join() },
      signal,
    });
  };
  return {
    get: async (workflowName, executionId, { detailed, signal } = {}) =>
      transport.value(executionResource, {
        path: executionPath(workflowName, executionId),
        query: { detailed },
        signal,
      }),
    async events(workflowName, executionId, { signal, ...query } = {}) {
      const path = `${executionPath(workflowName, executionId)}/events`;
      return transport.value(eventPage, { path, query, signal });
    },
    async receipt(workflowName, executionId, { signal, ...query } = {}) {
      const path = `${executionPath(workflowName, executionId)}/receipt`;
      return transport.value(executionReceipt, { path, query, signal });
    },
    watch: (workflowName, executionId, options = {}) =>
      liveEvents(transport, () => executionPath(workflowName, executionId), options),
    list,
    async *listAll(filter = {}, options = {}) {
      let cursor = filter.cursor;
      do {
        const page = await list({ ...filter, cursor }, options);
        yield* page.items;
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
    },
  };
}

function cancelCalls(transport: Transport): Pick<FluxClient, 'cancel' | 'cancelAndWait' | 'undoCancel'> {
  const ask = (call: HttpRequest): Promise<ExecutionResource> => transport.value(executionResource, call);
  return {
    async cancel(workflowName, executionId, request = {}, options = {}) {
      return ask(cancelOf(executionPath(workflowName, executionId), request, 'async', options));
    },
    async undoCancel(workflowName, executionId, { reason } = {}, { signal } = {}) {
      const path = `${executionPath(workflowName, executionId)}/cancel`;
      return ask({ method: 'DELETE', path, query: { reason }, signal });
    },
    async cancelAndWait(workflowName, executionId, request = {}, options = {}) {
      const path = executionPath(workflowName, executionId);
      let asked = false;
      return waitInSlices(options, async (sliceMs, answers) => {
        const isRepeat = asked;
        asked = true;
        // Once it is accepted, a repeat only waits: `force` or a reason would count as a second request.
        const call = cancelOf(path, answers > 0 ? {} : request, 'sync', options);
        try {
          return await ask(withTimeout(call, sliceMs));
        } catch (error) {
          if (!isRepeat || !(error instanceof FluxError) || error.code !== 'EXECUTION_ALREADY_FINISHED') {
            throw error;
          }
          // The execution ended between two requests; its record says whether it outran this cancel.
          const execution = await ask({ path, signal: options.signal });
          if (execution.cancellation === null) throw error;
          return execution;
        }
      });
    },
  };
}

function parkingCalls(transport: Transport): Pick<FluxClient, 'pause' | 'resume'> {
  return {
    async pause(workflowName, executionId, body = {}, { signal } = {}) {
      const path = `${executionPath(workflowName, executionId)}/pause`;
      return transport.value(executionResource, { method: 'POST', path, body, signal });
    },
    async resume(workflowName, executionId, body = {}, { signal } = {}) {
      const path = `${executionPath(workflowName, executionId)}/resume`;
      const request = { method: 'POST', path, body, signal } as const;
      const { value: execution, status } = await transport.answer(executionResource, request);
      return { execution, kept: status === 202 };
    },
  };
}

type FleetCall = 'workflows' | 'workflow' | 'workers' | 'health' | `${'pause' | 'resume' | 'drain'}Worker`;

function fleetCalls(transport: Transport): Pick<FluxClient, FleetCall | 'cancelAllOfWorker'> {
  const ask =
    (verb: string): FluxClient['pauseWorker'] =>
    async (name, body = {}, { signal } = {}) =>
      transport.value(namedWorkersResource, {
        method: 'POST',
        path: `${workerPath(name)}/${verb}`,
        body,
        signal,
      });
  return {
    pauseWorker: ask('pause'),
    resumeWorker: ask('resume'),
    drainWorker: ask('drain'),
    cancelAllOfWorker: async (name, body = {}, { signal } = {}) => {
      const path = `${workerPath(name)}/cancel-all`;
      return transport.value(bulkCancelResource, { method: 'POST', path, body, signal });
    },
    workflows: ({ signal } = {}) => transport.value(workflowPage, { path: '/workflows', signal }),
    workflow: async (workflowName, { signal } = {}) =>
      transport.value(workflowResource, { path: workflowPath(workflowName), signal }),
    workers: ({ signal } = {}) => transport.value(workerPage, { path: '/workers', signal }),
    health: (kind, { signal } = {}) =>
      transport.value(healthResource, { path: `/health/${kind}`, signal, alsoOk: 503 }),
  };
}

/**
 * Yields the events of the execution at `pathOf()`, each once and in order, until its last; a lost connection goes on after
 * the last event seen. `connect` opens a stream in place of the execution's own, where it has one.
 */
function liveEvents(
  transport: Transport,
  pathOf: () => string,
  options: WatchOptions,
  connect: (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array> | undefined> = async () => undefined,
): AsyncGenerator<EventResource, void, undefined> {
  let lastEventId = options.lastEventId;
  let lastSeq = 0;
  return live<EventResource>({
    serverUrl: transport.serverUrl,
    signal: options.signal,
    connect: async (signal) =>
      (await connect(signal)) ??
      transport.stream({ path: `${pathOf()}/events`, headers: { 'last-event-id': lastEventId }, signal }),
    read(message) {
      const { data: event } = eventResource.safeParse(parseJson(message.data));
      if (!event || event.seq <= lastSeq) return undefined;
      lastSeq = event.seq;
      lastEventId = message.id || String(lastSeq);
      return event;
    },
    isLast: endsExecution,
    async hasEnded() {
      const { state } = await transport.value(executionResource, { path: pathOf(), signal: options.signal });
      return isTerminal(state);
    },
  });
}

function startOf(
  workflowName: string,
  { idempotencyKey, ...body }: StartRequest,
  mode: 'async' | 'sync' | 'stream',
  { signal }: CallOptions,
): HttpRequest {
  const path = `${workflowPath(workflowName)}/executions`;
  const headers = { [IDEMPOTENCY_HEADER]: idempotencyKey };
  return { method: 'POST', path, query: { mode }, headers, body, signal };
}

function cancelOf(
  path: string,
  body: CancelCommand,
  mode: 'async' | 'sync',
  { signal }: CallOptions,
): HttpRequest {
  return { method: 'POST', path: `${path}/cancel`, query: { mode }, body, signal };
}

function withTimeout(request: HttpRequest, timeoutMs: number): HttpRequest {
  return { ...request, query: { ...request.query, timeout: `${timeoutMs}ms` } };
}

function identified(request: StartRequest): StartRequest & { readonly executionId: string } {
  return { ...request, executionId: request.executionId ?? newExecutionId() };
}

function workflowPath(workflowName: string): string {
  const missing = `there is no workflow '${workflowName}': names are not like that`;
  assertCanExist(workflowNameSchema.safeParse(workflowName).success, 'WORKFLOW_NOT_FOUND', missing);
  return `/workflows/${workflowName}`;
}

function executionPath(workflowName: string, executionId: string): string {
  const path = workflowPath(workflowName);
  const missing = `there is no execution '${executionId}': ids are UUIDs`;
  assertCanExist(executionIdSchema.safeParse(executionId).success, 'EXECUTION_NOT_FOUND', missing);
  return `${path}/executions/${executionId}`;
}
