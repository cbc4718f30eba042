import { describe, expect, it } from '@jest/globals';
import {
  bulkCancelResource,
  eventReceipt,
  executionPage,
  type BulkCancelResource,
  type EventReceipt,
  type ExecutionResource,
} from '@flux/contracts';
import { until } from '@flux/testing';
import type { Answer, ExecutionRef, Rest } from './support/rest.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['worker-a'], {
  FLUX_GRACE_PERIOD: '5s',
  FLUX_LEASE: '8s',
  FLUX_HEARTBEAT: '2s',
});
const { expectLegal, reach, started, untilEvent } = flux.rest;

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
  return until('the end of the bulk cancel', async () => {
    const { body } = await rest.request('GET', `/cancellations/${cancellationId}`);
    const job = bulkCancelResource.parse(body);
    return job.finishedAt !== null && job;
  });
}

async function cancelled({ workflowName, executionId }: ExecutionRef): Promise<ExecutionResource> {
  const present = await flux.rest.status(workflowName, executionId);
  expect(present.state).toBe('CANCELLED');
  return expectLegal(present);
}

async function command(...args: string[]): Promise<string> {
  const { code, stdout } = await flux.cli(...args);
  expect(code).toBe(0);
  return stdout;
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
      state: 'completed',
      filter: null,
      event: { name: 'order_cancelled', key: '4711' },
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
    await ended(await sent('order_cancelled', 'o-1'));
    await cancelled(execution);
    const before = await flux.count('cancellations');
    const nothing = { executions: 0, cancellationId: null };
    expect(await sent('order_cancelled', 'o-1')).toEqual({ name: 'order_cancelled', key: 'o-1', ...nothing });
    expect(await sent('order_cancelled', true)).toEqual({ name: 'order_cancelled', key: 'true', ...nothing });
    expect(await sent('never_named', 'o-1')).toEqual({ name: 'never_named', key: 'o-1', ...nothing });
    expect(await flux.count('cancellations')).toBe(before);
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
    await untilEvent(parent, 'child_started');
    expect(await ended(await sent('customer_left', 'ada'))).toMatchObject({
      counts: { total: 1, cancelled: 1 },
    });
    await cancelled(parent);
    const list = `/executions?parentExecutionId=${parent.executionId}`;
    const [child] = await flux.rest.list(list, executionPage);
    expect((await cancelled(child!)).cancellation).toMatchObject({
      cause: 'parent',
      requestedBy: 'cli:ada',
      reason: 'event customer_left ada',
    });
    const children = [{ workflow: 'shipping', input: { customer: 'grace' } }];
    const teller = await flux.rest.start('teller', { children });
    await untilEvent(teller, 'child_started');
    await ended(await sent('customer_left', 'grace'));
    const told = await reach(teller, 'COMPLETED');
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
    await flux.worker.kill();
    const waiting = await Promise.all(
      Array.from({ length: 8 }, () => flux.rest.start('shipping', { order: { id: 'r-1' } })),
    );
    const other = await flux.rest.start('shipping', { order: { id: 'r-2' } });
    const receipt = await sent('order_cancelled', 'r-1');
    expect(receipt.executions).toBe(9);
    await flux.server.kill();
    const { rest } = await flux.startServer();
    expect(await ended(receipt, rest)).toMatchObject({
      state: 'completed',
      requestedBy: 'cli:ada',
      counts: { total: 9, cancelled: 9 },
    });
    for (const { executionId, attempt } of [asleep, ...waiting]) {
      const present = await rest.status('shipping', executionId);
      // No worker is left to run the cleanup of what had begun.
      const cleanup = attempt === 0 ? 'none' : 'not_run';
      expect(present).toMatchObject({ state: 'CANCELLED', attempt, cancellation: { cleanup } });
      await rest.expectLegal(present);
    }
    const spared = await rest.status('shipping', other.executionId);
    expect(spared).toMatchObject({ state: 'SCHEDULED', cancellation: null });
  }, 60_000);
});
