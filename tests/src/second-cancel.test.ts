import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTopology, type ExecutionResource } from '@flux/contracts';
import { connectRabbitMq } from '@flux/messaging';
import { TcpProxy } from '@flux/messaging/testing';
import { deploy, PATIENCE_MS, type Deployment } from './support/deployment.js';
import { historyFaults } from './support/history.js';
import { temporaryFile } from './support/machine-files.js';

let flux: Deployment;
let proxy: TcpProxy;

/** One worker, whose link to the broker a test can cut. */
beforeAll(async () => {
  flux = await deploy([]);
  const url = new URL(flux.sandbox.amqpUrl);
  proxy = new TcpProxy(new URL(url));
  url.port = String(await proxy.start());
  await flux.startWorker('worker-a', { FLUX_AMQP_URL: url.href });
}, 60_000);

afterAll(async () => {
  try {
    await flux.close();
  } finally {
    await proxy.stop();
  }
}, 60_000);

const running = async (workflowName: string, input: unknown = {}): Promise<ExecutionResource> =>
  flux.rest.until(await flux.rest.start(workflowName, input), ({ state }) => state === 'RUNNING');

/** Which lines the file has, without the ids in them. */
const lines = async (file: string): Promise<string[]> =>
  (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(' ', 1)[0] ?? '');

async function until(file: string, line: string): Promise<void> {
  for (const limit = Date.now() + PATIENCE_MS; !(existsSync(file) && (await lines(file)).includes(line));) {
    if (Date.now() > limit) throw new Error(`no '${line}' in ${file}`);
    await wait(10);
  }
}

/** An execution of `tidy` that is in the middle of its cleanup. */
async function cleaning(input: { file: string; cleanupMs: number }, gracePeriod: string) {
  const execution = await running('tidy', input);
  await until(input.file, 'started');
  const answer = await flux.rest.cancel(execution, '', { gracePeriod });
  await until(input.file, 'cleanup-begins');
  return { execution, first: answer.body as ExecutionResource };
}

async function cancelled(execution: ExecutionResource): Promise<ExecutionResource> {
  const ended = await flux.rest.until(execution, ({ state }) => state === 'CANCELLED', PATIENCE_MS);
  const history = await flux.rest.history(ended);
  expect(historyFaults(ended, history)).toEqual([]);
  return ended;
}

const typesOf = async (execution: ExecutionResource, prefix: string): Promise<string[]> =>
  (await flux.rest.history(execution)).map(({ type }) => type).filter((type) => type.startsWith(prefix));

describe('a second cancel cuts the cleanup short, or skips the kill:', () => {
  it('a repeat with another grace period, and a message that comes again, change nothing', async () => {
    const file = temporaryFile('second-cancel');
    const { execution, first } = await cleaning({ file, cleanupMs: 1_500 }, '20s');
    const repeats = await Promise.all(
      ['1ms', '1h'].map((gracePeriod) => flux.rest.cancel(execution, '', { gracePeriod, reason: 'again' })),
    );
    for (const { status, body } of repeats) {
      expect(status).toBe(202);
      const { requestedAt, deadlineAt, reason } = first.cancellation ?? {};
      expect((body as ExecutionResource).cancellation).toMatchObject({ requestedAt, deadlineAt, reason });
    }
    const bus = await connectRabbitMq({
      url: flux.sandbox.amqpUrl,
      connectionName: 'second-cancel.test',
      deadLetters: createTopology(flux.sandbox.namespace).deadLetters,
    });
    const { cancellation, workerId } = await flux.rest.status('tidy', execution.executionId);
    // Its deadline has been counted from the first one: a late copy can only tell a later one.
    for (const remainingMs of [20_000, 20_000, 3_600_000]) {
      await bus.publish(
        createTopology(flux.sandbox.namespace).control(workerId ?? ''),
        'cancel',
        {
          ...{ executionId: execution.executionId, attempt: 1, remainingMs, cause: 'request', reason: null },
          requestedAt: Date.parse(cancellation?.requestedAt ?? ''),
          requestedBy: 'cli:ada',
        },
        { mandatory: true },
      );
    }
    await bus.close();
    expect((await cancelled(execution)).cancellation).toMatchObject({ forced: false, cleanup: 'succeeded' });
    expect(await lines(file)).toEqual(['started', 'cleanup-begins', 'cleanup-ends']);
    expect(await typesOf(execution, 'cancel_')).toEqual(['cancel_requested', 'cancel_delivered']);
  }, 60_000);

  it('a cleanup that never ends is killed at the deadline of the first', async () => {
    const execution = await running('stubborn');
    const answer = await flux.rest.cancel(execution, '', { gracePeriod: '1s' });
    await flux.rest.untilHistory(execution, (events) =>
      events.some(({ type }) => type === 'cancel_delivered'),
    );
    await flux.rest.cancel(execution, '', { gracePeriod: '1h' });
    const { cancellation } = await cancelled(execution);
    expect(cancellation).toMatchObject({ forced: true, cleanup: 'timed_out' });
    expect(cancellation?.deadlineAt).toBe((answer.body as ExecutionResource).cancellation?.deadlineAt);
    const late = Date.parse(cancellation?.finalizedAt ?? '') - Date.parse(cancellation?.deadlineAt ?? '');
    expect(late).toBeLessThan(2_000);
  }, 60_000);

  it('only force does: it ends the cleanup at once', async () => {
    const file = temporaryFile('forced');
    const { execution } = await cleaning({ file, cleanupMs: 60_000 }, '5m');
    const answer = await flux.rest.cancel(execution, '?mode=sync', { force: true });
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'CANCELLED', cancellation: { forced: true, cleanup: 'timed_out' } },
    });
    expect(await lines(file)).toEqual(['started', 'cleanup-begins']);
    // The word of the delivery may come after the second request.
    expect((await typesOf(execution, 'cancel_')).sort()).toEqual([
      'cancel_delivered',
      'cancel_forced',
      'cancel_requested',
    ]);
  }, 60_000);
});

describe('a cancel meant for one hits its neighbours:', () => {
  it('of executions on one runner thread the one that was meant ends, and a reconnect during its cleanup repeats nothing', async () => {
    const neighbours = await Promise.all([1, 2, 3].map(() => running('tidy', {})));
    const file = temporaryFile('reconnected');
    const { execution } = await cleaning({ file, cleanupMs: 2_000 }, '30s');
    await proxy.cut();
    const ended = await cancelled(execution);
    expect(ended.cancellation).toMatchObject({ cleanup: 'succeeded', outcome: 'cancelled' });
    // A machine too busy to reconnect in time hands it over: then the next attempt cleans up once.
    if (ended.attempt === 1) expect(await lines(file)).toEqual(['started', 'cleanup-begins', 'cleanup-ends']);
    expect((await lines(file)).filter((line) => line === 'cleanup-ends')).toHaveLength(1);
    for (const one of neighbours) {
      const present = await flux.rest.status('tidy', one.executionId);
      expect(present).toMatchObject({ cancellation: null, finishedAt: null });
      await flux.rest.cancel(one, '?mode=sync');
    }
  }, 60_000);
});
