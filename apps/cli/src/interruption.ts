import type { FluxClient } from '@flux/client';
import { Interrupted } from './errors.js';
import { EXIT } from './exit-codes.js';
import { hasEnded } from './output/style.js';

const LOOK_MS = 2000;

/**
 * Runs `work` with a signal that the first Ctrl-C aborts; rejects then with `Interrupted`. A second Ctrl-C ends
 * the process at once.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onInterrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort(new Interrupted());
  };
  // The listener stays after the first signal: the spinner's own one ends the process when it finds itself alone.
  process.on('SIGINT', onInterrupt);
  try {
    return await work(controller.signal);
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
}

/**
 * The execution that goes on after a wait was given up, as the server has it at this moment: giving up tells nobody
 * but the user, so what was accepted goes on.
 */
export async function whatGoesOn(
  client: FluxClient,
  workflowName: string,
  executionId: string,
): Promise<string> {
  try {
    const { state } = await client.get(workflowName, executionId, { signal: AbortSignal.timeout(LOOK_MS) });
    if (state === 'CANCELLING') return `its cancellation goes on: execution ${executionId}`;
    if (hasEnded(state)) return `execution ${executionId} has ended ${state}`;
    return `execution ${executionId} goes on (${state})`;
  } catch {
    return `what the server has accepted of it goes on: execution ${executionId}`;
  }
}
