import {
  IDEMPOTENCY_HEADER,
  eventPage,
  executionId as executionIdSchema,
  executionPage,
  executionResource,
  healthResource,
  workerPage,
  workflowName as workflowNameSchema,
  workflowPage,
  workflowResource,
  PROBLEMS,
  type ExecutionResource,
} from '@flux/contracts';
import { bulkCalls } from './cancellations.js';
import { FluxError, isTerminal } from './domain.js';
import { newExecutionId } from './execution-id.js';
import { liveEvents } from './live-events.js';
import { scheduleCalls } from './schedules.js';
import { createTransport, type Answer, type HttpRequest, type Transport } from './transport.js';
import type {
  CallOptions,
  CancelRequest,
  ExecutionFilter,
  FluxClient,
  FluxClientOptions,
  PauseRequest,
  ResumeRequest,
  StartRequest,
} from './types.js';
import { waitInSlices } from './waiting.js';

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
      const answer = await post(transport, startOf(workflowName, request, 'async', options));
      return { execution: answer.value, created: answer.status === 201 };
    },
    startAndWait(workflowName, request = {}, options = {}) {
      const repeatable = request.idempotencyKey === undefined ? identified(request) : request;
      return waitInSlices(options, async (sliceMs) => {
        const call = startOf(workflowName, repeatable, 'sync', options);
        return (await post(transport, withTimeout(call, sliceMs))).value;
      });
    },
    async *startAndWatch(workflowName, request = {}, options = {}) {
      const body = identified(request);
      const start = startOf(workflowName, body, 'stream', options);
      let started = false;
      yield* liveEvents({
        serverUrl: transport.serverUrl,
        signal: options.signal,
        hasEnded: () => hasEnded(transport, workflowName, body.executionId, options),
        async connect(lastEventId, signal) {
          if (started) return openEvents(transport, workflowName, body.executionId, lastEventId, signal);
          const bytes = await transport.stream({ ...start, signal });
          started = true;
          return bytes;
        },
      });
    },
  };
}

function readCalls(transport: Transport): Pick<FluxClient, 'get' | 'events' | 'watch' | 'list' | 'listAll'> {
  const list: FluxClient['list'] = async (filter = {}, options = {}) =>
    get(transport, '/executions', executionPage, options, listQueryOf(filter));
  return {
    get: (workflowName, executionId, options = {}) =>
      getExecution(transport, workflowName, executionId, options, options.detailed),
    async events(workflowName, executionId, { limit, cursor, ...options } = {}) {
      const path = `${executionPath(workflowName, executionId)}/events`;
      return get(transport, path, eventPage, options, { limit, cursor });
    },
    watch: (workflowName, executionId, options = {}) =>
      liveEvents({
        serverUrl: transport.serverUrl,
        signal: options.signal,
        lastEventId: options.lastEventId,
        hasEnded: () => hasEnded(transport, workflowName, executionId, options),
        connect: (lastEventId, signal) =>
          openEvents(transport, workflowName, executionId, lastEventId, signal),
      }),
    list,
    async *listAll(filter = {}, options = {}) {
      let cursor = filter.cursor;
      do {
        const page = await list(cursor === undefined ? filter : { ...filter, cursor }, options);
        yield* page.items;
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
    },
  };
}

function cancelCalls(transport: Transport): Pick<FluxClient, 'cancel' | 'cancelAndWait' | 'undoCancel'> {
  const ask = async (call: HttpRequest): Promise<ExecutionResource> => (await post(transport, call)).value;
  return {
    async cancel(workflowName, executionId, request = {}, options = {}) {
      return ask(cancelOf(workflowName, executionId, request, 'async', options));
    },
    async undoCancel(workflowName, executionId, { reason } = {}, { signal } = {}) {
      const path = `${executionPath(workflowName, executionId)}/cancel`;
      return ask({ method: 'DELETE', path, query: { reason }, signal });
    },
    async cancelAndWait(workflowName, executionId, request = {}, options = {}) {
      let asked = false;
      return waitInSlices(options, async (sliceMs, answers) => {
        const isRepeat = asked;
        asked = true;
        // Once it is accepted, a repeat only waits: `force` or a reason would count as a second request.
        const body = answers > 0 ? {} : request;
        const call = cancelOf(workflowName, executionId, body, 'sync', options);
        try {
          return await ask(withTimeout(call, sliceMs));
        } catch (error) {
          if (!isRepeat || !(error instanceof FluxError) || error.code !== 'EXECUTION_ALREADY_FINISHED') {
            throw error;
          }
          // It ended between two requests; whether it was this cancel that it outran, its record says.
          const execution = await getExecution(transport, workflowName, executionId, options);
          if (execution.cancellation === null) throw error;
          return execution;
        }
      });
    },
  };
}

function parkingCalls(transport: Transport): Pick<FluxClient, 'pause' | 'resume'> {
  const ask = (
    path: string,
    body: PauseRequest | ResumeRequest,
    { signal }: CallOptions,
  ): Promise<Answer<ExecutionResource>> => post(transport, { method: 'POST', path, body, signal });
  return {
    async pause(workflowName, executionId, request = {}, options = {}) {
      return (await ask(`${executionPath(workflowName, executionId)}/pause`, request, options)).value;
    },
    async resume(workflowName, executionId, request = {}, options = {}) {
      const path = `${executionPath(workflowName, executionId)}/resume`;
      const { value: execution, status } = await ask(path, request, options);
      return { execution, kept: status === 202 };
    },
  };
}

function fleetCalls(transport: Transport): Pick<FluxClient, 'workflows' | 'workflow' | 'workers' | 'health'> {
  return {
    workflows: (options = {}) => get(transport, '/workflows', workflowPage, options),
    workflow: async (workflowName, options = {}) =>
      get(transport, workflowPath(workflowName), workflowResource, options),
    workers: (options = {}) => get(transport, '/workers', workerPage, options),
    async health(kind, options = {}) {
      const request = {
        method: 'GET',
        path: `/health/${kind}`,
        signal: options.signal,
        alsoOk: 503,
      } as const;
      return (await transport.json(request, healthResource)).value;
    },
  };
}

function post(transport: Transport, request: HttpRequest): Promise<Answer<ExecutionResource>> {
  return transport.json(request, executionResource);
}

async function get<T>(
  transport: Transport,
  path: string,
  schema: Parameters<typeof transport.json<T>>[1],
  options: CallOptions,
  query: HttpRequest['query'] = {},
): Promise<T> {
  return (await transport.json({ method: 'GET', path, query, signal: options.signal }, schema)).value;
}

async function getExecution(
  transport: Transport,
  workflowName: string,
  executionId: string,
  options: CallOptions,
  detailed?: boolean,
): Promise<ExecutionResource> {
  return get(transport, executionPath(workflowName, executionId), executionResource, options, { detailed });
}

async function hasEnded(
  transport: Transport,
  workflowName: string,
  executionId: string,
  options: CallOptions,
): Promise<boolean> {
  return isTerminal((await getExecution(transport, workflowName, executionId, options)).state);
}

async function openEvents(
  transport: Transport,
  workflowName: string,
  executionId: string,
  lastEventId: string | undefined,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const path = `${executionPath(workflowName, executionId)}/events`;
  return transport.stream({ method: 'GET', path, headers: { 'last-event-id': lastEventId }, signal });
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
  workflowName: string,
  executionId: string,
  body: CancelRequest,
  mode: 'async' | 'sync',
  { signal }: CallOptions,
): HttpRequest {
  const path = `${executionPath(workflowName, executionId)}/cancel`;
  return { method: 'POST', path, query: { mode }, body, signal };
}

function withTimeout(request: HttpRequest, timeoutMs: number): HttpRequest {
  return { ...request, query: { ...request.query, timeout: `${timeoutMs}ms` } };
}

function identified(request: StartRequest): StartRequest & { readonly executionId: string } {
  return { ...request, executionId: request.executionId ?? newExecutionId() };
}

function listQueryOf({ state, labels, ...rest }: ExecutionFilter): HttpRequest['query'] {
  return {
    ...rest,
    state: typeof state === 'string' ? [state] : state,
    label: labels && Object.entries(labels).map(([key, value]) => `${key}:${value}`),
  };
}

/** A name or id that cannot exist is not sent: `..` would even be another route. */
function workflowPath(workflowName: string): string {
  if (workflowNameSchema.safeParse(workflowName).success) return `/workflows/${workflowName}`;
  throw new FluxError(
    'WORKFLOW_NOT_FOUND',
    `there is no workflow '${workflowName}': names are not like that`,
    {
      hint: PROBLEMS.WORKFLOW_NOT_FOUND.hint,
    },
  );
}

function executionPath(workflowName: string, executionId: string): string {
  const path = workflowPath(workflowName);
  if (executionIdSchema.safeParse(executionId).success) return `${path}/executions/${executionId}`;
  throw new FluxError('EXECUTION_NOT_FOUND', `there is no execution '${executionId}': ids are UUIDs`, {
    hint: PROBLEMS.EXECUTION_NOT_FOUND.hint,
  });
}
