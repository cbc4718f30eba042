import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { RequestMethod } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { historyEvent, PROBLEM_CONTENT_TYPE } from '@flux/contracts';
import { validate } from '@readme/openapi-parser';
import { buildDocument } from './document.js';
import { call } from '../testing/client.js';
import { startTestApp, type TestApp } from '../testing/test-app.js';

/** The document as far as these tests read it: no parameter and no answer of it is a reference. */
interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly content?: object }>>;
}
interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

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

test('the document is what is served, as OpenAPI 3.1', () => {
  expect(document).toEqual(JSON.parse(JSON.stringify(buildDocument())));
  expect(document.openapi).toBe('3.1.0');
});

test('the document describes exactly the routes there are', () => {
  const described = operations().map(([route]) => route);
  expect(described.sort()).toEqual(nestRoutes().sort());
});

test('the document is valid, and every reference leads somewhere', async () => {
  const copy = JSON.parse(JSON.stringify(document)) as Parameters<typeof validate>[0];
  expect(await validate(copy)).toEqual({
    valid: true,
    warnings: [],
    specification: 'OpenAPI',
  });
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

test('the document tells the whole of a cancel', () => {
  const cancel = document.paths['/workflows/{workflowName}/executions/{executionId}/cancel']?.post;
  const statuses = [200, 202, 400, 403, 404, 409, 413, 415, 422, 500, 503];
  expect(Object.keys(cancel?.responses ?? {})).toEqual(statuses.map(String));
  const names = ['workflowName', 'executionId', 'mode', 'timeout', 'Flux-Actor'];
  expect(cancel?.parameters.map(({ name }) => name)).toEqual(names);
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

test('tells of each event of a history what it says and what data it has', () => {
  const { oneOf } = document.components?.schemas?.['HistoryEvent'] as {
    readonly oneOf: readonly { readonly description?: string; readonly properties: object }[];
  };
  expect(oneOf).toHaveLength(historyEvent.options.length);
  for (const { description, properties } of oneOf) {
    expect(description).toMatch(/\.$/);
    expect(properties).toMatchObject({ type: { const: expect.any(String) }, data: expect.any(Object) });
  }
});

test('the page runs what the api itself has, and is kept from every other place', async () => {
  const page = await call(app.url, '/docs');
  expect(page.headers.get('content-type')).toContain('text/html');
  const policy = page.headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'; script-src 'self';");
  expect(policy).not.toMatch(/https?:|\*/);
  expect(page.text).not.toMatch(/https?:/);
  const loaded = [...page.text.matchAll(/<script src="([^"]+)">/g)].map(([, path]) => path);
  expect(loaded).toEqual(['docs/scalar.js']);
  expect(page.text).not.toMatch(/<script>|<link(?! rel="icon" href="data:,">)/);
});
