import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { problem } from '@flux/contracts';
import { seedLargeValues, seedLongHistory, seedScheduled, until } from '@flux/testing';
import { useDeployment } from './support/use-deployment.js';

/** A real api process with a heap of 256 MB, and no worker: what it answers with stands in the database. */

const MB = 1_000_000;
const flux = useDeployment([], { NODE_OPTIONS: '--max-old-space-size=256' });

const sockets: Socket[] = [];
afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()));

/** What is left of a page whose values nobody wants to parse: a value is told by its length. */
interface Page {
  readonly status: number;
  readonly ids: string[];
  readonly inputs: number[];
  readonly nextCursor: string | null;
  readonly bytes: number;
}

const url = (path: string): string => `${flux.url}${path}`;

/** A page, asked for again as long as the api says that it is busy. */
async function page(path: string): Promise<Page> {
  const response = await fetch(url(path));
  const text = await response.text();
  if (response.headers.has('retry-after')) return page(path);
  const [, cursor] = /"nextCursor":(null|"[^"]*")\}$/.exec(text) ?? [];
  return {
    status: response.status,
    ids: [...text.matchAll(/"(?:execution|schedule)Id":"([^"]+)"/g)].map(([, id = '']) => id),
    inputs: [...text.matchAll(/"input":(\[[^\]]*\]|null)/g)].map(([, value = '']) => value.length),
    nextCursor: JSON.parse(cursor ?? '""') as string | null,
    bytes: text.length,
  };
}

/** The first `most` pages of a list. */
async function pages(path: string, most: number): Promise<Page[]> {
  const found: Page[] = [];
  for (let cursor: string | null = ''; cursor !== null && found.length < most;) {
    const next = await page(cursor === '' ? path : `${path}&cursor=${cursor}`);
    found.push(next);
    cursor = next.nextCursor;
  }
  return found;
}

const atOnce = <T>(count: number, call: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, call));

/** Reads an answer to its end and keeps nothing but its beginning, its end and its length. */
async function drained(path: string, request: RequestInit = {}) {
  const response = await fetch(url(path), request);
  const decoder = new TextDecoder();
  let [bytes, head, tail] = [0, '', ''];
  for await (const chunk of response.body ?? []) {
    const text = decoder.decode(chunk as Uint8Array, { stream: true });
    bytes += text.length;
    if (head.length < 1_000) head += text.slice(0, 1_000);
    tail = (tail + text).slice(-1_000);
  }
  return { status: response.status, bytes, head, tail };
}

/** Asks, and reads no more than the beginning of the answer. */
async function openWithoutReading(path: string, accept: string): Promise<void> {
  const { hostname, port } = new URL(flux.url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: flux\r\naccept: ${accept}\r\n\r\n`);
  await once(socket, 'readable');
  socket.read(1);
}

const cancelled = async (executionId: string): Promise<unknown> =>
  (await flux.rest.cancel({ workflowName: 'sleeper', executionId })).status;
const isLive = async (): Promise<unknown> => (await flux.rest.request('GET', '/health/live')).status;

/** The most memory that the api has had, in MB. */
const peak = (): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${flux.server.pid}/status`, 'utf8'))?.[1]) / 1_000;

describe('lists', () => {
  it('of 300 inputs of 1 MB, 20 at once, carry them where asked, page by page (elsewhere: one list, or one long history, kills the api)', async () => {
    const seeded = { count: 300, workflowName: 'large', inputBytes: MB };
    const ids = await seedLargeValues(flux.sandbox, seeded);
    const path = '/executions?workflowName=large&limit=500';
    for (const lean of await atOnce(20, () => page(path))) {
      expect(lean).toMatchObject({ status: 200, ids, inputs: [], nextCursor: null });
      expect(lean.bytes).toBeLessThan(0.3 * MB);
    }
    for (const read of await atOnce(20, () => pages(`${path}&include=input`, 3))) {
      expect(read.flatMap((each) => each.ids)).toEqual(ids.slice(0, 3));
      for (const { inputs } of read) expect(inputs).toEqual([expect.closeTo(MB, -2)]);
    }
    const { code, stdout } = await flux.cli('execution', 'list', '--workflow', 'large', '--limit', '100');
    expect([code, stdout.trim().split('\n').length]).toEqual([0, 102]);
    expect(peak()).toBeLessThan(400);
  }, 120_000);

  it('end a page at a number of bytes, and go on behind it', async () => {
    const ids = await seedLargeValues(flux.sandbox, {
      count: 40,
      workflowName: 'medium',
      inputBytes: 90_000,
      outputBytes: 60_000,
    });
    const path = '/executions?workflowName=medium&limit=15';
    const both = await pages(`${path}&include=output&include=input`, 100);
    expect(both.flatMap((each) => each.ids)).toEqual(ids);
    expect(both.map((each) => each.ids.length)).toEqual([6, 6, 6, 6, 6, 6, 4]);
    const one = await pages(`${path}&include=output`, 100);
    expect(one.map((each) => each.ids.length)).toEqual([15, 15, 10]);
    expect(one.flatMap((each) => each.inputs)).toEqual([]);
  });

  it('with values of 8 MB, and their statuses, pass one after the other where they do not fit at once', async () => {
    const values = { inputBytes: 8 * MB, outputBytes: 7 * MB };
    const ids = await seedLargeValues(flux.sandbox, { count: 3, workflowName: 'huge', ...values });
    const answers = await Promise.all([
      ...Array.from({ length: 3 }, () => page('/executions?workflowName=huge&include=input,output')),
      ...ids.map((id) => page(`/workflows/huge/executions/${id}`)),
    ]);
    for (const { status, inputs, bytes } of answers) {
      expect([status, inputs]).toEqual([200, [expect.closeTo(8 * MB, -2)]]);
      expect(bytes).toBeGreaterThan(15 * MB);
    }
  }, 60_000);

  it('of schedules do likewise', async () => {
    await flux.sandbox.query(
      `INSERT INTO schedules (
        id, workflow_name, spec, paused, created_at, created_by, updated_at, updated_by, anchor_at
      )
      SELECT 'daily-' || n, 'large', (
        '{"workflowName":"large","input":["' || repeat('x', 400000) || '"],"labels":{},"timeout":null,'
        || '"cron":"0 2 * * *","every":null,"at":null,"timeZone":"UTC","overlap":"skip","catchUp":"1m","note":null}'
      )::json, true, now(), 'seed', now(), 'seed', now()
      FROM generate_series(1, 5) AS n`,
    );
    const ids = [1, 2, 3, 4, 5].map((n) => `daily-${n}`);
    const path = '/schedules?workflowName=large';
    const lean = await pages(path, 100);
    expect(lean.map((each) => [each.ids, each.inputs])).toEqual([
      [ids.slice(0, 2), []],
      [ids.slice(2, 4), []],
      [ids.slice(4), []],
    ]);
    const whole = await pages(`${path}&include=input`, 100);
    expect(whole.flatMap((each) => each.inputs)).toEqual(Array(5).fill(400_004));
    const refused = await flux.rest.request('GET', `${path}&include=output`);
    expect(problem.parse(refused.body)).toMatchObject({ status: 422, errors: [{ path: 'include' }] });
  });

  it('refuse to include what is no value', async () => {
    for (const wish of ['events', 'input,', 'input,error', '']) {
      const answer = await flux.rest.request('GET', `/executions?include=${wish}`);
      expect(problem.parse(answer.body)).toMatchObject({
        status: 422,
        code: 'INVALID_REQUEST',
        errors: [{ path: 'include', message: 'must be input or output, several with a comma between' }],
      });
    }
  });
});

it('cancels of 100 executions with 1 MB of input, at once, are answered with it', async () => {
  const ids = await seedLargeValues(flux.sandbox, { count: 100, workflowName: 'ending', inputBytes: MB });
  const answers = await Promise.all(
    ids.map((id) => drained(`/workflows/ending/executions/${id}/cancel`, { method: 'POST' })),
  );
  for (const { status, bytes, head, tail } of answers) {
    expect([status, head]).toEqual([200, expect.stringContaining('"state":"CANCELLED"')]);
    expect(bytes).toBeGreaterThan(MB);
    expect(tail).toMatch(/\{\}\],"output":null\}$/);
  }
  expect(peak()).toBeLessThan(400);
}, 60_000);

describe('a history of over 300 MB', () => {
  const EVENTS = 310;
  let path = '';

  const begun = async (): Promise<string> => {
    const [id = ''] = await seedScheduled(flux.sandbox, 1, {}, 'historic');
    await seedLongHistory(flux.sandbox, id, EVENTS, MB);
    return `/workflows/historic/executions/${id}`;
  };

  it('is read whole and live, while cancels and health are answered', async () => {
    path = await begun();
    const toCancel = await seedScheduled(flux.sandbox, 20, {});
    const reading = Promise.all([
      drained(`${path}?detailed=true`),
      drained(`${path}/events`, {
        headers: { accept: 'text/event-stream', 'last-event-id': String(EVENTS - 30) },
      }),
    ]);
    let answered = 0;
    for (const id of toCancel) {
      expect([await cancelled(id), await isLive()]).toEqual([200, 200]);
      answered += 1;
    }
    const [whole, live] = await reading;
    expect(answered).toBe(20);
    expect(whole.status).toBe(200);
    expect(whole.bytes).toBeGreaterThan(EVENTS * MB);
    expect(whole.head).toMatch(
      /^\{"executionId":.*"output":1,"events":\[\{"seq":1,"type":"execution_scheduled",/,
    );
    expect(whole.tail).toMatch(
      /\{\}\]\}\},\{"seq":312,"type":"execution_completed",.*"data":\{"output":1\}\}\]\}$/,
    );
    expect(live.bytes).toBeGreaterThan(30 * MB);
    expect(live.head).toMatch(/^id: 281\nevent: task_completed\ndata: \{"seq":281,/);
    expect(live.tail).toMatch(/id: 312\nevent: execution_completed\ndata: .*\n\n$/);
    expect(peak()).toBeLessThan(400);
  }, 120_000);

  it('ends its pages at a number of bytes', async () => {
    const sizes: number[] = [];
    for (let cursor = '0'; cursor !== '5';) {
      const { body } = await flux.rest.request('GET', `${path}/events?limit=1000&cursor=${cursor}`);
      const { items, nextCursor } = body as { items: unknown[]; nextCursor: string };
      sizes.push(items.length);
      cursor = nextCursor;
    }
    expect(sizes).toEqual([2, 1, 1, 1]);
  });

  it('is not kept for readers who do not read: others are told to come again, and cancels go on', async () => {
    const [first = '', second = ''] = await seedScheduled(flux.sandbox, 2, {});
    const list = '/executions?workflowName=large&limit=10';
    await atOnce(20, () => openWithoutReading(`${path}/events`, 'text/event-stream'));
    // Followers have a share of their own.
    expect(await page(list)).toMatchObject({ status: 200 });
    expect([await cancelled(first), await isLive()]).toEqual([200, 200]);
    await atOnce(15, () => openWithoutReading(`${path}?detailed=true`, 'application/json'));
    const refused = await until('a refusal', async () => {
      const answer = await flux.rest.request('GET', list);
      return answer.status !== 200 && answer;
    });
    expect([await cancelled(second), await isLive()]).toEqual([200, 200]);
    expect((await flux.rest.status('sleeper', second)).state).toBe('CANCELLED');
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(problem.parse(refused.body)).toMatchObject({ status: 503, code: 'SERVER_BUSY' });
    expect(peak()).toBeLessThan(400);
    sockets.splice(0).forEach((socket) => socket.destroy());
    expect(await page(list)).toMatchObject({ status: 200, ids: expect.any(Array) });
  }, 60_000);
});
