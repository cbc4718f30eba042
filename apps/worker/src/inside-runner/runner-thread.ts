/** Entry of a runner that is a worker thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { RunnerData, ToRunner } from '../wire/protocol.js';
import { serveRunner } from './serve-runner.js';

if (!parentPort) throw new Error('this runner is a worker thread');
const port = parentPort;

await serveRunner(workerData as RunnerData, {
  post: (messages, moved = []) => port.postMessage(messages, moved),
  listen: (listener) => void port.on('message', (messages: readonly ToRunner[]) => listener(messages)),
});
