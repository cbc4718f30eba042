import type { CheckpointEvent, ErrorInfo, FinishedEvent } from '@flux/contracts';
import { countRunnerLoss, RUNNER_LOSS_LIMIT } from '@flux/domain';
import { applyFinish, applyHandBack } from './apply-event.js';
import type { Progress } from './end-cancelled.js';

type HandBack = Extract<CheckpointEvent, { type: 'handed_back' }>;

/**
 * The owner gives it back: for another one to run, or, once its runners have died of it again and again, for nobody: it
 * has failed, or its cleanup has.
 */
export function applyReturn(
  progress: Progress,
  event: HandBack,
  workerId: string,
  now: number,
): Progress | undefined {
  const runnerLosses = countRunnerLoss(progress.row.runnerLosses, event.died);
  const counted = { ...progress, row: { ...progress.row, runnerLosses } };
  if (runnerLosses < RUNNER_LOSS_LIMIT) return applyHandBack(counted, event.reason, workerId, now);
  const { row } = counted;
  const data = { reason: event.reason, workerId };
  const returned = { type: 'execution_handed_back' as const, at: now, attempt: row.attempt, data };
  const ended = endOf(row.state === 'CANCELLING', event.at);
  return applyFinish({ ...counted, events: [...counted.events, returned] }, ended, now);
}

function endOf(cancelling: boolean, at: number): FinishedEvent {
  const error: ErrorInfo = {
    code: 'RUNNER_LOST',
    name: 'RunnerLostError',
    message:
      `its runner died ${RUNNER_LOSS_LIMIT} times in a row without a new result: the workflow runs out of memory, ` +
      "ends its process, or crashes in native code; the workers' logs tell which",
  };
  return {
    type: 'finished',
    outcome: cancelling ? 'cancelled' : 'failed',
    signalled: cancelling,
    output: null,
    error: cancelling ? null : error,
    cleanup: cancelling ? 'failed' : null,
    cleanupError: cancelling ? error : null,
    forced: false,
    at,
  };
}
