import {
  eventPage,
  executionResource,
  workerPage,
  type EventResource,
  type ExecutionResource,
  type HistoryEventType,
  type WorkerResource,
} from '@flux/contracts';
import { historyFaults } from './history.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON body, or `undefined` when it is empty. */
  readonly body: unknown;
}

interface RequestInput {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface PageOf<Item> {
  parse(body: unknown): { readonly items: Item[]; readonly nextCursor?: string | null };
}

type State = ExecutionResource['state'];
export type ExecutionRef = Pick<ExecutionResource, 'executionId' | 'workflowName'>;

export const pathOf = ({ workflowName, executionId }: ExecutionRef): string =>
  `/workflows/${workflowName}/executions/${executionId}`;

async function send(method: string, url: string, input: RequestInput = {}): Promise<Answer> {
  const json = input.body !== undefined && {
    headers: { 'content-type': 'application/json', ...input.headers },
    body: JSON.stringify(input.body),
  };
  const response = await fetch(url, { method, headers: input.headers, ...json });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : isJson ? (JSON.parse(text) as unknown) : text,
  };
}

async function bodyOf(answer: Promise<Answer>, wanted: number): Promise<unknown> {
  const { status, body } = await answer;
  if (status !== wanted) throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

/**
 * The REST API as a script would use it: bare requests, no client library between. Its verbs may be taken out of it.
 */
export class Rest {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  readonly request = (method: string, path: string, input?: RequestInput): Promise<Answer> =>
    send(method, `${this.#url}${path}`, input);

  /** Every item of a list; `path` without its cursor. */
  readonly list = async <Item>(path: string, page: PageOf<Item>): Promise<Item[]> => {
    const items = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '' : `cursor=${encodeURIComponent(cursor)}`;
      const sign = path.includes('?') ? '&' : '?';
      const found = page.parse(await bodyOf(this.request('GET', `${path}${sign}${query}`), 200));
      items.push(...found.items);
      cursor = found.nextCursor ?? null;
    }
    return items;
  };

  readonly workers = (): Promise<WorkerResource[]> => this.list('/workers', workerPage);

  /** Starts an execution that must be accepted. */
  readonly start = async (
    workflowName: string,
    input?: unknown,
    extra: object = {},
  ): Promise<ExecutionResource> => {
    const answer = this.request('POST', `/workflows/${workflowName}/executions`, {
      body: { input, ...extra },
    });
    return executionResource.parse(await bodyOf(answer, 201));
  };

  readonly status = async (workflowName: string, executionId: string): Promise<ExecutionResource> =>
    executionResource.parse(await bodyOf(this.request('GET', pathOf({ workflowName, executionId })), 200));

  /** Every event of its history. */
  readonly history = (execution: ExecutionRef): Promise<EventResource[]> =>
    this.list(`${pathOf(execution)}/events?limit=1000`, eventPage);

  readonly typesOf = async (execution: ExecutionRef): Promise<string[]> =>
    (await this.history(execution)).map(({ type }) => type);

  /** Asks for what the last part of its path names. */
  readonly act = (
    execution: ExecutionRef,
    what: string,
    body?: unknown,
    headers?: RequestInput['headers'],
  ): Promise<Answer> => this.request('POST', `${pathOf(execution)}/${what}`, { body, headers });

  readonly cancel = (execution: ExecutionRef, query = '', body?: unknown): Promise<Answer> =>
    this.act(execution, `cancel${query}`, body);

  /**
   * Resolves with the ended execution.
   * @throws Error that tells what is wrong with its history
   */
  readonly expectLegal = async (execution: ExecutionResource): Promise<ExecutionResource> => {
    const faults = historyFaults(execution, await this.history(execution));
    if (faults.length > 0) throw new Error(faults.join('\n'));
    return execution;
  };

  /** Cancels it and resolves with its end, which must be CANCELLED, within 30 s and with a legal history. */
  readonly cancelled = async (execution: ExecutionRef, body?: unknown): Promise<ExecutionResource> => {
    const answer = await bodyOf(this.cancel(execution, '?mode=sync&timeout=30s', body), 200);
    const ended = await this.expectLegal(executionResource.parse(answer));
    if (ended.state !== 'CANCELLED') throw new Error(`ended as ${JSON.stringify(ended)}`);
    return ended;
  };

  /** Cancels them likewise; each must be cleaned up. */
  readonly expectCancelled = async (executions: readonly ExecutionResource[]): Promise<void> => {
    for (const ended of await Promise.all(executions.map((one) => this.cancelled(one)))) {
      if (ended.cancellation?.cleanup !== 'succeeded') throw new Error(JSON.stringify(ended));
    }
  };

  /**
   * Resolves with the execution once `accept` holds; asks again after every event of its live history.
   * @throws Error when it ended, or `timeoutMs` (milliseconds) passed, without that
   */
  readonly until = (
    execution: ExecutionRef,
    accept: (present: ExecutionResource) => boolean,
    timeoutMs?: number,
  ): Promise<ExecutionResource> => {
    const { workflowName, executionId } = execution;
    return this.#accepted(execution, () => this.status(workflowName, executionId), accept, timeoutMs);
  };

  /** Resolves with the execution once it is in `state`, likewise. */
  readonly reach = (execution: ExecutionRef, wanted: State, timeoutMs?: number): Promise<ExecutionResource> =>
    this.until(execution, ({ state }) => state === wanted, timeoutMs);

  /** Resolves with the execution once it has ended, likewise. */
  readonly end = (execution: ExecutionRef, timeoutMs?: number): Promise<ExecutionResource> =>
    this.until(execution, ({ finishedAt }) => finishedAt !== null, timeoutMs);

  /** Starts an execution and resolves with it once it is in `state`, RUNNING unless given. */
  readonly started = async (
    workflowName: string,
    input: unknown = {},
    state: State = 'RUNNING',
    extra: object = {},
  ): Promise<ExecutionResource> => this.reach(await this.start(workflowName, input, extra), state);

  /** Resolves with its history once `accept` holds, likewise. */
  readonly untilHistory = (
    execution: ExecutionRef,
    accept: (events: readonly EventResource[]) => boolean,
    timeoutMs?: number,
  ): Promise<EventResource[]> => this.#accepted(execution, () => this.history(execution), accept, timeoutMs);

  /** Resolves with its history once there is an event of that type in it, likewise. */
  readonly untilEvent = (execution: ExecutionRef, wanted: HistoryEventType): Promise<EventResource[]> =>
    this.untilHistory(execution, (events) => events.some(({ type }) => type === wanted));

  async #accepted<T>(
    execution: ExecutionRef,
    read: () => Promise<T>,
    accept: (present: T) => boolean,
    timeoutMs = 30_000,
  ): Promise<T> {
    const patience = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`${this.#url}${pathOf(execution)}/events`, {
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
      throw new Error(`not reached within ${timeoutMs} ms: ${JSON.stringify(await read())}`, {
        cause: error,
      });
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }
}
