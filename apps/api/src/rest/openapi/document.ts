import { PROBLEM_CONTENT_TYPE, PROBLEMS } from '@flux/contracts';
import type { ErrorCode } from '@flux/domain';
import type { Route, RouteResponse } from './route.js';
import { ROUTES } from './routes.js';
import { componentSchemas, parameterSchemas, schemaRef, type JsonSchema } from './schemas.js';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

export interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { description: string; schema: JsonSchema }>>;
  readonly content?: Readonly<Record<string, { schema: JsonSchema }>>;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { required: boolean; content: Readonly<Record<string, { schema: JsonSchema }>> };
  readonly responses: Readonly<Record<string, Response>>;
}

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Partial<Record<Route['method'], Operation>>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

/** The OpenAPI 3.1 document of every route, from the schemas that requests are checked with. */
export function buildDocument(): OpenApiDocument {
  const paths: Record<string, Partial<Record<Route['method'], Operation>>> = {};
  for (const route of ROUTES) paths[route.path] = { ...paths[route.path], [route.method]: operation(route) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Flux',
      version: '1',
      description:
        'Run long-lived workflows on a fleet of workers, and stop them for certain. Errors are RFC 9457 problems ' +
        'with a code and a hint; durations are written `500ms`, `10s`, `5m`, `1h` or in ISO 8601.',
    },
    servers: [{ url: '/' }],
    tags: ['Executions', 'Cancellations', 'Schedules', 'Fleet', 'Operations'].map((name) => ({ name })),
    paths,
    components: { schemas: componentSchemas() },
  };
}

function operation(route: Route): Operation {
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    tags: [route.tag],
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)],
    ...(route.body !== undefined && {
      requestBody: { required: false, content: { 'application/json': { schema: schemaRef(route.body) } } },
    }),
    responses: { ...successes(route), ...problems(route) },
  };
}

function pathParameters({ path }: Route): Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: name.endsWith('Id') ? { type: 'string', format: 'uuid' } : { type: 'string' },
  }));
}

function queryParameters({ query, queryDescriptions = {} }: Route): Parameter[] {
  if (query === undefined) return [];
  return Object.entries(parameterSchemas(query)).map(([name, schema]) => ({
    name,
    in: 'query',
    // Every query has defaults: none must be given.
    required: false,
    ...(queryDescriptions[name] !== undefined && { description: queryDescriptions[name] }),
    schema,
  }));
}

function headerParameters({ headers = [] }: Route): Parameter[] {
  return headers.map(({ name, description }) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));
}

function successes({ responses }: Route): Record<string, Response> {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [status, success(response)]),
  );
}

function success({ description, schema, contentType, eventStream, headers }: RouteResponse): Response {
  const json = { schema: schema === undefined ? {} : schemaRef(schema) };
  return {
    description,
    ...(headers !== undefined && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [
          name,
          { description: text, schema: { type: 'string' } },
        ]),
      ),
    }),
    content: {
      [contentType ?? 'application/json']: contentType === undefined ? json : { schema: { type: 'string' } },
      ...(eventStream !== undefined && {
        'text/event-stream': { schema: { type: 'string', description: eventStream } },
      }),
    },
  };
}

/** Problems by status; several codes may share one. */
function problems(route: Route): Record<string, Response> {
  const byStatus = new Map<number, string[]>();
  const add = (status: number, text: string): void => {
    byStatus.set(status, [...(byStatus.get(status) ?? []), text]);
  };
  for (const code of [...route.problems, ...commonProblems(route)]) {
    add(PROBLEMS[code].status, `\`${code}\`: ${PROBLEMS[code].title}.`);
  }
  if (route.method !== 'get') add(403, '`INVALID_REQUEST`: a page of another site asked.');
  if (route.path.includes('{')) add(400, '`INVALID_REQUEST`: the URL is not correctly percent-encoded.');
  const described = [...byStatus].map(([status, texts]) => [status, problemResponse(route, status, texts)]);
  return Object.fromEntries(described) as Record<string, Response>;
}

function problemResponse(route: Route, status: number, texts: readonly string[]): Response {
  const own = route.responses[status];
  const description = [...(own === undefined ? [] : [own.description]), ...texts].join(' ');
  return {
    description,
    ...(status === 503 && {
      headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
    }),
    content: {
      ...(own === undefined ? {} : success(own).content),
      [PROBLEM_CONTENT_TYPE]: { schema: schemaRef('Problem') },
    },
  };
}

/** What every route may answer; liveness never fails. */
function commonProblems({ path, tag }: Route): ErrorCode[] {
  if (path === '/health/live') return [];
  return tag === 'Operations'
    ? ['SERVER_STOPPING', 'INTERNAL_ERROR']
    : ['DATABASE_UNAVAILABLE', 'SERVER_STOPPING', 'INTERNAL_ERROR'];
}
