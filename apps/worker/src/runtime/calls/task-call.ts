import type { CheckpointEvent } from '@flux/contracts';
import { TaskError, type TaskContext } from '@flux/sdk';
import { errorInfo } from '../values/error-info.js';
import type { ExecutionHost } from '../host.js';
import { decode, encode } from '../values/encoding.js';
import { ProgressMeter } from './progress-meter.js';
import type { RecordedResult } from '../replay/recorded.js';
import type { TaskResult } from './tries.js';

export type TaskEvent = Extract<CheckpointEvent, { type: 'task_completed' | 'task_failed' }>;
type CompletedEvent = Pick<Extract<TaskEvent, { type: 'task_completed' }>, 'output' | 'outputTypes'>;
type CallFacts = Pick<TaskEvent, 'callId' | 'name' | 'startedAt' | 'inCleanup'>;

/** The context of tasks beside what is one call's own. */
export type SharedContext = Omit<TaskContext, 'signal' | 'progress'>;

/** Runs `fn` with the context of one call, whose progress goes to `host` until `fn` has settled. */
export async function withTaskContext<T>(
  shared: SharedContext,
  call: { readonly callId: string; readonly name: string },
  host: ExecutionHost,
  fn: (context: Omit<TaskContext, 'signal'>) => Promise<T>,
): Promise<T> {
  const meter = new ProgressMeter((value) => host.progress(call, value));
  const progress = (value: unknown): void =>
    meter.report(encode(value, `a progress of task '${call.name}'`, host.maxPayloadBytes).json);
  try {
    return await fn({ ...shared, progress });
  } finally {
    meter.close();
  }
}

/** The event that records how a task ended; an output that cannot be recorded is a failure. */
export function taskEvent(call: CallFacts, result: TaskResult, limitBytes: number): TaskEvent {
  const facts = { ...call, tries: result.tries, at: Date.now() };
  if (!result.ok) return { type: 'task_failed', ...facts, error: errorInfo(result.error) };
  try {
    const { json, types } = encode(result.output, `the output of task '${call.name}'`, limitBytes);
    const note = 'fallbackFor' in result ? { fallbackFor: errorInfo(result.fallbackFor) } : {};
    return { type: 'task_completed', ...facts, output: json, ...(types && { outputTypes: types }), ...note };
  } catch (error) {
    return { type: 'task_failed', ...facts, error: errorInfo(error) };
  }
}

/**
 * The value that `ctx.run` returns for a result, be it of now or recorded.
 * @throws TaskError for a failure
 */
export function outcome(taskName: string, result: RecordedResult | TaskEvent): unknown {
  if (result.type === 'task_failed') throw new TaskError(taskName, result.error);
  return outputOf(result);
}

/** The value that a completed task returned. */
export function outputOf(completed: CompletedEvent): unknown {
  return decode({ json: completed.output, types: completed.outputTypes });
}
