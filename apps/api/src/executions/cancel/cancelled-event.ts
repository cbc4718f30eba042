import type { Cancellation, ExecutionRow, NewEvent } from '../execution-row.js';
import { isoOrNull } from '../iso-or-null.js';

/** A cancel whose end is known. */
export type EndedCancellation = Cancellation & { readonly finalizedAt: number };

/** The event that ends a cancelled execution. It is made from the cancellation, so that both say the same. */
export function cancelledEvent(row: ExecutionRow, cancellation: EndedCancellation): NewEvent {
  const { cleanup, forced, cleanupError, deliveredAt, stoppedAt, finalizedAt } = cancellation;
  return {
    type: 'execution_cancelled',
    at: finalizedAt,
    attempt: row.attempt,
    data: {
      cleanup,
      forced,
      cleanupError: cleanupError ?? null,
      deliveredAt: isoOrNull(deliveredAt),
      stoppedAt: isoOrNull(stoppedAt),
    },
  };
}
