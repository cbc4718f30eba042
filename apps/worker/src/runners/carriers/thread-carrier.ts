import { Worker } from 'node:worker_threads';
import { megabytes, type OpenCarrier } from './carrier.js';

/** The compiled entry: Node cannot start a thread from code that a test's loader compiles in memory. */
const ENTRY = new URL('../../../dist/inside-runner/runner-thread.js', import.meta.url);

/** A worker thread of this process. */
export const openThread: OpenCarrier = (data, listener) => {
  const thread = new Worker(ENTRY, {
    workerData: data,
    name: 'flux-runner',
    resourceLimits:
      data.memoryBytes === undefined ? {} : { maxOldGenerationSizeMb: megabytes(data.memoryBytes) },
  });
  let failure: Error | undefined;
  thread.on('message', (message: unknown) => listener.onMessage(message));
  thread.on('error', (error: Error) => (failure = error));
  thread.once('exit', () => listener.onDeath(failure));
  return {
    post: (messages) => thread.postMessage(messages),
    kill: () => void thread.terminate(),
  };
};
