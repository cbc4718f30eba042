import { formatDuration, type EventResource, type ExecutionResource } from '@flux/client';
import { cancelling, causeWords, cleanupWords, errorWords, eventWords, reasonWords } from './event-words.js';
import { clean, type Style } from './style.js';
import { between, timeOfDay } from './times.js';

interface Moment {
  readonly at: string;
  readonly words: string;
}

const ELAPSED_WIDTH = 11;

/** One line of a timeline: the time (UTC), how long after the start of it all, what happened. */
export function momentLine(style: Style, origin: string, { at, words }: Moment): string {
  const elapsed = `+${formatDuration(between(origin, at))}`.padStart(ELAPSED_WIDTH);
  return `${style('dim', timeOfDay(at))} ${style('dim', elapsed)}  ${words}`;
}

export function eventLine(style: Style, origin: string, event: EventResource): string {
  return momentLine(style, origin, { at: event.at, words: eventWords(event) });
}

/** An execution's story: from its events where they are at hand, else from the times that its status holds. */
export function timelineOf(style: Style, execution: ExecutionResource): string[] {
  const moments = execution.events ? fromEvents(execution, execution.events) : fromTimes(execution);
  return moments.map((moment) => momentLine(style, execution.createdAt, moment));
}

/** The steps of a cancel alone. */
export function cancelTimelineOf(style: Style, execution: ExecutionResource): string[] {
  const { cancellation } = execution;
  if (!cancellation) return [];
  return [...cancelMoments(execution), ...endMoments(execution)].map((moment) =>
    momentLine(style, cancellation.requestedAt, moment),
  );
}

function fromEvents(execution: ExecutionResource, events: readonly EventResource[]): Moment[] {
  const moments = events.map((event) => ({ at: event.at, words: eventWords(event) }));
  // No event of its own: it is told with the one that ends the execution.
  const stopped = stoppedMoment(execution);
  if (!stopped) return moments;
  const later = moments.findIndex(({ at }) => Date.parse(at) > Date.parse(stopped.at));
  moments.splice(later === -1 ? moments.length - 1 : later, 0, stopped);
  return moments;
}

function fromTimes(execution: ExecutionResource): Moment[] {
  const started = execution.startedAt && {
    at: execution.startedAt,
    words: 'RUNNING',
  };
  const moments = [
    { at: execution.createdAt, words: 'SCHEDULED' },
    ...(started ? [started] : []),
    ...cancelMoments(execution),
    ...endMoments(execution),
  ];
  return moments.sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

function cancelMoments(execution: ExecutionResource): Moment[] {
  const { attempt, cancellation, workerId } = execution;
  if (!cancellation) return [];
  const { requestedAt, requestedBy, cause, reason, deliveredAt } = cancellation;
  const request = `${cancelling(attempt)}cancel requested by ${requestedBy}${causeWords(cause)}${reasonWords(reason)}`;
  const stopped = stoppedMoment(execution);
  return [
    { at: requestedAt, words: clean(request) },
    ...(deliveredAt
      ? [{ at: deliveredAt, words: clean(`cancel delivered${workerId ? ` to ${workerId}` : ''}`) }]
      : []),
    ...(stopped ? [stopped] : []),
  ];
}

function stoppedMoment({ cancellation }: ExecutionResource): Moment | undefined {
  if (!cancellation?.stoppedAt) return undefined;
  const how = cancellation.forced ? 'stopped: its runner was killed' : 'stopped: its code has ended';
  return { at: cancellation.stoppedAt, words: how };
}

function endMoments(execution: ExecutionResource): Moment[] {
  const { state, finishedAt, cancellation, error } = execution;
  const at = finishedAt ?? cancellation?.finalizedAt;
  if (!at) return [];
  const notes = {
    CANCELLED: `, ${cleanupWords(cancellation?.cleanup)}`,
    FAILED: `: ${errorWords(error)}`,
  } as Readonly<Record<string, string>>;
  return [{ at, words: clean(`${state}${notes[state] ?? ''}`) }];
}
