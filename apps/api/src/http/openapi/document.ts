import * as contracts from '@flux/contracts';
import type { ErrorCode } from '@flux/domain';
import { z } from 'zod';
import {
  createDocument,
  type CreateDocumentOptions,
  type oas31,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';
import { HEADERS, PATH_NAMES, type Route } from './route.js';
import { ROUTES } from './routes.js';

// Components are named as the contracts name them: `startBody` is StartRequest, `executionResource` Execution.
for (const [name, schema] of Object.entries<unknown>(contracts)) {
  if (!/(Body|Resource|Page|Receipt)$|^(problem|errorInfo|historyEvent)$/.test(name)) continue;
  const id = name.replace('Resource', '').replace('Body', 'Request');
  (schema as z.ZodType).register(z.globalRegistry, { id: id.charAt(0).toUpperCase() + id.slice(1) });
}

/** The OpenAPI 3.1 document of every route, from the schemas that requests are checked with. */
export function buildDocument(): oas31.OpenAPIObject {
  const paths: ZodOpenApiPathsObject = {};
  for (const [tag, routes] of Object.entries(ROUTES)) {
    for (const [operationId, route] of Object.entries(routes)) {
      const [method = '', path = ''] = route.at.split(' ');
      const described = { operationId, tags: [tag], ...operation(route, tag) };
      paths[path] = { ...paths[path], [method.toLowerCase()]: described };
    }
  }
  return createDocument(
    {
      openapi: '3.1.0',
      info: {
        title: 'Flux',
        version: '1',
        description:
          'Run long-lived workflows on a fleet of workers, and stop them for certain. Errors are RFC 9457 problems ' +
          'with a code and a hint; durations are written `500ms`, `10s`, `5m`, `1h` or in ISO 8601.',
      },
      servers: [{ url: '/' }],
      tags: Object.keys(ROUTES).map((name) => ({ name })),
      paths,
    },
    { override: simplify },
  );
}

const simplify: CreateDocumentOptions['override'] = ({ jsonSchema, io }) => {
  // A format says what zod's page-long pattern says.
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  // A client must not break on a member that a later version adds to an answer.
  if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
};

const namedIn = (path: string) => Object.entries(PATH_NAMES).filter(([name]) => path.includes(`{${name}}`));

function operation(route: Route, tag: string): Omit<ZodOpenApiOperationObject, 'operationId' | 'tags'> {
  const { summary, description, query, headers = [], body } = route;
  const path = z.object(Object.fromEntries(namedIn(route.at).map(([name, { schema }]) => [name, schema])));
  const header = headers
    .map((key) => HEADERS[key])
    .map(({ name, schema, told }) => [name, schema.optional().describe(told)]);
  return {
    summary,
    ...(description !== undefined && { description }),
    requestParams: { path, ...(query && { query }), header: z.object(Object.fromEntries(header)) },
    ...(body && {
      // Absent, a body is `{}`.
      requestBody: {
        required: !body.safeParse({}).success,
        content: { 'application/json': { schema: body } },
      },
    }),
    responses: { ...route.answers, ...problems(route, tag) },
  };
}

/** Problems by status; several codes may share one. */
function problems(route: Route, tag: string): Record<string, ZodOpenApiResponseObject> {
  const byStatus = new Map<number, string[]>();
  const add = (status: number, told: string): void => {
    byStatus.set(status, [...(byStatus.get(status) ?? []), told]);
  };
  for (const code of codes(route, tag))
    add(contracts.PROBLEMS[code].status, `\`${code}\`: ${contracts.PROBLEMS[code].title}.`);
  if (!route.at.startsWith('GET')) add(403, '`INVALID_REQUEST`: a page of another site asked.');
  if (route.at.includes('{')) add(400, '`INVALID_REQUEST`: the URL is not correctly percent-encoded.');
  return Object.fromEntries(
    [...byStatus].map(([status, told]) => [status, problemResponse(status, told, route.answers[status])]),
  );
}

const OF_BODIES = [
  'MALFORMED_BODY',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'VALUE_TOO_DEEP',
  'INVALID_JSON_NUMBER',
  'DUPLICATE_KEY',
] as const;

function codes({ at, query, body, problems: own = [] }: Route, tag: string): ErrorCode[] {
  // Liveness never fails.
  if (at === 'GET /health/live') return [];
  return [
    ...namedIn(at).map(([, { missing }]) => missing),
    ...own,
    ...(query || body ? (['INVALID_REQUEST'] as const) : []),
    ...(body ? OF_BODIES : []),
    ...(tag === 'Operations' ? [] : (['DATABASE_UNAVAILABLE'] as const)),
    'SERVER_STOPPING',
    'INTERNAL_ERROR',
  ];
}

/** A problem, beside the answer that the route may give with the same status. */
function problemResponse(
  status: number,
  told: readonly string[],
  answer?: ZodOpenApiResponseObject,
): ZodOpenApiResponseObject {
  return {
    description: [...(answer ? [answer.description] : []), ...told].join(' '),
    ...(status === 503 && {
      headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
    }),
    content: { ...answer?.content, [contracts.PROBLEM_CONTENT_TYPE]: { schema: contracts.problem } },
  };
}
