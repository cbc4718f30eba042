import { describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/contracts';
import { createFluxClient } from './client.js';

const ID = '0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d';

function execution(changes: Partial<ExecutionResource> = {}): ExecutionResource {
  return {
    executionId: ID,
    workflowName: 'crawl',
    version: null,
    state: 'RUNNING',
    input: null,
    output: null,
    error: null,
    attempt: 1,
    workerId: 'worker-a@1',
    labels: {},
    parentExecutionId: null,
    rootExecutionId: null,
    createdAt: '2026-11-22T14:00:00.000Z',
    startedAt: '2026-11-22T14:00:00.100Z',
    finishedAt: null,
    cancellation: null,
    waiting: null,
    ...changes,
  };
}

const cancelled = execution({
  state: 'CANCELLED',
  finishedAt: '2026-11-22T14:00:03.000Z',
  cancellation: {
    requestedAt: '2026-11-22T14:00:01.000Z',
    requestedBy: 'cli:ada',
    reason: null,
    cause: 'request',
    deadlineAt: '2026-11-22T14:00:11.000Z',
    deliveredAt: '2026-11-22T14:00:01.010Z',
    stoppedAt: '2026-11-22T14:00:02.900Z',
    finalizedAt: '2026-11-22T14:00:03.000Z',
    forced: false,
    cleanup: 'succeeded',
    outcome: 'cancelled',
  },
});

const json = (body: unknown, status = 200, type = 'application/json'): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': type } });

const problemOf = (status: number, code: string, extra: object = {}): object => ({
  type: 'about:blank',
  title: code,
  status,
  detail: 'why',
  code,
  hint: 'do',
  ...extra,
});
const problem = (status: number, code: string, extra: object = {}): Response =>
  json(problemOf(status, code, extra), status, 'application/problem+json');

const failedFetch = (message: string, code: string) => (): never => {
  throw new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
};
const refused = failedFetch('connect ECONNREFUSED 127.0.0.1:9', 'ECONNREFUSED');
const dropped = failedFetch('other side closed', 'UND_ERR_SOCKET');

const event = (seq: number, type: string): string =>
  `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ seq, type, at: '2026-11-22T14:00:00.000Z', attempt: 1, data: {} })}\n\n`;

/** A stream of `chunks` that then ends, or breaks. */
function sse(chunks: readonly string[], breaks = false): Response {
  const body = ReadableStream.from(
    (async function* () {
      for (const chunk of chunks) yield new TextEncoder().encode(chunk);
      if (breaks) throw new TypeError('terminated');
    })(),
  );
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
}

interface Sent {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A client whose requests are answered by `answers` in turn, the last one for good. */
function clientOf(...answers: ((sent: Sent) => Response | Promise<Response>)[]) {
  const sent: Sent[] = [];
  const client = createFluxClient({
    serverUrl: 'http://flux.test:8000/base/',
    actor: 'cli:ada',
    fetch: async (input, init = {}) => {
      const request = {
        method: init.method ?? 'GET',
        url: new URL(input),
        headers: new Headers(init.headers),
        body: typeof init.body === 'string' ? (JSON.parse(init.body) as unknown) : undefined,
      };
      sent.push(request);
      init.signal?.throwIfAborted();
      const answer = answers[Math.min(sent.length, answers.length) - 1]!;
      return answer(request);
    },
  });
  return { client, sent };
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

describe('requests', () => {
  it('start sends what it is given, and says whether it was created', async () => {
    const { client, sent } = clientOf(
      () => json(execution(), 201),
      () => json(execution(), 200),
    );
    const request = { input: { a: 1 }, labels: { team: 'x' }, timeout: '1h', idempotencyKey: 'key' };
    expect(await client.start('crawl', request)).toEqual({ execution: execution(), created: true });
    expect((await client.start('crawl')).created).toBe(false);
    expect(sent[0]).toMatchObject({
      method: 'POST',
      body: { input: { a: 1 }, labels: { team: 'x' }, timeout: '1h' },
    });
    expect(sent[0]!.url.href).toBe('http://flux.test:8000/base/workflows/crawl/executions?mode=async');
    expect(sent[0]!.headers.get('flux-actor')).toBe('cli:ada');
    expect(sent[0]!.headers.get('idempotency-key')).toBe('key');
  });

  it.each([
    ['NaN', NaN],
    ['-Infinity', -Infinity],
    ['5', 5n],
    ['a Map', new Map([[1, 2]])],
    ['a RegExp', /a/],
    ['a Buffer', Buffer.from('a')],
    ['a Float32Array', new Float32Array(1)],
  ])('with %s in them are refused before they are sent', async (what, value) => {
    const { client, sent } = clientOf();
    await expect(client.start('crawl', { input: [{ value, at: new Date(0) }] })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: `'value' is ${what}, which JSON has no word for`,
    });
    expect(sent).toEqual([]);
  });

  it('list sends every filter, and listAll follows the cursor to the end', async () => {
    const { client, sent } = clientOf(
      () => json({ items: [execution()], nextCursor: 'two' }),
      () => json({ items: [cancelled], nextCursor: null }),
    );
    const filter = {
      workflowName: 'crawl',
      state: ['RUNNING', 'CANCELLED'],
      labels: { team: 'a:b', env: 'prod' },
      createdAfter: '2026-11-22T00:00:00Z',
      include: ['input', 'output'],
      limit: 1,
    } as const;
    expect(await collect(client.listAll(filter))).toEqual([execution(), cancelled]);
    expect([...sent[0]!.url.searchParams].sort()).toEqual([
      ['createdAfter', '2026-11-22T00:00:00Z'],
      ['include', 'input,output'],
      ['label', 'env:prod'],
      ['label', 'team:a:b'],
      ['limit', '1'],
      ['state', 'CANCELLED'],
      ['state', 'RUNNING'],
      ['workflowName', 'crawl'],
    ]);
    expect(sent[1]!.url.searchParams.get('cursor')).toBe('two');
    expect(sent).toHaveLength(2);
  });

  it.each(['..', '', 'a/b', 'a?b'])(
    'a name that cannot exist, %j, is not found and not sent',
    async (name) => {
      const { client, sent } = clientOf(() => json({}));
      await expect(client.get(name, ID)).rejects.toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
      await expect(client.cancel('crawl', name)).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
      expect(sent).toEqual([]);
    },
  );

  it('health answers down as well as up', async () => {
    const down = { status: 'down', checks: { database: 'down' } };
    const { client, sent } = clientOf(() => json(down, 503));
    expect(await client.health('ready')).toEqual(down);
    expect(sent[0]!.url.pathname).toBe('/base/health/ready');
  });
});

describe('errors', () => {
  it("carry the server's code, hint, status and state", async () => {
    const { client } = clientOf(() => problem(409, 'EXECUTION_ALREADY_FINISHED', { state: 'COMPLETED' }));
    await expect(client.cancel('crawl', ID)).rejects.toMatchObject({
      name: 'FluxError',
      code: 'EXECUTION_ALREADY_FINISHED',
      message: 'why',
      hint: 'do',
      details: { status: 409, state: 'COMPLETED' },
    });
  });

  it('name the URL when nobody answers', async () => {
    const { client } = clientOf(refused);
    await expect(client.workers()).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: 'cannot reach the Flux server at http://flux.test:8000/base: connect ECONNREFUSED 127.0.0.1:9',
    });
  });

  it.each([502, 200])('tell an answer with status %i that no Flux server wrote', async (status) => {
    const html = (): Response =>
      new Response('<html>', { status, headers: { 'content-type': 'text/html; charset=utf-8' } });
    const { client } = clientOf(html);
    await expect(client.workers()).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: expect.stringContaining(`status ${status} and text/html`),
    });
    await expect(collect(client.watch('crawl', ID))).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
  });

  it('tell a resource of another version', async () => {
    const { client } = clientOf(() => json({ items: 'none' }));
    await expect(client.workers()).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      details: { faults: [expect.stringMatching(/^items: /)] },
    });
  });

  it('refuse a server URL that is none', () => {
    expect(() => createFluxClient({ serverUrl: 'localhost:8000' })).toThrow(/not the URL of a Flux server/);
  });

  it('are the reason of the signal that ended the call', async () => {
    const reason = new Error('enough');
    const { client } = clientOf(() => json({}));
    await expect(client.workers({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(collect(client.watch('crawl', ID, { signal: AbortSignal.abort(reason) }))).rejects.toBe(
      reason,
    );
  });
});

describe('waiting', () => {
  it('startAndWait asks in slices of at most a minute, always for the same execution', async () => {
    const { client, sent } = clientOf(
      () => json(execution(), 202),
      () => json(execution({ state: 'COMPLETED' })),
    );
    const waited = await client.startAndWait('crawl', { input: 1 }, { timeout: '10m' });
    expect(waited).toMatchObject({ finished: true, execution: { state: 'COMPLETED' } });
    expect(sent.map(({ url }) => url.searchParams.get('timeout'))).toEqual(['60000ms', '60000ms']);
    expect(sent[0]!.body).toEqual({ input: 1, executionId: expect.stringMatching(/^[\da-f-]{36}$/) });
    expect(sent[1]!.body).toEqual(sent[0]!.body);
  });

  it('says so when the time is up', async () => {
    const { client, sent } = clientOf(() => json(execution(), 202));
    const waited = await client.cancelAndWait('crawl', ID, { force: true }, { timeout: '0s' });
    expect(waited).toEqual({ finished: false, execution: execution() });
    expect(sent).toHaveLength(1);
    expect(sent[0]!.url.search).toBe('?mode=sync&timeout=0ms');
  });

  it('cancelAndWait does not ask a second time for what was accepted', async () => {
    const { client, sent } = clientOf(
      () => json(execution({ state: 'CANCELLING' }), 202),
      () => json(cancelled),
    );
    const request = { force: true, reason: 'wrong', gracePeriod: '1s' };
    const waited = await client.cancelAndWait('crawl', ID, request, { timeout: '5s' });
    expect(waited).toEqual({ finished: true, execution: cancelled });
    expect(sent.map(({ body }) => body)).toEqual([request, {}]);
  });

  it('cancelAndWait survives a restart of the server, and an end between two requests', async () => {
    const completed = execution({
      state: 'COMPLETED',
      cancellation: { ...cancelled.cancellation!, outcome: 'already_completed' },
    });
    const { client, sent } = clientOf(
      dropped,
      refused,
      () => problem(409, 'EXECUTION_ALREADY_FINISHED'),
      () => json(completed),
    );
    const waited = await client.cancelAndWait('crawl', ID, { reason: 'wrong' }, { timeout: '5s' });
    expect(waited).toEqual({ finished: true, execution: completed });
    expect(sent.map(({ method, body }) => [method, body])).toEqual([
      ['POST', { reason: 'wrong' }],
      ['POST', { reason: 'wrong' }],
      ['POST', { reason: 'wrong' }],
      ['GET', undefined],
    ]);
  });

  it('does not keep asking an address where nobody was', async () => {
    const { client, sent } = clientOf(refused);
    await expect(client.cancelAndWait('crawl', ID)).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
    expect(sent).toHaveLength(1);
  });

  it('pause and resume send what was asked and tell whether the resume is kept', async () => {
    const { client, sent } = clientOf(
      () => json(execution({ state: 'PAUSED' })),
      () => json(execution({ state: 'SCHEDULED' })),
      () => json(execution(), 202),
    );
    expect((await client.pause('crawl', ID, { reason: 'lunch' })).state).toBe('PAUSED');
    expect(await client.resume('crawl', ID, { input: null })).toMatchObject({ kept: false });
    expect(await client.resume('crawl', ID)).toMatchObject({ kept: true, execution: { state: 'RUNNING' } });
    expect(sent.map(({ body }) => body)).toEqual([{ reason: 'lunch' }, { input: null }, {}]);
    expect(sent.map(({ url }) => url.pathname.split('/').at(-1))).toEqual(['pause', 'resume', 'resume']);
  });

  it('cancelAndWait passes on that it had finished before', async () => {
    const { client } = clientOf(() => problem(409, 'EXECUTION_ALREADY_FINISHED', { state: 'FAILED' }));
    await expect(client.cancelAndWait('crawl', ID)).rejects.toMatchObject({ details: { state: 'FAILED' } });
  });
});

describe('live events', () => {
  it('resume after the last one seen, each once and in order', async () => {
    const whole = event(3, 'task_completed');
    const { client, sent } = clientOf(
      () =>
        sse(
          [': hi\n\n', event(1, 'execution_scheduled') + event(2, 'execution_started'), whole.slice(0, 9)],
          true,
        ),
      refused,
      () => problem(503, 'SERVER_STOPPING'),
      () => sse([event(2, 'execution_started'), whole, 'event: execution\ndata: {}\n\n']),
      () => sse([event(4, 'execution_completed'), event(5, 'never')]),
    );
    const events = await collect(client.watch('crawl', ID));
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(sent.map(({ headers }) => headers.get('last-event-id'))).toEqual([null, '2', '2', '2', '3']);
  });

  it('of a start resume by its id', async () => {
    const { client, sent } = clientOf(
      () => sse([event(1, 'execution_scheduled')], true),
      () => sse([event(2, 'execution_cancelled')]),
    );
    const events = await collect(client.startAndWatch('crawl', { input: 1, executionId: ID }));
    expect(events.map(({ type }) => type)).toEqual(['execution_scheduled', 'execution_cancelled']);
    expect(sent[0]).toMatchObject({ method: 'POST', body: { input: 1, executionId: ID } });
    expect(sent[0]!.url.search).toBe('?mode=stream');
    expect(sent[1]!.url.pathname).toBe(`/base/workflows/crawl/executions/${ID}/events`);
    expect(sent[1]!.headers.get('last-event-id')).toBe('1');
  });

  it('of a type that only a newer server knows come as they are', async () => {
    const { client } = clientOf(() => sse([event(1, 'execution_moved'), event(2, 'execution_completed')]));
    const events = await collect(client.watch('crawl', ID));
    expect(events.map(({ type }) => type)).toEqual(['execution_moved', 'execution_completed']);
  });

  it('are not asked for again when the first request is refused', async () => {
    const { client, sent } = clientOf(() => problem(404, 'EXECUTION_NOT_FOUND'));
    await expect(collect(client.watch('crawl', ID))).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
    expect(sent).toHaveLength(1);
  });

  it('end when all of an ended execution have been seen', async () => {
    const { client, sent } = clientOf(
      () => sse([': alive\n\n']),
      () => json(cancelled),
      () => sse([]),
    );
    expect(await collect(client.watch('crawl', ID, { lastEventId: '7' }))).toEqual([]);
    expect(sent).toHaveLength(3);
  });

  it('tell a fault that the server meets on the way', async () => {
    const data = JSON.stringify(problemOf(500, 'INTERNAL_ERROR'));
    const { client } = clientOf(() =>
      sse([event(1, 'execution_scheduled'), `event: problem\ndata: ${data}\n\n`]),
    );
    await expect(collect(client.watch('crawl', ID))).rejects.toMatchObject({ message: 'why', hint: 'do' });
  });
});

describe('events', () => {
  it('are sent with who sends them; the receipt tells what they cancel', async () => {
    const receipt = { name: 'order_cancelled', key: '4711', executions: 0, cancellationId: null };
    const { client, sent } = clientOf(() => json(receipt));
    expect(await client.sendEvent({ name: 'order_cancelled', key: 4711, reason: 'why' })).toEqual(receipt);
    expect(sent).toMatchObject([
      { method: 'POST', body: { name: 'order_cancelled', key: 4711, reason: 'why' } },
    ]);
    expect(sent[0]?.url.pathname).toBe('/base/events');
    expect(sent[0]?.headers.get('flux-actor')).toBe('cli:ada');
  });
});
