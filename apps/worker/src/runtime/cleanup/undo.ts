import type { ErrorInfo } from '@flux/contracts';
import type { CallEnvironment } from '../calls/environment.js';
import { withTaskContext } from '../calls/task-call.js';
import type { Scope } from '../scope.js';
import { errorInfo } from '../values/error-info.js';
import type { CompletedTask } from './rollbacks.js';

/** Runs the rollback of one task in `scope`, a shield of its own. Rejects when the execution is stopped, not before. */
export async function undo(
  step: CompletedTask,
  scope: Scope,
  { context, host }: Pick<CallEnvironment, 'context' | 'host'>,
  onError: (error: unknown) => void,
): Promise<void> {
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
  if (error) onError(error);
  await scope.guard(host.record({ type: 'rollback_finished', ...call, error, at: Date.now() }));
}
