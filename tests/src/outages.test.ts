import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { apiSettings, startApi } from '@flux/api';
import { createMemoryBroker } from '@flux/messaging';
import { TcpProxy } from '@flux/testing';
import { deploy, PATIENCE_MS } from './support/deployment.js';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['worker-a']);
const { expectCancelled, expectLegal, reach, started } = flux.rest;

describe('a broker that is down', () => {
  it('a cancel is still answered 202, and delivered on its return', async () => {
    const proxy = new TcpProxy(flux.sandbox.amqpUrl);
    const cutOff = await flux.startServer({ FLUX_AMQP_URL: await proxy.start() });
    const file = temporaryFile('outage');
    const execution = await started('tidy', { file });
    await proxy.stop();
    await cutOff.process.waitFor(/flux-api: RabbitMQ is not reachable/);
    const answer = await cutOff.rest.cancel(execution, '', { reason: 'during the outage' });
    expect(answer).toMatchObject({ status: 202, body: { state: 'CANCELLING' } });
    await proxy.start();
    const ended = await reach(execution, 'CANCELLED');
    expect(ended.cancellation).toMatchObject({ cleanup: 'succeeded', reason: 'during the outage' });
    expect(linesOf(file)).toHaveLength(3);
    await expectLegal(ended);
    expect(await cutOff.process.stop()).toEqual({ code: 0, signal: null });
    await proxy.stop();
  }, 60_000);

  it('a start is still answered 201, and runs on its return', async () => {
    const proxy = new TcpProxy(flux.sandbox.amqpUrl);
    const cutOff = await flux.startServer({ FLUX_AMQP_URL: await proxy.start() });
    await proxy.stop();
    const execution = await cutOff.rest.start('one_task', {});
    await proxy.start();
    await reach(execution, 'COMPLETED');
    expect(await cutOff.process.stop()).toEqual({ code: 0, signal: null });
    await proxy.stop();
  }, 60_000);

  it('a worker that loses it goes on where it was once it is back, and cleans up once', async () => {
    const proxy = new TcpProxy(flux.sandbox.amqpUrl);
    const worker = await flux.startWorker('wired', { FLUX_AMQP_URL: await proxy.start() });
    const file = temporaryFile('cut');
    const batch = await Promise.all(Array.from({ length: 6 }, () => started('tidy', { file })));
    expect(batch.some(({ workerId }) => workerId?.startsWith('wired@'))).toBe(true);
    await proxy.cut();
    await worker.waitFor(/flux-worker wired: RabbitMQ is not reachable/);
    await expectCancelled(batch);
    const lines = linesOf(file);
    for (const { executionId } of batch) {
      expect(lines.filter((line) => line === `cleanup-ends ${executionId}`)).toHaveLength(1);
    }
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
    await proxy.stop();
  }, 60_000);

  it('a worker without it stops when it is told to', async () => {
    const proxy = new TcpProxy(flux.sandbox.amqpUrl);
    const env = { FLUX_AMQP_URL: await proxy.start(), FLUX_WORKER_DRAIN: '100ms' };
    const worker = await flux.startWorker('lonely', env);
    await proxy.stop();
    expect(await worker.stop('SIGTERM', PATIENCE_MS)).toEqual({ code: 0, signal: null });
  }, 60_000);
});

describe('an outage longer than the grace period', () => {
  const GRACE_MS = 1_500;

  it('costs no cleanup its time (elsewhere: the broker was away for longer than the grace period, and nobody cleaned up)', async () => {
    const proxy = new TcpProxy(flux.sandbox.amqpUrl);
    const env = { FLUX_AMQP_URL: await proxy.start(), FLUX_LEASE: '6s', FLUX_HEARTBEAT: '1s' };
    const away = await deploy(['only'], env);
    try {
      const file = temporaryFile('long-outage');
      const execution = await away.rest.started('tidy', { file, cleanupMs: 300 });
      await proxy.stop();
      const answer = await away.rest.cancel(execution, '', { gracePeriod: `${GRACE_MS}ms` });
      expect(answer.status).toBe(202);
      // No event comes of what is away: this is the outage.
      await wait(GRACE_MS + 500);
      const during = await away.rest.status('tidy', execution.executionId);
      expect(during).toMatchObject({ state: 'CANCELLING', cancellation: { deliveredAt: null } });
      await proxy.start();
      const ended = await away.rest.reach(execution, 'CANCELLED');
      expect(ended.cancellation).toMatchObject({ cleanup: 'succeeded', forced: false });
      const { requestedAt = '', deliveredAt, deadlineAt = '' } = ended.cancellation ?? {};
      expect(Date.parse(deadlineAt) - Date.parse(deliveredAt ?? '')).toBe(GRACE_MS);
      expect(Date.parse(deliveredAt ?? '') - Date.parse(requestedAt)).toBeGreaterThan(GRACE_MS);
      expect(linesOf(file).filter((line) => line.startsWith('cleanup-ends'))).toHaveLength(1);
      await away.rest.expectLegal(ended);
    } finally {
      await away.close();
      await proxy.stop();
    }
  }, 90_000);
});

describe('a database that is down', () => {
  it.each([
    [
      'has no such database',
      { pathname: '/nowhere' },
      'INVALID_SETTINGS',
      /database "nowhere" does not exist/,
    ],
    ['has no such user', { username: 'nobody_here' }, 'INVALID_SETTINGS', /nobody_here/],
    ['is not there', { port: '1' }, 'DATABASE_UNAVAILABLE', /does not answer/],
  ])('or %s stops a start, which names the setting', async (_what, wrong, code, message) => {
    const url = Object.assign(new URL(flux.sandbox.databaseUrl), wrong).href;
    const env = { FLUX_DATABASE_URL: url, FLUX_AMQP_URL: 'amqp://unused', FLUX_PORT: '0' };
    const settings = apiSettings.parse(env);
    const bus = createMemoryBroker().connect();
    for (const migrate of [true, false]) {
      await expect(startApi({ settings, bus, migrate })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
        hint: expect.stringContaining('FLUX_DATABASE_URL'),
      });
    }
    await bus.close();
  });

  it('is answered 503, with what that means for the request; the api goes on once it is back, and can stop without it', async () => {
    const proxy = new TcpProxy(flux.sandbox.databaseUrl);
    const cutOff = await flux.startServer({ FLUX_DATABASE_URL: await proxy.start() });
    const execution = await started('tidy', {});
    await proxy.stop();
    const answer = await cutOff.rest.cancel(execution);
    // An answer that is lost on its way may have been a yes or a no, so the hint claims neither.
    const hint: unknown = expect.stringContaining('may have been carried out');
    expect(answer).toMatchObject({ status: 503, body: { code: 'DATABASE_UNAVAILABLE', hint } });
    expect((await cutOff.rest.request('GET', '/health/ready')).status).toBe(503);
    expect((await cutOff.rest.request('GET', '/health/live')).status).toBe(200);
    expect((await flux.rest.status('tidy', execution.executionId)).cancellation).toBeNull();
    await proxy.start();
    await cutOff.rest.cancelled(execution);
    await proxy.stop();
    expect(await cutOff.process.stop('SIGTERM', PATIENCE_MS)).toEqual({ code: 0, signal: null });
  }, 90_000);
});

describe('a replica whose clock is ten minutes fast', () => {
  it('cuts no grace period of another short, nor does its own cancel come out of order', async () => {
    const fast = new URL('support/fast-clock.mjs', import.meta.url).href;
    const skewed = await flux.startServer({ NODE_OPTIONS: `--import ${fast}` });
    for (const { rest } of [flux, skewed]) {
      const execution = await started('tidy', { cleanupMs: 1_000 });
      const ended = await rest.cancelled(execution);
      expect(ended.cancellation).toMatchObject({ forced: false, cleanup: 'succeeded' });
      const times = (await flux.rest.history(ended)).map(({ at }) => Date.parse(at));
      expect(Math.max(...times) - Math.min(...times)).toBeLessThan(60_000);
    }
    await skewed.process.stop();
  }, 60_000);
});

describe('an api that restarts', () => {
  it('loses no cancel that it has answered', async () => {
    const execution = await started('tidy', {});
    const passing = await flux.startServer();
    const answer = await passing.rest.cancel(execution);
    await passing.process.kill();
    expect(answer.status).toBe(202);
    const ended = await reach(execution, 'CANCELLED');
    expect(ended.cancellation?.cleanup).toBe('succeeded');
  }, 60_000);
});
