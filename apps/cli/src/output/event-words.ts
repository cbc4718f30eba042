import type { EventResource } from '@flux/client';
import { between } from './times.js';
import { formatDuration as duration } from '@flux/client';
import { clean } from './style.js';

type Data = EventResource['data'];

const CAUSES: Readonly<Record<string, string>> = {
  timeout: ", by the execution's own timeout",
  parent: ", by its parent's cancel",
  bulk: ', by a bulk cancel',
};

const CLEANUPS: Readonly<Record<string, string>> = {
  none: 'nothing to clean up',
  succeeded: 'cleanup succeeded',
  failed: 'cleanup failed',
  timed_out: 'cleanup was cut off at the deadline',
  not_run: 'cleanup not run: no worker could',
};

const WORDS: Readonly<Record<string, (data: Data, event: EventResource) => string>> = {
  execution_scheduled: (data) => `SCHEDULED by ${text(data.requestedBy)}`,
  execution_started: (data, event) => `RUNNING on ${text(data.workerId)}, attempt ${event.attempt}`,
  task_completed: (data, event) => `task ${text(data.name)} completed${taskNotes(data, event)}`,
  task_failed: (data, event) =>
    `task ${text(data.name)} failed${taskNotes(data, event)}: ${errorWords(data.error)}`,
  timer_started: (data) =>
    typeof data.durationMs === 'number' ? `sleeps for ${duration(data.durationMs)}` : 'sleeps',
  cancel_requested: (data, event) =>
    `${cancelling(event.attempt)}cancel requested by ${text(data.requestedBy)}${causeWords(data.cause)}${reasonWords(data.reason)}`,
  cancel_forced: (data) => `cancel forced by ${text(data.requestedBy)}${reasonWords(data.reason)}`,
  cancel_delivered: (data) => `cancel delivered to ${text(data.workerId)}`,
  execution_handed_back: (data) =>
    data.reason === 'drain'
      ? `handed back by ${text(data.workerId)}, which is stopping`
      : `handed back by ${text(data.workerId)}, whose runner died`,
  worker_lost: (data) => `worker ${text(data.workerId)} lost`,
  execution_completed: () => 'COMPLETED',
  execution_failed: (data) => `FAILED: ${errorWords(data.error)}`,
  execution_cancelled: (data) => {
    const forced = data.forced === true ? ', its runner was killed at the deadline' : '';
    const problem = data.cleanupError ? `: ${errorWords(data.cleanupError)}` : '';
    return `CANCELLED, ${cleanupWords(data.cleanup)}${forced}${problem}`;
  },
};

/** What happened, in one line; an event that a newer server invented keeps its type and data. */
export function eventWords(event: EventResource): string {
  const words = WORDS[event.type];
  return clean(words ? words(event.data, event) : `${event.type} ${JSON.stringify(event.data)}`);
}

/** A cancel of what no worker ever claimed is final at once; any other begins with CANCELLING. */
export function cancelling(attempt: number): string {
  return attempt > 0 ? 'CANCELLING, ' : '';
}

export function cleanupWords(cleanup: unknown): string {
  return typeof cleanup === 'string' ? (CLEANUPS[cleanup] ?? `cleanup ${cleanup}`) : 'cleanup not known';
}

export function causeWords(cause: unknown): string {
  return typeof cause === 'string' ? (CAUSES[cause] ?? '') : '';
}

export function reasonWords(reason: unknown): string {
  return typeof reason === 'string' && reason !== '' ? `: ${reason}` : '';
}

/** `TypeError: no such page`. */
export function errorWords(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'error not known';
  const { name, message } = error as { name?: unknown; message?: unknown };
  return [name, message].filter((part) => typeof part === 'string' && part !== '').join(': ');
}

function taskNotes(data: Data, event: EventResource): string {
  const notes = [
    ...(data.inCleanup === true ? ['in cleanup'] : []),
    ...(typeof data.startedAt === 'string' ? [`took ${duration(between(data.startedAt, event.at))}`] : []),
    ...(typeof data.tries === 'number' && data.tries > 1 ? [`${data.tries} tries`] : []),
  ];
  return notes.length > 0 ? ` (${notes.join(', ')})` : '';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '?';
}
