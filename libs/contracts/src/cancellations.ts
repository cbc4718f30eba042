import { isTerminal } from '@flux/domain';
import { z } from 'zod';
import { flag, labelFilter } from './rest.js';
import {
  cursorText,
  duration,
  executionId,
  executionState,
  isoTime,
  labels,
  oneOrMany,
  pageLimit,
  pageOf,
  reason,
  workerName,
  workflowName,
} from './values.js';

/** Bulk cancels, as REST has them. */

/** `completed`: every execution of the snapshot has its outcome. `stopped`: somebody ended it before. */
export const BULK_STATES = ['running', 'completed', 'stopped'] as const;

/**
 * The outcome of one execution of a bulk cancel. `waiting`: it has not been asked yet. `requested`: its cancel is
 * durable and under way. `completed`, `failed`: its body had ended before the signal reached it. `already_finished`:
 * it had ended before it was asked. `gone`: it was deleted. `undone`: its cancel was taken back. `skipped`: the bulk
 * cancel was stopped before it came to it.
 */
export const BULK_OUTCOMES = [
  'waiting',
  'requested',
  'cancelled',
  'completed',
  'failed',
  'already_finished',
  'gone',
  'undone',
  'skipped',
] as const;
export type BulkOutcome = (typeof BULK_OUTCOMES)[number];
export const bulkOutcome = z.enum(BULK_OUTCOMES);

const count = z.int().min(0);

export const bulkCounts = z.object({
  /** The number of executions in the snapshot; the sum of all the others. */
  total: count,
  waiting: count,
  requested: count,
  cancelled: count,
  completed: count,
  failed: count,
  alreadyFinished: count,
  gone: count,
  undone: count,
  skipped: count,
});
export type BulkCounts = z.infer<typeof bulkCounts>;

const openState = executionState.refine(
  (state) => !isTerminal(state),
  'has ended; nothing is left to cancel',
);
const openStates = executionState.options.filter((state) => !isTerminal(state));

const someFilter = {
  workflowName: workflowName.optional(),
  state: oneOrMany(openState, `one of ${openStates.join(', ')}`).optional(),
  /** Executions that have all of them. */
  labels: labels.optional(),
  /** The same as the list's query has it: `key:value`. */
  label: oneOrMany(labelFilter, 'key:value').optional(),
  createdAfter: isoTime.optional(),
  createdBefore: isoTime.optional(),
  parentExecutionId: executionId.optional(),
  /** Executions that the workers of this NAME hold at that moment, their children not. */
  worker: workerName.optional(),
};

/** Selects executions: those that fit every part and have not ended. `{ all: true }` alone: every one. */
export const bulkFilter = z
  .strictObject({ ...someFilter, all: z.literal(true).optional() })
  .refine(({ labels, ...rest }) => Object.values({ ...rest, ...labels }).some((part) => part !== undefined), {
    message: "is empty; to cancel everything say so with 'all': true",
  })
  .refine(({ all, ...rest }) => !all || Object.values(rest).every((part) => part === undefined), {
    message: "has 'all' beside other parts; leave one of them out",
  });
export type BulkFilter = z.infer<typeof bulkFilter>;

export const MAX_RATE_PER_SECOND = 100_000;

/** A cancel of all that the workers of a name hold. */
export const cancelAllBody = z.strictObject({
  reason: reason.optional(),
  /** No grace period. */
  force: z.boolean().optional(),
  /** Each execution's own by default. */
  gracePeriod: duration.refine((value) => value <= 24 * 3_600_000, 'must be at most 24h').optional(),
});

export const bulkCancelBody = cancelAllBody.extend({
  filter: bulkFilter,
  /** Counts what would be cancelled and shows examples; writes nothing. */
  dryRun: z.boolean().optional(),
  /** The largest number of executions a second, over all replicas; without it as fast as it goes. */
  ratePerSecond: z.number().min(0.1).max(MAX_RATE_PER_SECOND).optional(),
});
export type BulkCancelBody = z.infer<typeof bulkCancelBody>;

export const bulkCancelResource = z.object({
  cancellationId: z.uuid(),
  state: z.enum(BULK_STATES),
  /** The filter as it was asked for; `null` where an event chose the executions. */
  filter: z.record(z.string(), z.unknown()).nullable(),
  event: z.object({ name: z.string(), key: z.string() }).nullable(),
  requestedBy: z.string(),
  reason: z.string().nullable(),
  force: z.boolean(),
  /** Milliseconds; `null`: each execution's own. */
  gracePeriodMs: z.number().nullable(),
  ratePerSecond: z.number().nullable(),
  /** When the snapshot was taken: what is started later is not part of it. */
  createdAt: isoTime,
  /** When the last execution had its outcome. One that was stopped still waits for those it had asked. */
  finishedAt: isoTime.nullable(),
  counts: bulkCounts,
});
export type BulkCancelResource = z.infer<typeof bulkCancelResource>;

/** An execution that a dry run found. */
export const bulkExample = z.object({
  executionId,
  workflowName,
  state: executionState,
  labels: z.record(z.string(), z.string()),
  createdAt: isoTime,
});
export type BulkExample = z.infer<typeof bulkExample>;

export const bulkPreviewResource = z.object({
  dryRun: z.literal(true),
  total: count,
  /** How many in each state; a state without one is left out. */
  byState: z.partialRecord(executionState, count),
  /** The oldest ones. */
  examples: z.array(bulkExample),
});
export type BulkPreviewResource = z.infer<typeof bulkPreviewResource>;

export const bulkCancelPage = pageOf(bulkCancelResource);
export type BulkCancelPage = z.infer<typeof bulkCancelPage>;

export const bulkItemResource = z.object({
  executionId,
  outcome: bulkOutcome,
  /** `null` once it is gone. */
  workflowName: workflowName.nullable(),
  /** The execution's present state; `null` once it is gone. */
  state: executionState.nullable(),
});
export type BulkItemResource = z.infer<typeof bulkItemResource>;
export const bulkItemPage = pageOf(bulkItemResource);
export type BulkItemPage = z.infer<typeof bulkItemPage>;

export const bulkStopQuery = z.strictObject({
  undo: flag.optional().describe('Takes back, too, what has not been signalled; outcome `undone`.'),
  reason: reason.optional().describe('Why it is taken back, for the histories.'),
});
export type BulkStopQuery = z.infer<typeof bulkStopQuery>;

export const bulkListQuery = z.strictObject({
  limit: pageLimit.default(50),
  cursor: z.uuid().optional().describe(cursorText),
});
export type BulkListQuery = z.infer<typeof bulkListQuery>;

export const bulkItemsQuery = z.strictObject({
  limit: pageLimit.default(50),
  cursor: z
    .string()
    .regex(/^\d{1,9}$/, 'must be the nextCursor of a page')
    .transform(Number)
    .optional()
    .describe(cursorText),
  outcome: oneOrMany(bulkOutcome, `one of ${BULK_OUTCOMES.join(', ')}`)
    .optional()
    .describe('Any of these; repeat it for several.'),
});
export type BulkItemsQuery = z.infer<typeof bulkItemsQuery>;
