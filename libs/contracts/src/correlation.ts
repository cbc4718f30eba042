import { z } from 'zod';
import { eventName, reason, storable } from './values.js';

/** Events that cancel the executions they are about, as REST has them. */

/** The most characters that an event's key has, and so that of an execution which it cancels. */
export const LONGEST_EVENT_KEY = 10_000;

export const eventBody = z.strictObject({
  name: eventName,
  /** The key that the event is about; a number or a boolean is the same as its text. */
  key: z
    .union(
      [storable(z.string().min(1).max(LONGEST_EVENT_KEY)), z.number(), z.boolean()],
      'must be a text, a number or a boolean',
    )
    .transform(String),
  reason: reason.optional(),
});
export type EventBody = z.infer<typeof eventBody>;

export const eventReceipt = z.object({
  name: eventName,
  key: z.string(),
  /** How many it cancels. */
  executions: z.int().min(0),
  /** The bulk cancel that does it; `null` where there is nothing to cancel. */
  cancellationId: z.uuid().nullable(),
});
export type EventReceipt = z.infer<typeof eventReceipt>;
