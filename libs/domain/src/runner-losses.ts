/** The runners of an execution may die this often in a row without a new result between. */
export const RUNNER_LOSS_LIMIT = 5;

/** The code of the error of a runner whose heap was full, which is Node's for threads. */
export const OUT_OF_MEMORY = 'ERR_WORKER_OUT_OF_MEMORY';

/** Workers that died are counted in hundreds, beside the runners. */
const WORKER = 100;
/** So many workers died with an execution that it gets a process of its own. Machines die; twice in a row is odd. */
const ODD_WORKER_LOSSES = 2;

/**
 * How many runners died of an execution in a row, as far as is known, after one more did. One that died with the
 * execution alone counts; of one that died in company any of those in it may be the cause, so that counts as one at most:
 * enough for the execution to get a runner of its own the next time, where the guilty show and nobody else is harmed. A heap
 * that an execution has filled alone, it will fill again, and that takes long: the second time that memory is full is the
 * last.
 * @param died `undefined` when the worker killed the runner, which says nothing about this execution
 * @param code the code of the error that the runner died of
 */
export function countRunnerLoss(
  losses: number,
  died: 'alone' | 'in_company' | undefined,
  code?: string | null,
): number {
  if (died === undefined) return losses;
  const runners = losses % WORKER;
  if (died === 'in_company') return losses - runners + Math.max(runners, 1);
  return losses + (code === OUT_OF_MEMORY ? RUNNER_LOSS_LIMIT - 1 : 1);
}

/** The losses after one more worker died that held the execution. */
export function countWorkerLoss(losses: number): number {
  return losses < ODD_WORKER_LOSSES * WORKER ? losses + WORKER : losses;
}

/** Takes a {@link countWorkerLoss} back: the worker had only been cut off. */
export function forgiveWorkerLoss(losses: number): number {
  return losses < WORKER ? losses : losses - WORKER;
}

/** Whether an execution has cost as many runners as it may. Workers do not count: in a process of its own it costs none. */
export function isLossLimit(losses: number): boolean {
  return losses % WORKER >= RUNNER_LOSS_LIMIT;
}

/** Where an execution with these losses runs next: away from others, and maybe where it cannot harm its worker either. */
export function isolationOf(losses: number): { readonly isolate: boolean; readonly ownProcess: boolean } {
  const ownProcess = losses >= ODD_WORKER_LOSSES * WORKER;
  return { isolate: ownProcess || losses % WORKER > 0, ownProcess };
}
