import { createParamDecorator, HttpCode, RequestMapping, RequestMethod, SetMetadata } from '@nestjs/common';
import { FluxError } from '@flux/domain';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { HEADERS, PATH_NAMES, type HeaderName, type Route } from './openapi/route.js';
import { OPERATIONS, type OperationId } from './openapi/routes.js';

const CHECK = 'flux:check';

/** The handler of an operation. */
export const Operation =
  (id: OperationId): MethodDecorator =>
  (target, key, descriptor) => {
    const [method = '', path = ''] = OPERATIONS[id].at.split(' ');
    const at = path.slice(1).replace(/\{(\w+)\}/g, ':$1');
    RequestMapping({ method: RequestMethod[method as 'GET'], path: at })(target, key, descriptor);
    HttpCode(200)(target, key, descriptor);
    SetMetadata(CHECK, checkOf(OPERATIONS[id]))(target, key, descriptor);
  };

/** What the request asks, checked by the route of its {@link Operation}. */
export const Checked = createParamDecorator((_data: unknown, context) => {
  const check = Reflect.getMetadata(CHECK, context.getHandler()) as ReturnType<typeof checkOf>;
  return check(context.switchToHttp().getRequest<FastifyRequest>());
});

type NamesIn<At> = At extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;

/** What a request of an operation asks: the names in the path, `query`, `body`, and its headers by {@link HEADERS}. */
export type Asked<Id extends OperationId, R = (typeof OPERATIONS)[Id]> = (R extends { at: infer At }
  ? { readonly [Name in NamesIn<At>]: string }
  : never) &
  (R extends { query: infer Query extends z.ZodType } ? { readonly query: z.output<Query> } : unknown) &
  (R extends { body: infer Body extends z.ZodType } ? { readonly body: z.output<Body> } : unknown) &
  (R extends { headers: readonly (infer Header extends HeaderName)[] }
    ? { readonly [H in Header]: z.output<(typeof HEADERS)[H]['schema']> | (typeof HEADERS)[H]['absent'] }
    : unknown);

/** Checks what a request says in headers, body, query and path, in this order, up to the first fault. */
function checkOf({ at, headers = [], body, query }: Route) {
  const read = headers.map((key) => ({ ...HEADERS[key], key, header: HEADERS[key].name.toLowerCase() }));
  const names = [...at.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  read.reverse();
  names.reverse();
  return (request: FastifyRequest): unknown => {
    const asked: Record<string, unknown> = {};
    for (const { key, header, schema, absent } of read) {
      const value = request.headers[header];
      asked[key] = value === undefined ? absent : parse(schema, value, header);
    }
    if (body) asked['body'] = parse(body, request.body === undefined ? {} : request.body, 'body');
    if (query) asked['query'] = parse(query, request.query, 'query');
    const params = request.params as Readonly<Record<string, string>>;
    for (const name of names) asked[name] = known(name, params[name] ?? '');
    return asked;
  };
}

/** The value of a name in the path; a UUID is the same in capitals. */
function known(name: string, value: string): string {
  const { schema, missing, noun, hint } = PATH_NAMES[name]!;
  if (!schema.safeParse(value).success) throw new FluxError(missing, `there is no ${noun}`, { hint });
  return schema instanceof z.ZodUUID ? value.toLowerCase() : value;
}

/**
 * @param name names the faulty place where it is not a field: a header, or a body that is no object
 * @throws FluxError `INVALID_REQUEST` that names every faulty field, never its value
 */
function parse(schema: z.ZodType, value: unknown, name: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue) => faultsOf(issue, name));
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw new FluxError('INVALID_REQUEST', detail, { details: { errors } });
}

/** The faults of an issue, each with the place that it names. */
function faultsOf(issue: z.core.$ZodIssue, name: string): { path: string; message: string }[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...issue.path, key].join('.'),
      message: `is not a known field of the ${name}`,
    }));
  }
  const path = issue.path.join('.') || name;
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path, message }));
  return [{ path, message: issue.message }];
}
