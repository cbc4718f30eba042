import type { NamedWorkers, WorkerHold, WorkerResource } from '@flux/client';
import { age } from './times.js';

/** The state of a worker, with what it was asked by hand. */
export function shownState({ state, byHand, running }: WorkerResource): string {
  if (state !== 'running' || !byHand) return state;
  if (byHand.wish === 'pause') return 'paused';
  return running > 0 ? 'draining' : 'drained';
}

/** Who asked it, when and why. */
export function holdWords({ requestedBy, since, reason }: WorkerHold): string {
  return `${requestedBy} ${age(since)} ago${reason === null ? '' : `: ${reason}`}`;
}

/** The workers of a name that are up, and what they were asked. */
export function namedLines({ name, byHand, workers }: NamedWorkers): string[] {
  const up = workers.filter(({ state }) => state === 'running' || state === 'draining');
  const told = byHand ? `takes nothing new: ${byHand.wish} by ${holdWords(byHand)}` : 'takes executions';
  if (up.length === 0)
    return [`${name} ${told}`, '  no worker of that name is up; one that is started obeys it'];
  return [
    `${name} ${told}`,
    ...up.map((worker) => `  ${worker.workerId}  ${shownState(worker)}, ${worker.running} running`),
  ];
}
