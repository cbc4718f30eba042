import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTopology, type ExecutionResource } from '@flux/contracts';
import { connectRabbitMq } from '@flux/messaging';
import { TcpProxy, until } from '@flux/testing';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { MachinePace } from './support/machine-pace.js';
import { useDeployment } from './support/use-deployment.js';

/** The only worker, whose link to the broker a test can cut. */
const flux = useDeployment([]);
const { expectLegal, reach, started } = flux.rest;
let proxy: TcpProxy;

beforeAll(async () => {
  proxy = new TcpProxy(flux.sandbox.amqpUrl);
  await flux.startWorker('worker-a', { FLUX_AMQP_URL: await proxy.start() });
}, 60_000);

afterAll(() => proxy.stop());

/** The lines of the file, without the ids in them. */
const words = (file: string): string[] => linesOf(file).map((line) => line.split(' ', 1)[0] ?? '');

const written = (file: string, word: string): Promise<true> =>
  until(`'${word}' in ${file}`, () => words(file).includes(word));

/** An execution of `tidy` that is in the middle of its cleanup. */
async function cleaning(input: { file: string; cleanupMs: number }, gracePeriod: string) {
  const execution = await started('tidy', input);
  await written(input.file, 'started');
  const answer = await flux.rest.cancel(execution, '', { gracePeriod });
  await written(input.file, 'cleanup-begins');
  return { execution, first: answer.body as ExecutionResource };
}

const cancelled = async (execution: ExecutionResource): Promise<ExecutionResource> =>
  expectLegal(await reach(execution, 'CANCELLED'));

const typesOf = async (execution: ExecutionResource, prefix: string): Promise<string[]> =>
  (await flux.rest.typesOf(execution)).filter((type) => type.startsWith(prefix));

describe('a second cancel changes nothing (elsewhere: a second cancel cuts the cleanup short, or skips the kill):', () => {
  it('asked with another grace period, or as a message that comes again', async () => {
    const file = temporaryFile('second-cancel');
    const bus = await connectRabbitMq({
      url: flux.sandbox.amqpUrl,
      connectionName: 'second-cancel.test',
      deadLetters: createTopology(flux.sandbox.namespace).deadLetters,
    });
    const { execution, first } = await cleaning({ file, cleanupMs: 1_500 }, '20s');
    await flux.rest.untilEvent(execution, 'cancel_delivered');
    const { deadlineAt } = (await flux.rest.status('tidy', execution.executionId)).cancellation ?? {};
    const repeats = await Promise.all(
      ['1ms', '1h'].map((gracePeriod) => flux.rest.cancel(execution, '', { gracePeriod, reason: 'again' })),
    );
    for (const { status, body } of repeats) {
      expect(status).toBe(202);
      const { requestedAt, reason } = first.cancellation ?? {};
      expect((body as ExecutionResource).cancellation).toMatchObject({ requestedAt, deadlineAt, reason });
    }
    const { cancellation, workerId } = await flux.rest.status('tidy', execution.executionId);
    // The deadline has been counted from the first copy: a late one can only tell a later deadline.
    for (const remainingMs of [20_000, 20_000, 3_600_000]) {
      await bus.publish(
        createTopology(flux.sandbox.namespace).control(workerId ?? ''),
        'cancel',
        {
          executionId: execution.executionId,
          attempt: 1,
          remainingMs,
          cause: 'request',
          reason: null,
          requestedAt: Date.parse(cancellation?.requestedAt ?? ''),
          requestedBy: 'cli:ada',
        },
        { mandatory: true },
      );
    }
    await bus.close();
    expect((await cancelled(execution)).cancellation).toMatchObject({ forced: false, cleanup: 'succeeded' });
    expect(words(file)).toEqual(['started', 'cleanup-begins', 'cleanup-ends']);
    expect(await typesOf(execution, 'cancel_')).toEqual(['cancel_requested', 'cancel_delivered']);
  }, 60_000);

  it('a cleanup that never ends is killed at the deadline of the first cancel', async () => {
    const execution = await started('stubborn');
    await MachinePace.beside(flux.sandbox.databaseUrl, async (pace) => {
      await flux.rest.cancel(execution, '', { gracePeriod: '1s' });
      await flux.rest.untilEvent(execution, 'cancel_delivered');
      await flux.rest.cancel(execution, '', { gracePeriod: '1h' });
      const { cancellation } = await cancelled(execution);
      expect(cancellation).toMatchObject({ forced: true, cleanup: 'timed_out' });
      const { deliveredAt, deadlineAt, finalizedAt } = cancellation ?? {};
      const times = [deliveredAt, deadlineAt, finalizedAt].map((time) => Date.parse(time ?? ''));
      const [delivered = NaN, deadline = NaN, end = NaN] = times;
      expect(deadline - delivered).toBe(1_000);
      expect(pace.fairMs(deadline, end)).toBeLessThan(2_000);
    });
  }, 60_000);

  it('but for force, which ends the cleanup at once', async () => {
    const file = temporaryFile('forced');
    const { execution } = await cleaning({ file, cleanupMs: 60_000 }, '5m');
    const { cancellation } = await flux.rest.cancelled(execution, { force: true });
    expect(cancellation).toMatchObject({ forced: true, cleanup: 'timed_out' });
    expect(words(file)).toEqual(['started', 'cleanup-begins']);
    // The word of the delivery may come after the second request.
    expect((await typesOf(execution, 'cancel_')).sort()).toEqual([
      'cancel_delivered',
      'cancel_forced',
      'cancel_requested',
    ]);
  }, 60_000);
});

describe('a cancel meant for one ends that one (elsewhere: a cancel meant for one hits its neighbours):', () => {
  it('of those in one runner, and a reconnect during its cleanup repeats nothing', async () => {
    const neighbours = await Promise.all([1, 2, 3].map(() => started('tidy', {})));
    const file = temporaryFile('reconnected');
    const { execution } = await cleaning({ file, cleanupMs: 2_000 }, '30s');
    await proxy.cut();
    const ended = await cancelled(execution);
    expect(ended.cancellation).toMatchObject({ cleanup: 'succeeded', outcome: 'cancelled' });
    // A machine too busy to reconnect in time hands it over: then the next attempt cleans up once.
    if (ended.attempt === 1) expect(words(file)).toEqual(['started', 'cleanup-begins', 'cleanup-ends']);
    expect(words(file).filter((line) => line === 'cleanup-ends')).toHaveLength(1);
    for (const one of neighbours) {
      const present = await flux.rest.status('tidy', one.executionId);
      expect(present).toMatchObject({ cancellation: null, finishedAt: null });
      await flux.rest.cancelled(one);
    }
  }, 60_000);
});
