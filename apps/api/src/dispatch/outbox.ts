import type { CancelNotice, ChildMessage, MessageBody } from '@flux/contracts';

/** A cancel notice whose remaining time is counted when it is sent. */
export type PendingNotice = Omit<CancelNotice, 'remainingMs'> & { readonly deadlineAt: number };

/** What is published after a commit. */
export type OutboxMessage =
  | {
      readonly kind: 'run';
      readonly target: string;
      readonly body: MessageBody<'run'>;
    }
  /** For one worker that answers, beside the `run` that waits for any. */
  | { readonly kind: 'offer'; readonly target: string; readonly body: MessageBody<'run'> }
  | { readonly kind: 'cancel'; readonly target: string; readonly body: PendingNotice }
  | {
      readonly kind: 'pause';
      readonly target: string;
      readonly body: { executionId: string; attempt: number };
    }
  | { readonly kind: 'child'; readonly target: string; readonly body: ChildMessage }
  | FamilyMessage;

/** What the api does itself, about the execution `target`, whose children it has. */
export type FamilyMessage =
  /** That child of it has ended. */
  | { readonly kind: 'child_ended'; readonly target: string; readonly body: { executionId: string } }
  /** It is cancelled, with force or more force than before, or has ended: its children too, by their policy. */
  | { readonly kind: 'cancel_children'; readonly target: string; readonly body: { force: boolean } };

export const FAMILY_KINDS: readonly OutboxMessage['kind'][] = ['child_ended', 'cancel_children'];

/** A message with its row in the table `outbox`. */
export type OutboxRow = OutboxMessage & { readonly id: string };

export type FamilyRow = FamilyMessage & { readonly id: string };

/** How long a row belongs to whoever wrote or took it, before the sweep takes it; milliseconds. */
export const OUTBOX_LEASE_MS = 1_500;

/** What finds an execution a worker. */
export interface Dispatched {
  readonly id: string;
  readonly workflowName: string;
  /** `null` before its first claim, and without one. */
  readonly workflowVersion: string | null;
  readonly attempt: number;
}

/** The execution waits for a worker; once it has begun, for one that has the version it began on. */
export function runMessage(waiting: Dispatched): OutboxMessage {
  return { kind: 'run', target: waiting.workflowName, body: runBody(waiting) };
}

/**
 * What finds an execution a worker where time is short. A frozen worker stays a consumer until the broker misses its
 * heartbeats, so its queue may give it what it cannot take: then this goes past the queue.
 */
export function urgentMessages(waiting: Dispatched): OutboxMessage[] {
  const { workflowName } = waiting;
  return [runMessage(waiting), { kind: 'offer', target: workflowName, body: runBody(waiting) }];
}

function runBody({ id, workflowName, workflowVersion, attempt }: Dispatched): MessageBody<'run'> {
  const begun = attempt > 0 ? { version: workflowVersion } : {};
  return { executionId: id, workflowName, ...begun };
}
