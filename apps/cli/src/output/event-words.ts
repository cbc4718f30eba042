import type { EventResource } from '@flux/client';
import { between, dateAndTime } from './times.js';
import { formatDuration as duration } from '@flux/client';
import { causeWords, errorWords, reasonWords } from './cause-words.js';
import { CHILD_WORDS, starterWords } from './child-words.js';
import { clean } from './style.js';

type Data = EventResource['data'];

const CLEANUPS: Readonly<Record<string, string>> = {
  none: 'nothing to clean up',
  succeeded: 'cleanup succeeded',
  failed: 'cleanup failed',
  timed_out: 'cleanup was cut off at the deadline',
  not_run: 'cleanup not run: no worker could',
};

const WORDS: Readonly<Record<string, (data: Data, event: EventResource) => string>> = {
  execution_scheduled: (data) => `SCHEDULED by ${starterWords(data.requestedBy)}`,
  execution_started: (data, event) => {
    const version = typeof data.version === 'string' ? `, version ${data.version}` : '';
    return `RUNNING on ${text(data.workerId)}, attempt ${event.attempt}${version}`;
  },
  task_completed: (data, event) => `task ${text(data.name)} completed${taskNotes(data, event)}`,
  task_failed: (data, event) =>
    `task ${text(data.name)} failed${taskNotes(data, event)}: ${errorWords(data.error)}`,
  timer_started: timerWords,
  value_recorded: recordedWords,
  rollback_finished: (data) =>
    data.error ? `rollback of ${name(data)} failed: ${errorWords(data.error)}` : `${name(data)} rolled back`,
  ...CHILD_WORDS,
  execution_sleeping: (data) =>
    data.for === 'child'
      ? `SLEEPING, waits for a child${untilWords(data.dueAt, ' or')}`
      : `SLEEPING${untilWords(data.dueAt)}`,
  execution_woken: (data) =>
    typeof data.callId === 'string' ? 'SCHEDULED, a child has ended' : 'SCHEDULED, its sleep was due',
  pause_requested: (data) => `pause requested by ${text(data.requestedBy)}${reasonWords(data.reason)}`,
  execution_paused: (data) => (data.kind === 'pause' ? `PAUSED, waits for '${text(data.name)}'` : 'PAUSED'),
  resume_kept: (data) =>
    `resume by ${text(data.requestedBy)} kept for its next pause${valueNote(data.value)}`,
  execution_resumed: (data) => {
    const pause = typeof data.name === 'string' ? ` '${data.name}'` : '';
    return `resumed${pause} by ${text(data.requestedBy)}${valueNote(data.value)}`;
  },
  cancel_requested: (data, event) =>
    `${cancelling(event.attempt)}cancel requested by ${text(data.requestedBy)}${causeWords(data.cause)}${reasonWords(data.reason)}`,
  cancel_forced: (data) => `cancel forced by ${text(data.requestedBy)}${reasonWords(data.reason)}`,
  cancel_delayed: (data) =>
    `cancel requested by ${text(data.requestedBy)}${dueWords(data.dueAt)}${reasonWords(data.reason)}`,
  cancel_undone: (data) =>
    `cancel taken back by ${text(data.requestedBy)}, ${text(data.state)} again${reasonWords(data.reason)}`,
  cancel_delivered: (data) => `cancel delivered to ${text(data.workerId)}`,
  execution_handed_back: (data) => {
    const why = data.reason === 'drain' ? 'which is stopping' : 'whose runner died';
    return `handed back by ${text(data.workerId)}, ${data.reason === 'cut_off' ? 'which was cut off' : why}`;
  },
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

function taskNotes(data: Data, event: EventResource): string {
  const notes = [
    ...(data.inCleanup === true ? ['in cleanup'] : []),
    ...(typeof data.startedAt === 'string' ? [`took ${duration(between(data.startedAt, event.at))}`] : []),
    ...(typeof data.tries === 'number' && data.tries > 1 ? [`${data.tries} tries`] : []),
  ];
  return notes.length > 0 ? ` (${notes.join(', ')})` : '';
}

/** Of a task, or of a `ctx` function, whose calls are recorded as `$now` and the like. */
function name(data: Data): string {
  return text(data.name).replace('$', 'ctx.');
}

function timerWords({ name, durationMs }: Data): string {
  const time = typeof durationMs === 'number' ? duration(durationMs) : undefined;
  if (name === '$scope') return `a scope begins${time ? `, for ${time} at most` : ''}`;
  return time ? `sleeps for ${time}` : 'sleeps';
}

function recordedWords(data: Data): string {
  if (data.name === '$sleep') return 'its sleep ended';
  if (data.name === '$scope.cut') return scopeWords(data.value);
  if (data.name === '$scope.end') return 'nothing of that scope goes on any more';
  return `${name(data)} gave ${valueWords(data.value)}`;
}

function scopeWords(cut: unknown): string {
  const { kind, reason } = (cut ?? {}) as { readonly kind?: unknown; readonly reason?: unknown };
  if (kind === 'timed_out') return `a scope's time was up after ${text(reason)}`;
  return kind === 'left' ? 'a scope ended before its calls' : `a scope was cancelled${reasonWords(reason)}`;
}

function untilWords(time: unknown, or = ''): string {
  return typeof time === 'string' ? `${or} until ${dateAndTime(time)}` : '';
}

function dueWords(time: unknown): string {
  return typeof time === 'string' ? `, to begin at ${dateAndTime(time)}` : '';
}

function valueNote(value: unknown): string {
  return value === null || value === undefined ? '' : ` with ${valueWords(value)}`;
}

const LONGEST_VALUE = 400;

/** The value as JSON on one line, cut when it is long: `--json` has all of it. */
export function valueWords(value: unknown): string {
  const json = JSON.stringify(value) ?? 'null';
  return json.length > LONGEST_VALUE ? `${json.slice(0, LONGEST_VALUE)}… (whole with --json)` : json;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '?';
}
