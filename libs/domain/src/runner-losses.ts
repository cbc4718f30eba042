/** So often in a row may the runners that have an execution die, without a new result of it between. */
export const RUNNER_LOSS_LIMIT = 5;

/**
 * How many runners died of an execution in a row, as far as is known, after one more did. One that died with the
 * execution alone counts; of one that died in company any of those in it may be the cause, so that counts as one at most:
 * enough for the execution to get a runner of its own the next time, where the guilty show and nobody else is harmed.
 * @param died `undefined` when the worker killed the runner, which says nothing about this execution
 */
export function countRunnerLoss(losses: number, died: 'alone' | 'in_company' | undefined): number {
  if (died === undefined) return losses;
  return died === 'alone' ? losses + 1 : Math.max(losses, 1);
}
