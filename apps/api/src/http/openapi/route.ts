import {
  actor,
  cursorText,
  executionId,
  idempotencyKey,
  scheduleId,
  workerName,
  workflowName,
} from '@flux/contracts';
import type { ErrorCode } from '@flux/domain';
import { z } from 'zod';
import type { ZodOpenApiResponseObject } from 'zod-openapi';

/** An operation of the API: what its requests are checked by and the OpenAPI document tells. */
export interface Route {
  /** Method and path, in OpenAPI's notation: `GET /workflows/{workflowName}`. */
  readonly at: `${'GET' | 'POST' | 'PUT' | 'DELETE'} /${string}`;
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodObject;
  readonly headers?: readonly HeaderName[];
  readonly body?: z.ZodType;
  /** Answers that are not problems. */
  readonly answers: Readonly<Record<number, ZodOpenApiResponseObject>>;
  /** Refusals besides those that follow from the path, the query and the body. */
  readonly problems?: readonly ErrorCode[];
}

/** The routes of one tag, by their operation ids. */
export type Routes = Readonly<Record<string, Route>>;

/** A number in a text of at most that many digits. The document calls it a string, without the pattern. */
const numberText = (digits: number, fault: string) =>
  z
    .string()
    .refine((text) => /^\d+$/.test(text) && text.length <= digits, fault)
    .transform(Number);

export const CURSOR_FAULT = 'must be the nextCursor of an earlier page';

/** The cursor of pages that go by a number of at most that many digits. */
export const numberCursor = (digits: number) =>
  numberText(digits, CURSOR_FAULT).optional().describe(cursorText);

/** The headers that a route may read, by what its handler calls them; `absent` stands for one that was not sent. */
export const HEADERS = {
  requestedBy: {
    name: 'Flux-Actor',
    schema: actor,
    absent: 'anonymous',
    told: 'Who calls, at most 200 printable ASCII characters; becomes requestedBy, else `anonymous`.',
  },
  idempotencyKey: {
    name: 'Idempotency-Key',
    schema: idempotencyKey,
    absent: undefined,
    told: 'Starts at most one execution, however often it is sent.',
  },
  lastEventId: {
    name: 'Last-Event-ID',
    schema: numberText(15, 'must be the id of an event'),
    absent: undefined,
    told: 'Only events with a greater seq; a stream resumes by it.',
  },
} as const;
export type HeaderName = keyof typeof HEADERS;

interface PathName {
  readonly schema: z.ZodType;
  /** The refusal of a value that nothing can have, as of one that nothing has. */
  readonly missing: ErrorCode;
  readonly noun: string;
  readonly hint?: string;
}

/** The names that a path may have in it. */
export const PATH_NAMES: Readonly<Record<string, PathName>> = {
  workflowName: { schema: workflowName, missing: 'WORKFLOW_NOT_FOUND', noun: 'workflow of that name' },
  executionId: {
    schema: executionId,
    missing: 'EXECUTION_NOT_FOUND',
    noun: 'execution of that id',
    hint: 'An execution id is a UUID; GET /executions lists them.',
  },
  cancellationId: { schema: z.uuid(), missing: 'CANCELLATION_NOT_FOUND', noun: 'bulk cancel of that id' },
  name: { schema: workerName, missing: 'WORKER_NOT_FOUND', noun: 'worker of that name' },
  scheduleId: { schema: scheduleId, missing: 'SCHEDULE_NOT_FOUND', noun: 'schedule of that id' },
};

interface More {
  /** The meaning of the header `Location`. */
  readonly location?: string;
  /** The events, where the answer may be a stream too. */
  readonly stream?: string;
}

/** An answer in JSON. */
export function json(
  description: string,
  schema: z.ZodType,
  { location, stream }: More = {},
): ZodOpenApiResponseObject {
  return {
    description,
    ...(location !== undefined && {
      headers: { Location: { description: location, schema: { type: 'string' } } },
    }),
    content: {
      'application/json': { schema },
      ...(stream !== undefined && {
        'text/event-stream': { schema: { type: 'string', description: stream } },
      }),
    },
  };
}

/** An answer in a text of another kind. */
export const text = (description: string, type: string): ZodOpenApiResponseObject => ({
  description,
  content: { [type]: { schema: { type: 'string' } } },
});
