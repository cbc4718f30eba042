import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { timed } from '@flux/testing';
import { call, SseClient } from '../testing/client.js';
import { ID, START, startTestApp, type TestApp } from '../testing/test-app.js';

let app: TestApp;
beforeEach(async () => (app = await startTestApp()));
afterEach(() => app.close());

describe('health', () => {
  test('ready while the database answers, whatever the broker does', async () => {
    const ready = await call(app.url, '/health/ready');
    expect(ready.status).toBe(200);
    expect(ready.json()).toEqual({ status: 'up', checks: { database: 'up', broker: 'up' } });
    await app.bus.close();
    const brokerDown = await call(app.url, '/health/ready');
    expect(brokerDown.status).toBe(200);
    expect(brokerDown.json()).toEqual({ status: 'up', checks: { database: 'up', broker: 'down' } });
  });

  test.each<[string, string, () => Promise<string>]>([
    ['is read-only', 'the database is read-only', () => Promise.resolve('the database is read-only')],
    ['fails', 'gone', () => Promise.reject(new Error('gone'))],
    ['hangs', 'the database does not answer in time', () => new Promise(() => undefined)],
  ])('not ready when the database %s, and says so; alive all the same', async (_name, reason, fault) => {
    app.fleet.databaseFault = fault;
    const ready = await call(app.url, '/health/ready');
    expect(ready.status).toBe(503);
    expect(ready.json()).toMatchObject({
      status: 'down',
      checks: { database: 'down' },
      reasons: { database: reason },
    });
    expect((await call(app.url, '/health/live')).json()).toMatchObject({ status: 'up' });
  });
});

describe('metrics', () => {
  test('count requests by route, never by URL', async () => {
    await call(app.url, `/workflows/known/executions/${ID}`);
    await call(app.url, '/nowhere');
    const { text } = await call(app.url, '/metrics');
    const route = '/workflows/:workflowName/executions/:executionId';
    expect(text).toContain(`flux_http_requests_total{method="GET",route="${route}",status="404"} 1`);
    expect(text).toContain('flux_http_requests_total{method="GET",route="unknown",status="404"} 1');
    expect(text).toContain(`flux_http_request_duration_seconds_count{method="GET",route="${route}"} 1`);
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).toContain('flux_of_the_core_total 0');
    expect(text).not.toContain(ID);
  });

  test('count streams, and time them not', async () => {
    const stream = await new SseClient().open(`${app.url}${START}?mode=stream&timeout=0s`, {
      method: 'POST',
    });
    await stream.rest();
    const { text } = await call(app.url, '/metrics');
    const route = '/workflows/:workflowName/executions';
    expect(text).toContain(`flux_http_requests_total{method="POST",route="${route}",status="200"} 1`);
    expect(text).not.toContain(`duration_seconds_count{method="POST",route="${route}"}`);
  });

  test('are of one app alone', async () => {
    const other = await startTestApp();
    try {
      await call(other.url, '/workers');
      expect((await call(app.url, '/metrics')).text).not.toContain('route="/workers"');
    } finally {
      await other.close();
    }
  });
});

test('the request log has no query, no header and no input', async () => {
  await call(app.url, `${START}?mode=async`, {
    method: 'POST',
    body: { input: 'private' },
    headers: { 'flux-actor': 'me' },
  });
  const line = app.log.find(({ msg }) => msg === 'request');
  expect(line).toMatchObject({ method: 'POST', path: START, status: 201 });
  expect(JSON.stringify(app.log)).not.toMatch(/private|"me"|mode=/);
});

describe('stopping', () => {
  test('a sync wait is answered with the present state, a stream ends, nothing hangs', async () => {
    const wait = call(app.url, `${START}?mode=sync&timeout=1m`, {
      method: 'POST',
      body: { executionId: ID },
    });
    await app.executions.until(() => app.executions.starts.length === 1);
    const stream = await new SseClient().open(`${app.url}${START}/${ID}/events`, {
      headers: { accept: 'text/event-stream' },
    });
    await app.executions.until(() => app.executions.following === 1);
    const { tookMs, heldUpMs } = await timed(() => app.close());
    expect(tookMs - heldUpMs).toBeLessThan(1000);
    expect((await wait).status).toBe(202);
    expect((await wait).execution().state).toBe('SCHEDULED');
    expect(await stream.rest()).toMatchObject([{ id: '1' }]);
    await expect(fetch(app.url)).rejects.toThrow();
  });

  test('new requests are refused, liveness is not', async () => {
    await app.drain();
    const refused = await call(app.url, START, { method: 'POST' });
    expect(refused.problem()).toMatchObject({ status: 503, code: 'SERVER_STOPPING' });
    expect((await call(app.url, '/health/live')).status).toBe(200);
    expect(app.executions.starts).toEqual([]);
  });
});

test('a connection on which nothing came yet is kept for as long as clients keep one for later', () => {
  const { headersTimeout, keepAliveTimeout } = app.nest.getHttpServer();
  expect(headersTimeout).toBeGreaterThan(keepAliveTimeout);
});

test('a port in use is named, with what to do', async () => {
  const { port } = new URL(app.url);
  await expect(startTestApp({ port: Number(port) })).rejects.toMatchObject({
    code: 'INVALID_SETTINGS',
    message: expect.stringContaining(`127.0.0.1:${port} is already in use`),
    hint: expect.stringContaining('FLUX_PORT'),
  });
});
