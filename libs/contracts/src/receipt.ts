import { z } from 'zod';
import { programEnd, taskInterruption } from './history.js';
import { cancellationResource } from './rest.js';
import {
  callResult,
  cursorText,
  deathCause,
  errorInfo,
  executionId,
  executionState,
  isoTime,
  pageOf,
  workflowName,
} from './values.js';

const begun = z.object({ ...callResult, startedAt: isoTime, inCleanup: z.boolean(), rollback: z.boolean() });
const recorded = z.object({
  /** The number of its event in the history. */
  seq: z.int().min(1),
  at: isoTime,
  attempt: z.int().min(0),
});
const task = recorded.extend(callResult);

/** A part of a receipt: how many there are of all, and a page of them, oldest first. */
const part = <T extends z.ZodType>(item: T) => pageOf(item).extend({ count: z.int().min(0) });

/** The account of what became of an execution: what was done, what undone, and what has an unknown effect. */
export const executionReceipt = z.object({
  executionId,
  workflowName,
  state: executionState,
  /** False: it goes on, and this is how far it is. */
  isOver: z.boolean(),
  attempt: z.int().min(0),
  createdAt: isoTime,
  startedAt: isoTime.nullable(),
  finishedAt: isoTime.nullable(),
  /** Who stopped it and why, each step with its time, and what the cleanup said; `null`: nobody did. */
  cancellation: cancellationResource.omit({ bodyOutput: true, bodyError: true }).nullable(),
  completed: part(task),
  failed: part(task.extend({ error: errorInfo })),
  /** Rollbacks of completed tasks, each with the error that it threw. */
  undone: part(task.extend({ error: errorInfo.nullable() })).extend({
    /** How many of all threw. */
    failures: z.int().min(0),
  }),
  /** Tasks that had begun and were cut off without a result: their effect is unknown. */
  cutOff: part(
    task.extend({
      ...taskInterruption,
      startedAt: isoTime,
      /** A later attempt has made that call again, and its result is on record. */
      madeAgain: z.boolean(),
    }),
  ),
  /** Programs that were still there and were ended with it, or live on (`detached`); absent: of an older server. */
  programs: part(recorded.extend(programEnd)).optional(),
  /** Tasks that have begun and not ended, as far as that is on record; the first of them. */
  underWay: z.object({ count: z.int().min(0), items: z.array(begun) }),
  /** Each time that an owner lost it or gave it back. */
  lostOwners: part(
    recorded.extend({
      workerId: z.string(),
      /** `lost`: the worker was gone; `unreported`: it did not tell of the end; else why the worker gave it back. */
      why: z.enum(['lost', 'unreported', 'drain', 'runner_lost', 'cut_off']),
      cause: deathCause.optional(),
    }),
  ),
});
export type ExecutionReceipt = z.infer<typeof executionReceipt>;

export const receiptQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100).describe('Of each part.'),
  cursor: z.string().optional().describe(`${cursorText} Its part goes on there.`),
});
