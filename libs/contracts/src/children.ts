import { PARENT_CANCEL_POLICIES } from '@flux/domain';
import { z } from 'zod';
import {
  cancelCause,
  errorInfo,
  executionId,
  jsonValue,
  labels,
  valueTypes,
  workflowName,
} from './values.js';

/** What the cancel of a parent does to this child. */
export const onParentCancel = z.enum(PARENT_CANCEL_POLICIES);

/** The child of a call, as its parent's record has it. */
export const childLink = z.object({ executionId, workflowName, onParentCancel });
export type ChildLink = z.infer<typeof childLink>;

/** A child that a body starts; its id is the runner's. */
export const childStart = childLink.extend({
  input: jsonValue,
  labels,
  /** Its own time limit in milliseconds; `null`: its workflow's. */
  timeoutMs: z.int().min(1).nullable(),
  /** By `ctx.call`, which waits for it and takes it along when the parent ends; otherwise by `ctx.start`. */
  called: z.boolean(),
  /** In a shield or a cancel handler: out of the cancel's reach. */
  shielded: z.boolean(),
});
export type ChildStart = z.infer<typeof childStart>;

/** How a child ended, as its parent gets to know it. */
export const childEnd = z.discriminatedUnion('state', [
  z.object({ state: z.literal('COMPLETED'), output: jsonValue, outputTypes: valueTypes.optional() }),
  z.object({ state: z.literal('FAILED'), error: errorInfo }),
  z.object({
    state: z.literal('CANCELLED'),
    requestedBy: z.string(),
    reason: z.string().nullable(),
    cause: cancelCause,
  }),
  /** It never began: there is no such workflow, its input does not fit, or its id is taken. */
  z.object({ state: z.literal('REFUSED'), error: errorInfo, child: childLink }),
]);
export type ChildEnd = z.infer<typeof childEnd>;
