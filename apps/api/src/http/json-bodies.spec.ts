import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { call } from './testing/client.js';
import { START, startTestApp, type TestApp } from './testing/test-app.js';

/** More of them: `FLUX_VALUES_RUNS=20000 npm run test:unit -- json-bodies`. */
const RUNS = Number(process.env.FLUX_VALUES_RUNS ?? 100);

let app: TestApp;
beforeEach(async () => (app = await startTestApp()));
afterEach(() => app.close());

const nested = (levels: number): string => `{"input":${'['.repeat(levels)}${']'.repeat(levels)}}`;

test('deep JSON does not hurt, up to 200 levels it is taken', async () => {
  expect((await call(app.url, START, { method: 'POST', body: nested(200) })).status).toBe(201);
  for (const levels of [201, 1900]) {
    const { status, code, errors } = (
      await call(app.url, START, { method: 'POST', body: nested(levels) })
    ).problem();
    expect([status, code]).toEqual([422, 'VALUE_TOO_DEEP']);
    expect(errors?.[0]?.path).toMatch(/^input\.0\.0\./);
  }
});

test('bytes that are no UTF-8 are refused, not replaced', async () => {
  const body = Buffer.from('{"input":"A\xff\xfeB"}', 'latin1');
  const answer = await fetch(`${app.url}${START}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'MALFORMED_BODY']);
  expect(app.executions.starts).toEqual([]);
});

test('what is small as it was sent, and too large as it would be kept, is refused', async () => {
  const body = `{"input":[${Array.from({ length: 200_000 }, () => '1e20').join()}]}`;
  expect(body.length).toBeLessThan(1024 ** 2);
  expect((await call(app.url, START, { method: 'POST', body })).problem()).toMatchObject({
    status: 413,
    code: 'PAYLOAD_TOO_LARGE',
  });
  expect(app.executions.starts).toEqual([]);
});

describe.each<[string, string, (json: string) => string]>([
  ['a start', START, (json) => `{"input":${json}}`],
  ['a resume', `${START}/01920000-0000-7000-8000-000000000001/resume`, (json) => `{"input":${json}}`],
  ['a schedule', '/schedules', (json) => `{"workflowName":"crawl","every":"1h","input":${json}}`],
])('%s', (_name, path, bodyOf) => {
  test.each([
    ['INVALID_JSON_NUMBER', '{"id": 7615917337495251231}', 'input.id'],
    ['INVALID_JSON_NUMBER', '[1, {"a.b": 1e400}]', 'input.1.a.b'],
    ['INVALID_JSON_NUMBER', '[-9007199254740993]', 'input.0'],
    ['INVALID_JSON_NUMBER', '4.9e-400', 'input'],
    ['DUPLICATE_KEY', '{"a":1,"a":2}', 'input.a'],
    ['DUPLICATE_KEY', '[{"b":{"\\u0061":1,"a":1}}]', 'input.0.b.a'],
  ])(
    'that would lose something is 422 %s: %s (elsewhere: numbers lose digits)',
    async (code, json, place) => {
      const answer = (await call(app.url, path, { method: 'POST', body: bodyOf(json) })).problem();
      expect(answer).toMatchObject({ status: 422, code, errors: [{ path: place }] });
      expect(app.executions.starts).toEqual([]);
    },
  );
});

test('numbers that JavaScript has are taken as they are', async () => {
  const input = '[0.1,1e21,1.50,5e-324,123456789012345680000,0.30000000000000004,1.7976931348623157e308]';
  expect((await call(app.url, START, { method: 'POST', body: `{"input":${input}}` })).status).toBe(201);
  expect(app.executions.starts).toMatchObject([{ input: JSON.parse(input) as unknown }]);
});

const piece = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    'null',
    '"a":1',
    '"a":1,"a":2',
    '__proto__',
    '1e400',
  ),
  fc.bigInt().map(String),
  fc.double().map(String),
  fc.string({ unit: 'binary' }),
  fc.integer({ min: 1, max: 600 }).map((levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`),
);

test(
  'whatever a body is, it is taken as it is or refused',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 4 }), async (pieces) => {
        app.executions.starts.splice(0);
        const input = pieces.join('');
        const answer = await call(app.url, START, { method: 'POST', body: `{"input":${input}}` });
        expect([201, 400, 413, 422]).toContain(answer.status);
        if (answer.status !== 201) return void expect(answer.problem().code).not.toBe('INTERNAL_ERROR');
        expect(app.executions.starts).toMatchObject([{ input: JSON.parse(input) as unknown }]);
      }),
      { numRuns: RUNS },
    );
  },
  60_000 + RUNS * 100,
);
