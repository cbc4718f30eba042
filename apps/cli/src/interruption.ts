import type { FluxClient } from '@flux/client';
import { Interrupted } from './errors.js';

const LOOK_MS = 2000;

/**
 * Runs `work` with a signal that the first Ctrl-C aborts; rejects then with `Interrupted`. A second Ctrl-C ends
 * the process at once.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onInterrupt = (): void => controller.abort(new Interrupted());
  process.once('SIGINT', onInterrupt);
  try {
    return await work(controller.signal);
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
}

/**
 * What goes on after a wait was given up, as the server has it at this moment: giving up tells nobody but the
 * user, so what was accepted goes on.
 */
export async function whatGoesOn(
  client: FluxClient,
  workflowName: string,
  executionId: string,
): Promise<string> {
  const status = `flux workflow status ${workflowName} ${executionId}`;
  try {
    const { state } = await client.get(workflowName, executionId, { signal: AbortSignal.timeout(LOOK_MS) });
    if (state === 'CANCELLING') return `the cancellation of execution ${executionId} goes on: ${status}`;
    if (['COMPLETED', 'FAILED', 'CANCELLED'].includes(state)) {
      return `execution ${executionId} has ended ${state}: ${status}`;
    }
    return `execution ${executionId} goes on (${state}): ${status}`;
  } catch {
    return `what the server has accepted of execution ${executionId} goes on: ${status}`;
  }
}
