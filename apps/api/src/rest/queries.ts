import { eventsQuery } from '@flux/contracts';
import { z } from 'zod';

/** The events query with its cursor read: the number of the last event that was seen. */
export const eventsQueryWithSeq = eventsQuery.extend({
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'must be the nextCursor of an earlier page')
    .transform(Number)
    .optional(),
});
export type EventsQuery = z.output<typeof eventsQueryWithSeq>;
