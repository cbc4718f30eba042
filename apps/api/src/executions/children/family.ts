import type { FinishedEvent } from '@flux/contracts';
import { isTerminal, type ParentCancelPolicy } from '@flux/domain';
import type { FamilyMessage } from '../../dispatch/outbox.js';
import type { Change, ExecutionRow } from '../execution-row.js';
import type { NewExecution } from '../start/insert-values.js';

/** What a child knows of its parent; it never changes. */
export interface ParentLink {
  readonly executionId: string;
  readonly rootExecutionId: string;
  /** The call of the parent's body that started it. */
  readonly callId: string;
  readonly name: string;
  readonly onParentCancel: ParentCancelPolicy;
  /** By `ctx.call`. */
  readonly called: boolean;
  /** Started out of the cancel's reach. */
  readonly shielded: boolean;
}

/** What a parent knows of its children. */
export interface Children {
  /** Those that have not ended. */
  readonly open: number;
  /** Of them those that its cancel waits for. */
  readonly awaited: number;
  /** Whose end is on record, of those that were refused too. */
  readonly finished: number;
  /** How its own body ended, and where, while its cancel waits for children. */
  readonly held: { readonly event: FinishedEvent; readonly workerId: string | null } | null;
}

/** A child to be started, and at once cancelled where its parent's cancel is under way. */
export interface NewChild {
  readonly start: NewExecution;
  readonly caught: Change | null;
}

const NONE: Children = { open: 0, awaited: 0, finished: 0, held: null };

export function childrenOf(row: ExecutionRow): Children {
  return row.children ?? NONE;
}

/** The row with what it knows of its children changed. */
export function withChildren<Row extends ExecutionRow>(row: Row, changes: Partial<Children>): Row {
  return { ...row, children: { ...childrenOf(row), ...changes } };
}

/** Whether a cancel of its parent ends only after this child. */
export function isAwaited({ onParentCancel, shielded }: ParentLink): boolean {
  return onParentCancel === 'wait' && !shielded;
}

/** What a change of an execution means to its parent and its children: to be done once it is durable. Pure. */
export function familyMessages(before: ExecutionRow, after: ExecutionRow): FamilyMessage[] {
  const messages: FamilyMessage[] = [];
  const ended = isTerminal(after.state) && !isTerminal(before.state);
  if (ended && after.parent) {
    messages.push({ kind: 'child_ended', target: after.parent.executionId, body: { executionId: after.id } });
  }
  const cancel = cancelStep(before, after);
  if (childrenOf(after).open > 0 && (ended || cancel !== null)) {
    messages.push({ kind: 'cancel_children', target: after.id, body: { force: cancel === 'force' } });
  }
  return messages;
}

/** Whether the change began a cancel, or brought its deadline to now. */
function cancelStep(before: ExecutionRow, after: ExecutionRow): 'begin' | 'force' | null {
  if (!after.cancellation) return null;
  const { requestedAt, deadlineAt } = after.cancellation;
  if (!before.cancellation) return deadlineAt <= requestedAt ? 'force' : 'begin';
  return deadlineAt < before.cancellation.deadlineAt ? 'force' : null;
}
