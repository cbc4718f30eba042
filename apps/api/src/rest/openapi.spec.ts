import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { RequestMethod } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { PROBLEM_CONTENT_TYPE } from '@flux/contracts';
import { buildDocument, type OpenApiDocument, type Operation } from './openapi/document.js';
import { call } from './testing/client.js';
import { startTestApp, type TestApp } from './testing/test-app.js';

let app: TestApp;
let document: OpenApiDocument;
beforeAll(async () => {
  app = await startTestApp();
  document = (await call(app.url, '/openapi.json')).json() as OpenApiDocument;
});
afterAll(() => app.close());

const operations = (): [string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );

/** Every route of every controller, in OpenAPI's notation. */
function nestRoutes(): string[] {
  return [...app.nest.get(ModulesContainer).values()]
    .flatMap((module) => [...module.controllers.values()])
    .flatMap(({ metatype }) => {
      const prototype = (metatype as { prototype: Record<string, object> }).prototype;
      return Object.getOwnPropertyNames(prototype)
        .map((name) => prototype[name] as object)
        .filter((handler) => Reflect.hasMetadata('method', handler))
        .map((handler) => {
          const method = RequestMethod[Reflect.getMetadata('method', handler) as RequestMethod];
          const path = Reflect.getMetadata('path', handler) as string;
          return `${method} /${path.replace(/:(\w+)/g, '{$1}')}`;
        });
    });
}

test('is what is served, as OpenAPI 3.1', () => {
  expect(document).toEqual(JSON.parse(JSON.stringify(buildDocument())));
  expect(document.openapi).toBe('3.1.0');
});

test('describes exactly the routes there are', () => {
  expect(
    operations()
      .map(([route]) => route)
      .sort(),
  ).toEqual(nestRoutes().sort());
});

test('every reference leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
    ([, reference]) => reference,
  );
  expect(references.length).toBeGreaterThan(20);
  const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  for (const reference of references) expect(known).toContain(reference);
});

test('operations are named once, declare their path parameters and have a way to succeed', () => {
  const ids = operations().map(([, { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [route, { parameters, responses }] of operations()) {
    const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`);
    expect(inPath).toEqual(route.match(/\{\w+\}/g) ?? []);
    expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true);
    for (const [status, response] of Object.entries(responses)) {
      if (Number(status) >= 400 && route !== 'GET /health/ready') {
        expect(Object.keys(response.content ?? {})).toEqual([PROBLEM_CONTENT_TYPE]);
      }
    }
  }
});

test('tells the whole of a cancel', () => {
  const cancel = document.paths['/workflows/{workflowName}/executions/{executionId}/cancel']?.post;
  expect(Object.keys(cancel?.responses ?? {})).toEqual([
    '200',
    '202',
    '400',
    '403',
    '404',
    '409',
    '413',
    '415',
    '422',
    '500',
    '503',
  ]);
  expect(cancel?.parameters.map(({ name }) => name)).toEqual([
    'workflowName',
    'executionId',
    'mode',
    'timeout',
    'Flux-Actor',
  ]);
  expect(document.components.schemas['CancelRequest']).toMatchObject({
    type: 'object',
    additionalProperties: false,
    properties: { reason: { type: 'string', maxLength: 1000 }, gracePeriod: { type: 'string' } },
  });
  const start = document.paths['/workflows/{workflowName}/executions']?.post;
  expect(Object.keys(start?.responses['200']?.content ?? {})).toEqual([
    'application/json',
    'text/event-stream',
  ]);
});

test('the page shows every operation and loads nothing', async () => {
  const { text, headers } = await call(app.url, '/docs');
  expect(headers.get('content-type')).toContain('text/html');
  for (const [route, { summary }] of operations()) {
    expect(text).toContain(`<code>${route.split(' ')[1]}</code>`);
    expect(text).toContain(summary);
  }
  expect(text).not.toMatch(/<script|<link|https?:\/\//);
  for (const [, target] of text.matchAll(/href="#([^"]+)"/g)) expect(text).toContain(`id="${target}"`);
});
