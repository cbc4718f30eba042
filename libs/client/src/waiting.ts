import { DEFAULT_SYNC_TIMEOUT_MS, type ExecutionResource } from '@flux/contracts';
import { isTerminal, parseDuration } from '@flux/domain';
import { isInterrupted, isPassing } from './failures.js';
import { pause } from './pause.js';
import type { WaitedExecution, WaitOptions } from './types.js';

/** Node's fetch gives up on an answer after 5 minutes, proxies often after 1: a wait is cut into slices. */
const SLICE_MS = 60_000;
/** The pause between two requests of which the first was answered early: a server that stops does so. */
const PAUSE_MS = 500;

/**
 * Repeats a sync request until the execution has finished or the time is up. `ask` gets the slice's length and
 * how many answers there have been; a connection lost in between counts as none.
 */
export async function waitInSlices(
  options: WaitOptions,
  ask: (sliceMs: number, answers: number) => Promise<ExecutionResource>,
): Promise<WaitedExecution> {
  const timeoutMs = options.timeout === undefined ? DEFAULT_SYNC_TIMEOUT_MS : parseDuration(options.timeout);
  const deadline = performance.now() + timeoutMs;
  let answers = 0;
  let reached = false;
  for (;;) {
    const begun = performance.now();
    try {
      const execution = await ask(Math.max(0, Math.ceil(Math.min(deadline - begun, SLICE_MS))), answers);
      answers += 1;
      if (isTerminal(execution.state)) return { execution, finished: true };
      if (performance.now() >= deadline) return { execution, finished: false };
    } catch (error) {
      // A server that was never reached is a wrong address; one that was may be restarting.
      reached ||= answers > 0 || isInterrupted(error);
      if (!reached || !isPassing(error) || performance.now() >= deadline) throw error;
    }
    const early = PAUSE_MS - (performance.now() - begun);
    if (early > 0) await pause(Math.min(early, Math.max(0, deadline - performance.now())), options.signal);
  }
}
