/** Entry of a runner: a process that leads a process group of its own. */
import { Worker } from 'node:worker_threads';
import { keepHeapLean } from '@flux/messaging/lean-heap';
import type { GuardData } from '../wire/guard.js';
import { OwnershipClock } from '../wire/ownership-clock.js';
import type { RunnerData, ToRunner } from '../wire/protocol.js';
import { Whereabouts } from '../wire/whereabouts.js';
import { serveRunner } from './serve-runner.js';

/** It holds some lines of text. */
const GUARD_MEMORY = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16, stackSizeMb: 1 };

if (!process.send) throw new Error('a runner is a child process');
const send = process.send.bind(process);

// A message that comes while the workflows are being loaded waits; a process without a listener would lose it.
const early: Array<readonly ToRunner[]> = [];
let hear = (messages: readonly ToRunner[]): void => void early.push(messages);

/** Workflows may keep the main thread busy for ever: whoever watches over the group needs a thread of its own. */
function startGuard(workerData: GuardData): void {
  const entry = new URL('./group-guard.js', import.meta.url);
  const guard = new Worker(entry, { workerData, resourceLimits: GUARD_MEMORY, name: 'flux-guard' });
  guard.unref();
  guard.on('error', (error) => {
    throw error;
  });
}

// The limit that V8 gives the heap while it starts stays until the heap has grown to it.
keepHeapLean();

process.once('message', (data: RunnerData) => {
  const clock = new OwnershipClock();
  const whereabouts = new Whereabouts();
  const { inputCheckMs, incarnation } = data;
  startGuard({ clock: clock.buffer, whereabouts: whereabouts.buffer, inputCheckMs, incarnation });
  process.on('message', (messages: readonly ToRunner[]) => hear(messages));
  void serveRunner(data, {
    clock,
    whereabouts,
    post: (messages) => void send(messages),
    listen: (listener) => {
      hear = listener;
      for (const messages of early.splice(0)) listener(messages);
    },
  });
});
