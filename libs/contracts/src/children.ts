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

/** The effect of a parent's cancel on this child. */
export const onParentCancel = z.enum(PARENT_CANCEL_POLICIES);

/** The child of a call, as its parent's record has it. */
export const childLink = z.object({ executionId, workflowName, onParentCancel });
export type ChildLink = z.infer<typeof childLink>;

/** A child that a body starts; its id is the runner's. */
export const childStart = childLink.extend({
  input: jsonValue,
  /** The types that the JSON of the input leaves out. */
  inputTypes: valueTypes.optional(),
  labels,
  /** The child's own time limit in milliseconds; `null`: its workflow's. */
  timeoutMs: z.int().min(1).nullable(),
  /** True for `ctx.call`, which waits for it and takes it along when the parent ends; otherwise by `ctx.start`. */
  called: z.boolean(),
  /** True in a shield or a cancel handler: the child is out of the cancel's reach. */
  shielded: z.boolean(),
});
export type ChildStart = z.infer<typeof childStart>;

/** The end of a child that began. */
export const childOutcome = z.discriminatedUnion('state', [
  z.object({ state: z.literal('COMPLETED'), output: jsonValue, outputTypes: valueTypes.optional() }),
  z.object({ state: z.literal('FAILED'), error: errorInfo }),
  z.object({
    state: z.literal('CANCELLED'),
    requestedBy: z.string(),
    reason: z.string().nullable(),
    cause: cancelCause,
  }),
]);
export type ChildOutcome = z.infer<typeof childOutcome>;

/** The end of a child, as its parent gets to know it. */
export const childEnd = z.discriminatedUnion('state', [
  childOutcome,
  /** The child never began: there is no such workflow, its input does not fit, or its id is taken. */
  z.object({ state: z.literal('REFUSED'), error: errorInfo, child: childLink }),
]);
export type ChildEnd = z.infer<typeof childEnd>;
