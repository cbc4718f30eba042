import { z } from 'zod';
import { CANCEL_CAUSES, CANCEL_OUTCOMES, CLEANUPS, EXECUTION_STATES, parseDuration } from '@flux/domain';
import { isStorable, LABELS } from './plain.js';

/** The form in which a client sends what a schema reads: durations are texts, and what has a default may be absent. */
export type Sent<S extends z.ZodType> = Readonly<z.input<S>>;

export type Schema<T> = z.ZodType<T>;

/** Any JSON value. */
export const jsonValue: z.ZodType<unknown> = z.unknown();

/** The types that the JSON beside them leaves out of a value (superjson's `meta`); absent where that is nothing. */
export const valueTypes = z.record(z.string(), z.unknown());
export type ValueTypes = z.infer<typeof valueTypes>;

/** The error of a workflow or task, as stored and sent: never a stack of Flux's own. */
export interface ErrorInfo {
  /** An error code of Flux where there is one, else the error's own, such as `ECONNREFUSED`. */
  readonly code?: string | undefined;
  /** The error's class, such as `TypeError`. */
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  /** The error's own cause, at most five deep. */
  readonly cause?: ErrorInfo | undefined;
  /** The errors of an AggregateError. */
  readonly errors?: readonly ErrorInfo[] | undefined;
  /** Own fields, such as `status`, that are plain JSON. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
}
export const errorInfo: z.ZodType<ErrorInfo> = z.object({
  code: z.string().optional(),
  name: z.string(),
  message: z.string(),
  stack: z.string().optional(),
  get cause() {
    return errorInfo.optional();
  },
  get errors() {
    return z.array(errorInfo).optional();
  },
  fields: z.record(z.string(), z.unknown()).optional(),
});

/** The error with which a runner ended: Node's code, such as `ERR_WORKER_OUT_OF_MEMORY`, and what it says. */
export const deathCause = z.object({ code: z.string().nullable(), message: z.string() });

/** The schema of a text, for one that goes into a column of type `text`. */
export const storable = (schema: z.ZodString): z.ZodString =>
  schema.refine(isStorable, 'must be valid Unicode without NUL');

/** Why somebody asks for something. */
export const reason = storable(z.string().max(1000));

export const executionState = z.enum(EXECUTION_STATES);
export const cancelCause = z.enum(CANCEL_CAUSES);
export const cleanup = z.enum(CLEANUPS);
export const cancelOutcome = z.enum(CANCEL_OUTCOMES);

export const executionId = z.uuid();

/** A call of a body. */
export const callResult = {
  /**
   * `name#n`: the n-th call (from 0) of that name in the order the body made them; in a `ctx.scope` `name#s.n`, where
   * `s` is the number of the scope.
   */
  callId: z.string(),
  name: z.string(),
};

/** An ISO 8601 time that PostgreSQL and `Date` both can tell. */
export const isoTime = z.iso
  .datetime({ offset: true, abort: true, error: "must be a time such as '2026-11-28T03:00:00Z'" })
  .refine(isTellable, 'must be in the years 1 to 9999 and at most 15 hours off UTC');

function isTellable(text: string): boolean {
  const time = Date.parse(text);
  const inRange =
    time >= Date.parse('0001-01-01T00:00:00Z') && time <= Date.parse('9999-12-31T23:59:59.999Z');
  return inRange && !/[+-](1[6-9]|2\d):\d\d$/.test(text);
}

/** The values that a list leaves out unless they are asked for: `a,b`, or one by one. */
export const includeOf = <Name extends string>(...names: readonly Name[]) =>
  z
    .union([z.string(), z.array(z.string())])
    .transform((value, context): Name[] => {
      const asked = [...new Set([value].flat().flatMap((text) => text.split(',')))];
      if (asked.every((one) => (names as readonly string[]).includes(one))) return asked as Name[];
      context.addIssue({
        code: 'custom',
        message: `must be ${names.join(' or ')}, several with a comma between`,
      });
      return z.NEVER;
    })
    .optional()
    .describe(
      `Values that the items carry: ${names.map((one) => `\`${one}\``).join(', ')}; without it, none.`,
    );

/** A single value or a list, read as a list; `what` says what each of them must be. */
export const oneOrMany = <T extends z.ZodType>(one: T, what: string) =>
  z
    .union([one, z.array(one).min(1)], `must be ${what}, or a list of such`)
    .transform((value) => (Array.isArray(value) ? value : [value]));

/** Letters, digits, `_`, `-` and `.`: safe in a path, a queue's name and a file's name. */
const name = (longest: number): z.ZodString =>
  z
    .string()
    .regex(
      new RegExp(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,${longest - 1}}$`),
      `must be 1 to ${longest} letters, digits, _, - or .`,
    );

export const workflowName = name(128);
export const workflowVersion = name(64);
export const eventName = name(128);
/** A worker's NAME. */
export const workerName = name(64);

/** An event that cancels those executions whose input has the event's key at the dotted path `key`. */
export const cancelOn = z.object({ event: eventName, key: z.string().min(1).max(255) });
export type CancelOn = z.infer<typeof cancelOn>;

export const labels = z
  .record(z.string().regex(LABELS.key.pattern, LABELS.key.fault), z.string().max(LABELS.longestValue))
  .refine((value) => Object.keys(value).length <= LABELS.most, `at most ${LABELS.most} labels`);

/** One page of a list; `nextCursor` is where the next one begins, `null` after the last. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

/** The number of items of a page, from a query. */
export const pageLimit = z.coerce.number().int().min(1).max(1000);

/** The description of the cursor at which a page goes on. */
export const cursorText = 'The nextCursor of an earlier page.';

/** The bytes at which a page ends, though it has fewer items than were asked for; it has at least one. */
export const PAGE_BYTES = 1024 ** 2;

/** The part of a query that says which page of a list is asked for. */
export const pageFields = {
  limit: pageLimit.default(50),
  cursor: z.string().optional().describe(cursorText),
};

/** A duration as text (`10s`, `PT1M`), parsed to milliseconds. */
export const duration = z.string().transform((text, context): number => {
  try {
    return parseDuration(text);
  } catch {
    context.addIssue({
      code: 'custom',
      message: "must be a duration such as '500ms', '10s', '5m', '1h' or 'PT1M30S'",
    });
    return z.NEVER;
  }
});

/** What code that has ended may have left open. */
export const strayKind = z.enum(['timer', 'socket', 'server', 'watcher']);
export type StrayKind = z.infer<typeof strayKind>;

/** Executions of a workflow that ended in a shared runner and left things of one kind open there. */
export const strays = z.object({ workflowName, kind: strayKind, executions: z.int().min(1) });
export type Strays = z.infer<typeof strays>;
