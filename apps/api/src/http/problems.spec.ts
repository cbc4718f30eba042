import { createConnection } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FluxError } from '@flux/domain';
import { call, type Call } from './testing/client.js';
import { MAX_BODY_BYTES, START, startTestApp, type TestApp } from './testing/test-app.js';

let app: TestApp;
beforeEach(async () => (app = await startTestApp()));
afterEach(() => app.close());

test.each<[string, number, string, Call]>([
  ['cut off', 400, 'MALFORMED_BODY', { body: '{"input":' }],
  ['with __proto__', 400, 'MALFORMED_BODY', { body: '{"input":{"__proto__":{"admin":true}}}' }],
  [
    'of another type',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    { body: 'a=b', headers: { 'content-type': 'text/plain' } },
  ],
  ['of no real type', 415, 'UNSUPPORTED_MEDIA_TYPE', { body: '{}', headers: { 'content-type': 'json' } }],
  ['too large', 413, 'PAYLOAD_TOO_LARGE', { body: { input: 'x'.repeat(MAX_BODY_BYTES) } }],
  ['far too large', 413, 'PAYLOAD_TOO_LARGE', { body: { input: 'x'.repeat(8_000_000) } }],
])('a body %s is %i %s', async (_name, status, code, options) => {
  const problem = (await call(app.url, START, { method: 'POST', ...options })).problem();
  expect(problem).toMatchObject({ status, code });
  if (status === 413) expect(problem.detail).toContain(String(MAX_BODY_BYTES));
  expect(app.executions.starts).toEqual([]);
});

test('an unknown route is 404, a known one by another method 405 with Allow', async () => {
  expect((await call(app.url, '/nowhere?a=b')).problem()).toMatchObject({
    status: 404,
    code: 'ROUTE_NOT_FOUND',
    instance: '/nowhere',
  });
  const wrong = await call(app.url, '/workers', { method: 'DELETE' });
  expect(wrong.problem()).toMatchObject({ status: 405, code: 'ROUTE_NOT_FOUND' });
  expect(wrong.headers.get('allow')).toBe('GET, HEAD');
});

test('a malformed URL is 400', async () => {
  expect((await call(app.url, '/workflows/%zz')).problem()).toMatchObject({
    status: 400,
    code: 'INVALID_REQUEST',
  });
});

test('a part of the path beyond any name is 414', async () => {
  const text = await fetch(`${app.url}/workflows/${'a'.repeat(1500)}`).then((response) => response.json());
  expect(text).toMatchObject({
    status: 414,
    code: 'INVALID_REQUEST',
    hint: expect.stringContaining('128 characters'),
  });
});

test('what is not HTTP gets a problem too', async () => {
  const { port } = new URL(app.url);
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = createConnection(Number(port), '127.0.0.1', () => socket.write('NOT HTTP\r\n\r\n'));
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('close', () => resolve(text));
  });
  expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  expect(answer).toContain('application/problem+json');
  expect(answer).toContain('"hint":"Speak plain HTTP/1.1 to this port');
});

test('a database that is away is 503 with Retry-After', async () => {
  app.executions.fault = new FluxError('DATABASE_UNAVAILABLE', 'the database does not answer');
  const answer = await call(app.url, START, { method: 'POST' });
  expect(answer.problem()).toMatchObject({ status: 503, code: 'DATABASE_UNAVAILABLE' });
  expect(answer.headers.get('retry-after')).toBe('1');
});

test("a fault of Flux's own is 500 without internals, and logged without the input", async () => {
  const fault = Object.assign(new Error('column "secret" does not exist'), { parameters: ['the input'] });
  app.executions.fault = fault;
  const answer = await call(app.url, `${START}?mode=sync`, { method: 'POST', body: { input: 'the input' } });
  expect(answer.problem()).toMatchObject({ status: 500, code: 'INTERNAL_ERROR' });
  expect(answer.text).not.toContain('secret');
  const line = app.log.find(({ msg }) => msg === 'a request failed');
  expect(line).toMatchObject({ level: 50, path: START, err: { message: fault.message, type: 'Error' } });
  expect(JSON.stringify(app.log)).not.toContain('the input');
});
