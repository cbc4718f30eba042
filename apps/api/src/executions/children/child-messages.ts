import type { ChildEnd, ChildFinished, ValueTypes } from '@flux/contracts';
import type { OutboxMessage } from '../../dispatch/outbox.js';
import type { ExecutionRecord, ExecutionRow } from '../execution-row.js';

/** The message to the owner that a child has ended; none without an owner. */
export function childMessages(row: ExecutionRow, entry: ChildFinished): OutboxMessage[] {
  const { id: executionId, attempt, workerId } = row;
  return workerId === null
    ? []
    : [{ kind: 'child', target: workerId, body: { executionId, attempt, entry } }];
}

/** A child that has ended. `outputTypes` tell what of its output JSON cannot say. */
export type EndedChild = ExecutionRecord & { readonly outputTypes: ValueTypes | undefined };

/** How it ended. */
export function childEndOf({ state, output, outputTypes, error, cancellation }: EndedChild): ChildEnd {
  if (state === 'COMPLETED') return { state, output: output ?? null, ...(outputTypes && { outputTypes }) };
  if (state === 'FAILED') return { state, error: error ?? { name: 'Error', message: 'not known' } };
  const { requestedBy = 'flux', reason = null, cause = 'request' } = cancellation ?? {};
  return { state: 'CANCELLED', requestedBy, reason, cause };
}
