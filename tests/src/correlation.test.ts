import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  bulkCancelResource,
  eventReceipt,
  executionPage,
  type BulkCancelResource,
  type EventReceipt,
  type ExecutionResource,
} from '@flux/contracts';
import { deploy, type Deployment } from './support/deployment.js';
import type { FluxProcess } from './support/flux-process.js';
import { historyFaults } from './support/history.js';
import type { Answer, ExecutionRef, Rest } from './support/rest.js';

let flux: Deployment;
let worker: FluxProcess;

beforeAll(async () => {
  flux = await deploy([]);
  worker = await flux.startWorker('worker-a');
}, 60_000);

afterAll(() => flux.close(), 60_000);

const send = (body: unknown): Promise<Answer> =>
  flux.rest.request('POST', '/events', { body, headers: { 'flux-actor': 'cli:ada' } });

const sent = async (name: string, key: unknown): Promise<EventReceipt> => {
  const answer = await send({ name, key });
  const receipt = eventReceipt.parse(answer.body);
  const { cancellationId: id } = receipt;
  expect(answer.status).toBe(id === null ? 200 : 202);
  expect(answer.headers.get('location')).toBe(id === null ? null : `/cancellations/${id}`);
  return receipt;
};

/** The bulk cancel of an event once each of its executions has ended. */
async function ended({ cancellationId }: EventReceipt, rest: Rest = flux.rest): Promise<BulkCancelResource> {
  const path = `/cancellations/${cancellationId}`;
  for (;;) {
    const job = bulkCancelResource.parse((await rest.request('GET', path)).body);
    if (job.finishedAt !== null) return job;
    await wait(50);
  }
}

const started = async (workflowName: string, input: unknown, state: ExecutionResource['state']) =>
  flux.rest.until(await flux.rest.start(workflowName, input), (present) => present.state === state);

async function cancelled({ workflowName, executionId }: ExecutionRef): Promise<ExecutionResource> {
  const present = await flux.rest.status(workflowName, executionId);
  expect(present.state).toBe('CANCELLED');
  expect(historyFaults(present, await flux.rest.history(present))).toEqual([]);
  return present;
}

async function command(...args: string[]): Promise<string> {
  const process = flux.sandbox.spawnFlux(args, { FLUX_SERVER_URL: flux.url });
  expect(await process.exited).toMatchObject({ code: 0 });
  return process.stdout;
}

describe('an event', () => {
  it('cancels what runs and what is parked, of each workflow that names it, with that key and no other', async () => {
    const concerned = await Promise.all([
      started('shipping', { order: { id: 4711 } }, 'RUNNING'),
      started('shipping', { order: { id: '4711' }, asleep: true }, 'SLEEPING'),
      started('invoicing', { orderId: '4711' }, 'PAUSED'),
    ]);
    const others = await Promise.all([
      started('shipping', { order: { id: '4712' } }, 'RUNNING'),
      started('shipping', { customer: '4711' }, 'RUNNING'),
      started('shipping', { asleep: true }, 'SLEEPING'),
      started('sleeper', { order: { id: '4711' } }, 'RUNNING'),
    ]);
    const words = ['order_cancelled', '4711', '--reason', 'paid twice'];
    const told = await command('event', 'send', ...words, '--json');
    const receipt = eventReceipt.parse(JSON.parse(told));
    expect(receipt).toMatchObject({ name: 'order_cancelled', key: '4711', executions: 3 });
    const job = await ended(receipt);
    expect(job).toMatchObject({
      ...{ state: 'completed', filter: null, event: { name: 'order_cancelled', key: '4711' } },
      counts: { total: 3, cancelled: 3 },
    });
    const why = {
      cause: 'bulk',
      requestedBy: job.requestedBy,
      reason: 'event order_cancelled 4711: paid twice',
    };
    for (const execution of concerned) {
      const present = await cancelled(execution);
      expect(present.cancellation).toMatchObject(why);
      const history = await flux.rest.history(present);
      expect(history.find(({ type }) => type === 'cancel_requested')?.data).toMatchObject({
        ...why,
        cancellationId: receipt.cancellationId,
        event: { name: 'order_cancelled', key: '4711' },
      });
    }
    const status = await command('workflow', 'status', 'shipping', concerned[0].executionId);
    expect(status).toContain(
      `by ${job.requestedBy}, by a bulk cancel: event order_cancelled 4711: paid twice`,
    );
    for (const { workflowName, executionId, state } of others) {
      const present = await flux.rest.status(workflowName, executionId);
      expect(present).toMatchObject({ state, cancellation: null });
    }
  }, 60_000);

  it('that concerns nobody, or nobody any more, says so and writes nothing', async () => {
    const execution = await started('invoicing', { orderId: 'o-1' }, 'PAUSED');
    const jobs = (): Promise<object[]> => flux.sandbox.query('SELECT id FROM cancellations');
    await ended(await sent('order_cancelled', 'o-1'));
    await cancelled(execution);
    const before = await jobs();
    const nothing = { executions: 0, cancellationId: null };
    expect(await sent('order_cancelled', 'o-1')).toEqual({ name: 'order_cancelled', key: 'o-1', ...nothing });
    expect(await sent('order_cancelled', true)).toEqual({ name: 'order_cancelled', key: 'true', ...nothing });
    expect(await sent('never_named', 'o-1')).toEqual({ name: 'never_named', key: 'o-1', ...nothing });
    expect(await jobs()).toEqual(before);
  });

  it('does not reach what is started after it, and finds keys of any length', async () => {
    const key = 'long '.repeat(1_000);
    const first = await started('invoicing', { orderId: key }, 'PAUSED');
    const receipt = await sent('order_cancelled', key);
    const later = await started('invoicing', { orderId: key }, 'PAUSED');
    expect(await ended(receipt)).toMatchObject({ counts: { total: 1, cancelled: 1 }, event: { key } });
    await cancelled(first);
    expect(await flux.rest.status('invoicing', later.executionId)).toMatchObject({ cancellation: null });
    expect(await sent('order_cancelled', `${key}?`)).toMatchObject({ executions: 0 });
    await ended(await sent('order_cancelled', key));
    await cancelled(later);
  });

  it('reaches the children of what it cancels; one that cancels a child leaves its parent alone', async () => {
    const parent = await flux.rest.start('fulfilment', { customer: 'ada' });
    await flux.rest.untilHistory(parent, (events) => events.some(({ type }) => type === 'child_started'));
    expect(await ended(await sent('customer_left', 'ada'))).toMatchObject({
      counts: { total: 1, cancelled: 1 },
    });
    await cancelled(parent);
    const list = await flux.rest.request('GET', `/executions?parentExecutionId=${parent.executionId}`);
    const [child] = executionPage.parse(list.body).items;
    expect((await cancelled(child!)).cancellation).toMatchObject({
      ...{ cause: 'parent', requestedBy: 'cli:ada', reason: 'event customer_left ada' },
    });
    const children = [{ workflow: 'shipping', input: { customer: 'grace' } }];
    const teller = await flux.rest.start('teller', { children });
    await flux.rest.untilHistory(teller, (events) => events.some(({ type }) => type === 'child_started'));
    await ended(await sent('customer_left', 'grace'));
    const told = await flux.rest.until(teller, ({ state }) => state === 'COMPLETED');
    expect(told.output).toMatchObject([
      {
        kind: 'ChildCancelledError',
        cause: 'bulk',
        requestedBy: 'cli:ada',
        reason: 'event customer_left grace',
      },
    ]);
  });

  it('with a fault is refused, and so is the start of what no event could name; both say what to do', async () => {
    for (const [body, path] of [
      [{ key: 'a' }, 'name'],
      [{ name: 'no spaces', key: 'a' }, 'name'],
      [{ name: 'a' }, 'key'],
      [{ name: 'a', key: '' }, 'key'],
      [{ name: 'a', key: { id: 1 } }, 'key'],
      [{ name: 'a', key: 'a\0' }, 'key'],
      [{ name: 'a', key: 'a', filter: {} }, 'filter'],
    ] as const) {
      const problem = {
        code: 'INVALID_REQUEST',
        errors: [{ path }],
        hint: expect.stringContaining('errors'),
      };
      expect(await send(body)).toMatchObject({ status: 422, body: problem });
    }
    const start = { body: { input: { order: { id: ['4711'] } } } };
    const answer = await flux.rest.request('POST', '/workflows/shipping/executions', start);
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'INVALID_INPUT', errors: [{ path: 'order.id' }] },
    });
    expect(answer.body).toHaveProperty('detail', expect.stringContaining("the event 'order_cancelled'"));
  });

  it('is kept by the api: what was taken before it was killed goes on in the next one', async () => {
    const asleep = await started('shipping', { order: { id: 'r-1' }, asleep: true }, 'SLEEPING');
    await worker.kill();
    const waiting = await Promise.all(
      Array.from({ length: 8 }, () => flux.rest.start('shipping', { order: { id: 'r-1' } })),
    );
    const other = await flux.rest.start('shipping', { order: { id: 'r-2' } });
    const receipt = await sent('order_cancelled', 'r-1');
    expect(receipt.executions).toBe(9);
    await flux.server.kill();
    const { rest } = await flux.startServer();
    expect(await ended(receipt, rest)).toMatchObject({
      ...{ state: 'completed', requestedBy: 'cli:ada' },
      counts: { total: 9, cancelled: 9 },
    });
    for (const { executionId, attempt } of [asleep, ...waiting]) {
      const present = await rest.status('shipping', executionId);
      // No worker is left to run the cleanup of what had begun.
      const cleanup = attempt === 0 ? 'none' : 'not_run';
      expect(present).toMatchObject({ state: 'CANCELLED', attempt, cancellation: { cleanup } });
      expect(historyFaults(present, await rest.history(present))).toEqual([]);
    }
    const spared = await rest.status('shipping', other.executionId);
    expect(spared).toMatchObject({ state: 'SCHEDULED', cancellation: null });
  }, 60_000);
});
