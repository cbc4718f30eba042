import type { ErrorInfo } from '@flux/contracts';
import { errorInfo } from './error-info.js';
import type { ExecutionHost } from './host.js';
import type { CompletedTask, Rollbacks } from './rollbacks.js';
import type { Scope } from './scope.js';
import { withTaskContext, type SharedContext } from './task-call.js';

/** What undoing needs of its execution. */
export interface UndoEnvironment {
  readonly context: SharedContext;
  readonly host: ExecutionHost;
  /** Another attempt owns the execution: the rest is that attempt's to undo. */
  isStopped(): boolean;
  /** Runs `fn` out of the cancel's reach, in a scope of that task's own. */
  shield<T>(callId: string, fn: (scope: Scope) => Promise<T>): Promise<T>;
  onError(error: unknown): void;
}

/**
 * Runs the rollbacks that are left, newest task first, one after the other; each is on record before the next
 * begins. One that fails does not keep the others from running. Never rejects.
 */
export async function undoAll(rollbacks: Rollbacks, environment: UndoEnvironment): Promise<void> {
  for (const error of rollbacks.recordedErrors()) environment.onError(error);
  for (const step of rollbacks.pending()) {
    if (environment.isStopped()) return;
    // Only a stop lets an error out of the shield: `undo` catches those of the rollback.
    await environment.shield(step.callId, (scope) => undo(step, scope, environment)).catch(() => undefined);
  }
}

async function undo(step: CompletedTask, scope: Scope, environment: UndoEnvironment): Promise<void> {
  const { host, context } = environment;
  const { task, input, output } = step;
  const call = { callId: step.callId, name: task.name };
  let error: ErrorInfo | null = null;
  try {
    await withTaskContext(context, call, host, async (own) =>
      task.rollback?.({ ...own, signal: scope.signal }, input as never, output as never),
    );
  } catch (fault) {
    error = errorInfo(fault);
  }
  if (scope.signal.aborted) return;
  if (error) environment.onError(error);
  await scope.guard(host.record({ type: 'rollback_finished', ...call, error, at: Date.now() }));
}
