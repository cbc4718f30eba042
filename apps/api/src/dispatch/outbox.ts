import type { CancelNotice } from '@flux/contracts';

/** A cancel notice whose remaining time is counted when it is sent. */
export type PendingNotice = Omit<CancelNotice, 'remainingMs'> & { readonly deadlineAt: number };

/** What is published after a commit. */
export type OutboxMessage =
  | {
      readonly kind: 'run';
      readonly target: string;
      readonly body: { executionId: string; workflowName: string };
    }
  | { readonly kind: 'cancel'; readonly target: string; readonly body: PendingNotice }
  | {
      readonly kind: 'pause';
      readonly target: string;
      readonly body: { executionId: string; attempt: number };
    };

/** A message with its row in the table `outbox`. */
export type OutboxRow = OutboxMessage & { readonly id: string };

/** How long a row belongs to whoever wrote or took it, before the sweep takes it; milliseconds. */
export const OUTBOX_LEASE_MS = 1_500;

/** The execution waits for a worker. */
export function runMessage(executionId: string, workflowName: string): OutboxMessage {
  return { kind: 'run', target: workflowName, body: { executionId, workflowName } };
}
