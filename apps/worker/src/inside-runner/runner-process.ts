/** Entry of a runner that is a process, the leader of its own process group. */
import { Worker } from 'node:worker_threads';
import { GUARD_FD, type RunnerData, type ToRunner } from '../wire/protocol.js';
import { serveRunner } from './serve-runner.js';

if (!process.send) throw new Error('this runner is a child process');
const send = process.send.bind(process);

// Workflows may keep the main thread busy for ever: whoever watches over the group needs a thread of its own.
const guard = new Worker(new URL('./group-guard.js', import.meta.url), { workerData: { fd: GUARD_FD } });
guard.unref();
guard.on('error', (error) => {
  throw error;
});

// A message that comes while the workflows are being loaded waits; a process without a listener would lose it.
const early: Array<readonly ToRunner[]> = [];
let hear = (messages: readonly ToRunner[]): void => void early.push(messages);

process.once('message', (data: RunnerData) => {
  process.on('message', (messages: readonly ToRunner[]) => hear(messages));
  void serveRunner(data, {
    post: (messages) => void send(messages),
    listen: (listener) => {
      hear = listener;
      for (const messages of early.splice(0)) listener(messages);
    },
  });
});
