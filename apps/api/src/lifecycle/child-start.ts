import type { CheckpointEvent, ChildStart, ErrorInfo, WorkflowDefinition } from '@flux/contracts';
import { transition } from '@flux/domain';
import { decideCancel, type Cancel } from './cancel.js';
import { followed, type Change, type NewEvent, type NewExecution } from './change.js';
import { decideChildCancel } from './child-cancel.js';
import { childrenOf, isAwaited, withChildren } from './children.js';
import { factsOf, type CancelLimits, type ExecutionRow, type ParentLink } from './execution.js';
import { childMessages, offerMessages } from './messages.js';
import { newExecution } from './start.js';
import { isCleanup, nextResend } from './timing.js';

/** Whether a child may be started: looked up before the decision, which is pure. */
export type ChildVerdict =
  | {
      readonly ok: true;
      readonly definition: WorkflowDefinition;
      readonly limits: CancelLimits;
      /** How many executions may be above one. */
      readonly maxDepth: number;
      /** A bulk cancel under way that the parent must not outrun. */
      readonly bar?: Cancel | undefined;
    }
  | { readonly ok: false; readonly error: ErrorInfo };

/**
 * The body of an execution calls another workflow: the child begins in the same transaction, and is cancelled in it
 * where the parent's cancel is under way and reaches it. One that may not be started is recorded as refused.
 */
export function applyChildStart(
  progress: Change,
  event: StartEvent,
  verdict: ChildVerdict,
  now: number,
): Change | undefined {
  const { row } = progress;
  const move = transition(row.state, 'start_child', factsOf(row));
  if (move.kind === 'refuse') return undefined;
  const moved = { ...progress, row: { ...row, state: move.to } };
  if (!verdict.ok) return refuse(moved, event, verdict.error, now);
  if (depthOf(row) >= verdict.maxDepth) return refuse(moved, event, tooDeep(verdict.maxDepth), now);
  return begin(moved, event, verdict, now);
}

/** How many executions are above it. */
function depthOf({ parent }: ExecutionRow): number {
  return parent ? (parent.depth ?? 1) : 0;
}

function tooDeep(maxDepth: number): ErrorInfo {
  const message = `no more than ${maxDepth} executions may be above one: raise FLUX_MAX_DEPTH if the tree has to be deeper`;
  return { code: 'TREE_TOO_DEEP', name: 'FluxError', message };
}

function begin(
  progress: Change,
  { callId, name, child }: StartEvent,
  { definition, limits, bar }: Extract<ChildVerdict, { ok: true }>,
  now: number,
): Change {
  const { row } = progress;
  const { called, shielded, onParentCancel, workflowName, inputTypes } = child;
  const rootExecutionId = row.parent?.rootExecutionId ?? row.id;
  const parent: ParentLink = {
    executionId: row.id,
    rootExecutionId,
    callId,
    name,
    onParentCancel,
    called,
    shielded,
    depth: depthOf(row) + 1,
    ...(isForCleanup(row, child) && { cleanup: true }),
    ...(inputTypes && { inputTypes }),
  };
  const start = newChild(child, parent, definition, now);
  // The child was never claimed, so nothing of it ever runs.
  const caught =
    decideChildCancel(row, start.record, false, limits, now) ??
    (bar ? barred(start, bar, limits, now) : null);
  const { open, awaited } = childrenOf(row);
  const next = withChildren(row, { open: open + 1, awaited: awaited + (isAwaited(parent) ? 1 : 0) });
  const data = { callId, name, executionId: child.executionId, workflowName, onParentCancel };
  const started: NewEvent = { type: 'child_started', at: now, attempt: row.attempt, data };
  return {
    ...followed(progress, {
      row: next,
      events: [started],
      outbox: caught ? [] : offerMessages(start.record),
    }),
    children: [...(progress.children ?? []), { start, caught }],
  };
}

/** What only is started, and left alone, is part of no cleanup: nothing waits for it. */
function isForCleanup({ parent }: ExecutionRow, child: ChildStart): boolean {
  const isWaitedFor = child.called || child.onParentCancel !== 'abandon';
  return isWaitedFor && (child.shielded || parent?.cleanup === true);
}

function barred({ record }: NewExecution, bar: Cancel, limits: CancelLimits, now: number): Change | null {
  const decision = decideCancel(record, bar, limits, now);
  return decision.kind === 'accepted' ? decision.change : null;
}

function newChild(
  child: ChildStart,
  parent: ParentLink,
  definition: WorkflowDefinition,
  now: number,
): NewExecution {
  const { workflowName, input, executionId, labels, timeoutMs } = child;
  const start = newExecution(
    {
      workflowName,
      input,
      executionId,
      labels,
      idempotencyKey: undefined,
      timeoutMs: timeoutMs ?? undefined,
      requestedBy: `parent:${parent.executionId}`,
    },
    definition,
    now,
  );
  const { executionId: parentExecutionId, rootExecutionId } = parent;
  const record = { ...start.record, parent, parentExecutionId, rootExecutionId };
  return { ...start, record: { ...record, nextDispatchAt: nextResend(isCleanup(record), now, 0) } };
}

function refuse(progress: Change, event: StartEvent, error: ErrorInfo, now: number): Change {
  const { row } = progress;
  const { callId, name, child } = event;
  const number = childrenOf(row).finished + 1;
  const { executionId, workflowName, onParentCancel } = child;
  const link = { executionId, workflowName, onParentCancel };
  const data = { callId, name, ...link, number, error };
  const next = withChildren(row, { finished: number });
  const end = { state: 'REFUSED', error, child: link } as const;
  const entry = { callId, name, number, end, at: now };
  return followed(progress, {
    row: next,
    events: [{ type: 'child_refused', at: now, attempt: row.attempt, data }],
    outbox: childMessages(next, { type: 'child_finished', ...entry }),
  });
}

export type StartEvent = Extract<CheckpointEvent, { type: 'child_started' }>;

/** The verdicts about the children that a batch of checkpoints starts. */
export type ChildVerdictOf = (event: StartEvent) => ChildVerdict;
