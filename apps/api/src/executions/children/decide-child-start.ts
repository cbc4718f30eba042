import type { ChildStart, CheckpointEvent, ErrorInfo, WorkflowDefinition } from '@flux/contracts';
import { transition } from '@flux/domain';
import type { Progress } from '../../checkpoints/end-cancelled.js';
import { decideCancel } from '../cancel/decide-cancel.js';
import { factsOf, type Change, type ExecutionRow, type NewEvent } from '../execution-row.js';
import { newExecution } from '../start/starter.js';
import type { NewExecution } from '../start/insert-values.js';
import { childrenOf, isAwaited, withChildren, type ParentLink } from './family.js';
import { cancelRequestOf } from './decide-child-cancel.js';
import { childMessages } from './child-messages.js';

type StartEvent = Extract<CheckpointEvent, { type: 'child_started' }>;

/** Whether a child may be started: looked up before the decision, which is pure. */
export type Admission =
  | { readonly ok: true; readonly definition: WorkflowDefinition; readonly defaultGraceMs: number }
  | { readonly ok: false; readonly error: ErrorInfo };

/**
 * The body of an execution calls another workflow: the child begins in the same transaction, and is cancelled in it
 * where the parent's cancel is under way and reaches it. One that may not be started is recorded as refused.
 */
export function applyChildStart(
  progress: Progress,
  event: StartEvent,
  admission: Admission,
  now: number,
): Progress | undefined {
  const { row } = progress;
  const move = transition(row.state, 'start_child', factsOf(row));
  if (move.kind === 'refuse') return undefined;
  return admission.ok
    ? begin({ ...progress, row: { ...row, state: move.to } }, event, admission, now)
    : refuse({ ...progress, row: { ...row, state: move.to } }, event, admission.error, now);
}

function begin(
  progress: Progress,
  { callId, name, child }: StartEvent,
  { definition, defaultGraceMs }: Extract<Admission, { ok: true }>,
  now: number,
): Progress {
  const { row } = progress;
  const { called, shielded, onParentCancel, workflowName } = child;
  const rootExecutionId = row.parent?.rootExecutionId ?? row.id;
  const parent: ParentLink = {
    ...{ executionId: row.id, rootExecutionId, callId, name },
    ...{ onParentCancel, called, shielded },
  };
  const start = newChild(child, parent, definition, now);
  const { open, awaited } = childrenOf(row);
  const next = withChildren(row, { open: open + 1, awaited: awaited + (isAwaited(parent) ? 1 : 0) });
  const data = { callId, name, executionId: child.executionId, workflowName, onParentCancel };
  const started: NewEvent = { type: 'child_started', at: now, attempt: row.attempt, data };
  return {
    ...progress,
    row: next,
    events: [...progress.events, started],
    children: [...(progress.children ?? []), { start, caught: caught(row, start, defaultGraceMs, now) }],
  };
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
      ...{ workflowName, input, executionId, labels },
      idempotencyKey: undefined,
      timeoutMs: timeoutMs ?? undefined,
      requestedBy: `parent:${parent.executionId}`,
    },
    definition,
    now,
  );
  const { executionId: parentExecutionId, rootExecutionId } = parent;
  return { ...start, record: { ...start.record, parent, parentExecutionId, rootExecutionId } };
}

/** Its cancel, where that of its parent has begun: it was never claimed, so nothing of it ever runs. */
function caught(
  parent: ExecutionRow,
  { record }: NewExecution,
  defaultGraceMs: number,
  now: number,
): Change | null {
  const request = cancelRequestOf(parent, record, false, defaultGraceMs, now);
  const decision = request && decideCancel(record as ExecutionRow, request, defaultGraceMs, now);
  return decision?.kind === 'accepted' ? decision.change : null;
}

function refuse(progress: Progress, event: StartEvent, error: ErrorInfo, now: number): Progress {
  const { row } = progress;
  const { callId, name, child } = event;
  const number = childrenOf(row).finished + 1;
  const { executionId, workflowName, onParentCancel } = child;
  const link = { executionId, workflowName, onParentCancel };
  const data = { callId, name, ...link, number, error };
  const next = withChildren(row, { finished: number });
  const end = { state: 'REFUSED', error, child: link } as const;
  const entry = { callId, name, number, end, at: now };
  return {
    ...progress,
    row: next,
    events: [...progress.events, { type: 'child_refused', at: now, attempt: row.attempt, data }],
    outbox: [...progress.outbox, ...childMessages(next, { type: 'child_finished', ...entry })],
  };
}
