import { eventPage, executionResource, type EventResource, type ExecutionResource } from '@flux/contracts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON body, or `undefined` when it is empty. */
  readonly body: unknown;
}

export interface RequestInput {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The REST API as a script would use it: bare requests, no client library between. */
export interface Rest {
  request(method: string, path: string, input?: RequestInput): Promise<Answer>;
  /** Starts an execution that must be accepted. */
  start(workflowName: string, input?: unknown, extra?: Record<string, unknown>): Promise<ExecutionResource>;
  status(workflowName: string, executionId: string): Promise<ExecutionResource>;
  cancel(execution: ExecutionRef, query?: string, body?: unknown): Promise<Answer>;
  /** Every event of its history. */
  history(execution: ExecutionRef): Promise<EventResource[]>;
  /**
   * Resolves with the execution once `accept` holds; asks again after every event of its live history.
   * @throws Error when it ended, or `timeoutMs` (milliseconds) passed, without that
   */
  until(
    execution: ExecutionRef,
    accept: (present: ExecutionResource) => boolean,
    timeoutMs?: number,
  ): Promise<ExecutionResource>;
  /** Resolves with its history once `accept` holds, likewise. */
  untilHistory(
    execution: ExecutionRef,
    accept: (events: readonly EventResource[]) => boolean,
    timeoutMs?: number,
  ): Promise<EventResource[]>;
}

export type ExecutionRef = Pick<ExecutionResource, 'executionId' | 'workflowName'>;

const pathOf = ({ workflowName, executionId }: ExecutionRef): string =>
  `/workflows/${workflowName}/executions/${executionId}`;

export function createRest(url: string): Rest {
  const request = async (method: string, path: string, input: RequestInput = {}): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(input.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...input.headers,
      },
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : isJson ? (JSON.parse(text) as unknown) : text,
    };
  };
  const expectStatus = async (answer: Promise<Answer>, ...statuses: number[]): Promise<unknown> => {
    const { status, body } = await answer;
    if (!statuses.includes(status)) throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
    return body;
  };
  const status = async (ref: ExecutionRef): Promise<ExecutionResource> =>
    executionResource.parse(await expectStatus(request('GET', pathOf(ref)), 200));
  const history = async (ref: ExecutionRef): Promise<EventResource[]> => {
    const events: EventResource[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = eventPage.parse(
        await expectStatus(request('GET', `${pathOf(ref)}/events?limit=1000${query}`), 200),
      );
      events.push(...page.items);
      cursor = page.nextCursor;
    }
    return events;
  };
  return {
    request,
    start: async (workflowName, input, extra = {}) =>
      executionResource.parse(
        await expectStatus(
          request('POST', `/workflows/${workflowName}/executions`, {
            body: { ...(input === undefined ? {} : { input }), ...extra },
          }),
          201,
        ),
      ),
    status: (workflowName, executionId) => status({ workflowName, executionId }),
    cancel: (ref, query = '', body = undefined) => request('POST', `${pathOf(ref)}/cancel${query}`, { body }),
    history,
    until: (ref, accept, timeoutMs = 30_000) => untilAccepted(url, ref, () => status(ref), accept, timeoutMs),
    untilHistory: (ref, accept, timeoutMs = 30_000) =>
      untilAccepted(url, ref, () => history(ref), accept, timeoutMs),
  };
}

async function untilAccepted<T>(
  url: string,
  ref: ExecutionRef,
  read: () => Promise<T>,
  accept: (present: T) => boolean,
  timeoutMs: number,
): Promise<T> {
  const patience = AbortSignal.timeout(timeoutMs);
  const response = await fetch(`${url}${pathOf(ref)}/events`, {
    headers: { accept: 'text/event-stream' },
    signal: patience,
  });
  if (!response.ok || response.body === null) throw new Error(`no event stream: ${response.status}`);
  const reader = response.body.getReader();
  try {
    for (;;) {
      const present = await read();
      if (accept(present)) return present;
      const { done } = await reader.read();
      if (!done) continue;
      const last = await read();
      if (accept(last)) return last;
      throw new Error(`the execution ended without it: ${JSON.stringify(last)}`);
    }
  } catch (error) {
    if (!patience.aborted) throw error;
    throw new Error(`not reached within ${timeoutMs} ms: ${JSON.stringify(await read())}`, { cause: error });
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
