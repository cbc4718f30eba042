import { z } from 'zod';
import { CANCEL_CAUSES, CANCEL_OUTCOMES, CLEANUPS, EXECUTION_STATES, parseDuration } from '@flux/domain';

/** Any JSON value. */
export const jsonValue: z.ZodType<unknown> = z.unknown();

/** What the JSON beside it leaves out of a value (superjson's `meta`); absent where that is nothing. */
export const valueTypes = z.record(z.string(), z.unknown());
export type ValueTypes = z.infer<typeof valueTypes>;

/** What is wrong with a workflow's or task's run, as stored and sent: never a stack of Flux's own. */
export const errorInfo = z.object({
  /** An error code of Flux, where the error has one. */
  code: z.string().optional(),
  /** The error's class, such as `TypeError`. */
  name: z.string(),
  message: z.string(),
  stack: z.string().optional(),
});
export type ErrorInfo = z.infer<typeof errorInfo>;

/** True for text that PostgreSQL's `text` and `jsonb` take: no NUL, no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return !/\0|\p{Surrogate}/u.test(text);
}

/** The schema of a text, for one that goes into a column of type `text`. */
export const storable = (schema: z.ZodString): z.ZodString =>
  schema.refine(isStorable, 'must be valid Unicode without NUL');

export const executionState = z.enum(EXECUTION_STATES);
export const cancelCause = z.enum(CANCEL_CAUSES);
export const cleanup = z.enum(CLEANUPS);
export const cancelOutcome = z.enum(CANCEL_OUTCOMES);

export const executionId = z.uuid();
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

/** One of them or a list, read as a list; `what` says what each of them must be. */
export const oneOrMany = <T extends z.ZodType>(one: T, what: string) =>
  z
    .union([one, z.array(one).min(1)], `must be ${what}, or a list of such`)
    .transform((value) => (Array.isArray(value) ? value : [value]));

/** Letters, digits, `_`, `-` and `.`: safe in a path, a queue's name and a file's name. */
export const workflowName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, 'must be 1 to 128 letters, digits, _, - or .');

/** The same alphabet for a workflow's version. */
export const workflowVersion = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be 1 to 64 letters, digits, _, - or .');

/** The same alphabet for the name of an event. */
export const eventName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, 'must be 1 to 128 letters, digits, _, - or .');

/** An event that cancels those executions whose input has the event's key at the dotted path `key`. */
export const cancelOn = z.object({ event: eventName, key: z.string().min(1).max(255) });
export type CancelOn = z.infer<typeof cancelOn>;

/** The same alphabet for a worker's NAME. */
export const workerName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'must be 1 to 64 letters, digits, _, - or .');

/** At most 32 labels; keys of a label filter are split from values at the first colon, so keys have none. */
export const labels = z
  .record(
    z.string().regex(/^[^:\s]{1,63}$/, 'a label key has 1 to 63 characters, no colon, no space'),
    z.string().max(255),
  )
  .refine((value) => Object.keys(value).length <= 32, 'at most 32 labels');

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
