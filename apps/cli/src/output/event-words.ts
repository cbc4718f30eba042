import { formatDuration as duration, type EventResource, type HistoryEventType } from '@flux/client';
import { causeWords, errorWords, reasonWords } from './cause-words.js';
import { CHILD_WORDS, starterWords, type Words } from './child-words.js';
import { clean } from './style.js';
import { between, dateAndTime } from './times.js';

const CLEANUPS: Readonly<Record<string, string>> = {
  none: 'nothing to clean up',
  succeeded: 'cleanup succeeded',
  failed: 'cleanup failed',
  timed_out: 'cleanup was cut off at the deadline',
  not_run: 'cleanup not run: no worker could',
};

const HANDED_BACK: Readonly<Record<string, string>> = {
  drain: 'which is stopping',
  runner_lost: 'whose runner died',
  cut_off: 'which was cut off',
};

const WORDS: Words<HistoryEventType> = {
  execution_scheduled: ({ data }) => `SCHEDULED by ${starterWords(data.requestedBy)}`,
  execution_started: ({ data, attempt }) => {
    const version = data.version === undefined ? '' : `, version ${data.version}`;
    return `RUNNING on ${data.workerId}, attempt ${attempt}${version}`;
  },
  task_completed: (event) => `task ${event.data.name} completed${taskNotes(event)}`,
  task_failed: (event) =>
    `task ${event.data.name} failed${taskNotes(event)}: ${errorWords(event.data.error)}`,
  task_started: ({ data }) => `task ${data.name} began${data.inCleanup ? ' (in cleanup)' : ''}`,
  task_interrupted: ({ data }) => `task ${data.name} cut off, ${cutWords(data)}`,
  program_ended: ({ data }) => programWords(data),
  timer_started: ({ data: { name, durationMs } }) => {
    const time = duration(durationMs);
    return name === '$scope' ? `a scope begins, for ${time} at most` : `sleeps for ${time}`;
  },
  value_recorded: recordedWords,
  rollback_finished: ({ data: { name, error } }) =>
    error ? `rollback of ${nameOf(name)} failed: ${errorWords(error)}` : `${nameOf(name)} rolled back`,
  ...CHILD_WORDS,
  execution_sleeping: ({ data }) =>
    data.for === 'child'
      ? `SLEEPING, waits for a child${untilWords(data.dueAt, ' or')}`
      : `SLEEPING${untilWords(data.dueAt)}`,
  execution_woken: ({ data }) =>
    data.callId === undefined ? 'SCHEDULED, its sleep was due' : 'SCHEDULED, a child has ended',
  pause_requested: ({ data }) => `pause requested by ${data.requestedBy}${reasonWords(data.reason)}`,
  execution_paused: ({ data }) => (data.kind === 'pause' ? `PAUSED, waits for '${data.name}'` : 'PAUSED'),
  resume_kept: ({ data }) =>
    `resume by ${data.requestedBy} kept for ${data.pause === undefined ? 'its next pause' : `'${data.pause}'`}${valueNote(data.value)}`,
  execution_resumed: ({ data }) => {
    const pause = data.name === null ? '' : ` '${data.name}'`;
    return `resumed${pause} by ${data.requestedBy}${valueNote(data.value)}`;
  },
  cancel_requested: ({ data, attempt }) =>
    `${cancelling(attempt)}cancel requested by ${data.requestedBy}${causeWords(data.cause)}${reasonWords(data.reason)}`,
  cancel_forced: ({ data }) => `cancel forced by ${data.requestedBy}${reasonWords(data.reason)}`,
  cancel_delayed: ({ data }) =>
    `cancel requested by ${data.requestedBy}, to begin at ${dateAndTime(data.dueAt)}${reasonWords(data.reason)}`,
  cancel_undone: ({ data }) =>
    `cancel taken back by ${data.requestedBy}, ${data.state} again${reasonWords(data.reason)}`,
  cancel_delivered: ({ data }) => `cancel delivered to ${data.workerId}`,
  execution_handed_back: ({ data }) =>
    `handed back by ${data.workerId}, ${HANDED_BACK[data.reason] ?? data.reason}${deathWords(data.cause)}`,
  worker_lost: ({ data }) =>
    data.reason ? `worker ${data.workerId} did not tell of its end` : `worker ${data.workerId} lost`,
  execution_completed: () => 'COMPLETED',
  execution_failed: ({ data }) => `FAILED: ${errorWords(data.error)}`,
  execution_cancelled: ({ data }) => {
    const forced = data.forced ? ', its runner was killed at the deadline' : '';
    const problem = data.cleanupError ? `: ${errorWords(data.cleanupError)}` : '';
    return `CANCELLED, ${cleanupWords(data.cleanup)}${forced}${problem}`;
  },
};

/** An event in one line; an event that a newer server invented keeps its type and data. */
export function eventWords(event: EventResource): string {
  const isKnown = Object.hasOwn(WORDS, event.type);
  return clean(isKnown ? wordsOf(event) : `${event.type} ${JSON.stringify(event.data)}`);
}

function wordsOf<T extends HistoryEventType>(event: EventResource<T>): string {
  return WORDS[event.type](event);
}

/** A cancel of what no worker ever claimed is final at once; any other begins with CANCELLING. */
export function cancelling(attempt: number): string {
  return attempt > 0 ? 'CANCELLING, ' : '';
}

export function cleanupWords(cleanup: unknown): string {
  return typeof cleanup === 'string' ? (CLEANUPS[cleanup] ?? `cleanup ${cleanup}`) : 'cleanup not known';
}

function taskNotes({ at, data }: EventResource<'task_completed' | 'task_failed'>): string {
  const notes = [
    ...(data.inCleanup ? ['in cleanup'] : []),
    `took ${duration(between(data.startedAt, at))}`,
    ...(data.tries > 1 ? [`${data.tries} tries`] : []),
  ];
  return ` (${notes.join(', ')})`;
}

type Cut = EventResource<'task_interrupted'>['data'];

/** How a task was cut off. */
export function cutWords({
  how,
  settled,
  runner,
  cause,
}: Pick<Cut, 'how' | 'settled' | 'runner' | 'cause'>): string {
  if (how === 'owner_lost') return 'its worker lost the execution';
  if (how === 'killed') {
    const what = runner === undefined || runner === 'shared' ? 'runner' : `${runner}`;
    return cause ? `its ${what} died${deathWords(cause)}` : `killed with its ${what}`;
  }
  return settled === undefined ? 'its promise was rejected' : `its promise was rejected, then it ${settled}`;
}

/** What became of a program that an execution had started. */
export function programWords({
  name,
  pid,
  how,
  more,
}: Pick<EventResource<'program_ended'>['data'], 'name' | 'pid' | 'how' | 'more'>): string {
  if (how === 'detached') return `program ${name} (pid ${pid}) detached: it lives on`;
  return `program ${name} (pid ${pid}) ended by ${how}${more === undefined ? '' : `, and ${more} more`}`;
}

function deathWords(cause: EventResource<'execution_handed_back'>['data']['cause']): string {
  return cause ? `: ${cause.code ?? clean(cause.message)}` : '';
}

/** The name of a task, or of a `ctx` function, whose calls are recorded as `$now` and the like. */
function nameOf(name: string): string {
  return name.replace('$', 'ctx.');
}

function recordedWords({ data: { name, value } }: EventResource<'value_recorded'>): string {
  if (name === '$sleep') return 'its sleep ended';
  if (name === '$scope.cut') return scopeWords(value);
  if (name === '$scope.end') return 'nothing of that scope goes on any more';
  return `${nameOf(name)} gave ${valueWords(value)}`;
}

function scopeWords(cut: unknown): string {
  const { kind, reason } = (cut ?? {}) as { readonly kind?: unknown; readonly reason?: unknown };
  if (kind === 'timed_out') return `a scope's time was up after ${String(reason)}`;
  return kind === 'left' ? 'a scope ended before its calls' : `a scope was cancelled${reasonWords(reason)}`;
}

function untilWords(time: string | null, or = ''): string {
  return time === null ? '' : `${or} until ${dateAndTime(time)}`;
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
