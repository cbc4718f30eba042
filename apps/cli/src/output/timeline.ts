import { formatDuration, type EventResource, type ExecutionResource } from '@flux/client';
import { CancelStory, type Moment } from './cancel-story.js';
import { errorWords } from './cause-words.js';
import { eventWords } from './event-words.js';
import { clean, type Style } from './style.js';
import { between, timeOfDay } from './times.js';

const ELAPSED_WIDTH = 11;

/** A line of a timeline: the time (UTC), how long after the start of it all, what happened. */
function momentLine(style: Style, origin: string, { at, words }: Moment): string {
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

/** The steps of a cancel alone, with their time since its request. */
export function cancelTimelineOf(style: Style, execution: ExecutionResource): string[] {
  const { cancellation } = execution;
  if (!cancellation) return [];
  const story = new CancelStory({ execution, cancellation, fromRequest: true });
  return [...story.moments, ...endMoments(execution, story)].map((moment) =>
    momentLine(style, cancellation.requestedAt, moment),
  );
}

const storyOf = (execution: ExecutionResource): CancelStory | undefined =>
  execution.cancellation ? new CancelStory({ execution, cancellation: execution.cancellation }) : undefined;

function fromEvents(execution: ExecutionResource, events: readonly EventResource[]): Moment[] {
  const story = storyOf(execution);
  const asked = events.findIndex(({ type }) => type === 'cancel_requested');
  const moments = events.map((event, index) => {
    const again = asked >= 0 && index > asked;
    return story ? cancelMoment(story, event, again) : { at: event.at, words: eventWords(event) };
  });
  // No event of its own: it is told with the one that ends the execution.
  if (story?.stopped) moments.splice(-1, 0, story.stopped);
  return byTime(moments);
}

/** An event of an execution that was cancelled; `afterRequest` says on which side of the request it stands. */
function cancelMoment(story: CancelStory, event: EventResource, afterRequest: boolean): Moment {
  const { at } = event;
  switch (event.type) {
    case 'execution_started':
      return { at, words: `${eventWords(event)}${afterRequest ? ', to run its cleanup' : ''}` };
    case 'cancel_delivered': {
      const heardAt = event.data.deliveredAt ?? at;
      return heardAt === story.delivered?.at ? story.delivered : { at: heardAt, words: eventWords(event) };
    }
    case 'execution_cancelled':
      return { at, words: `CANCELLED${story.end}` };
    case 'execution_completed':
    case 'execution_failed':
      return { at, words: `${eventWords(event)}${story.end}` };
    default:
      return { at, words: eventWords(event) };
  }
}

function fromTimes(execution: ExecutionResource): Moment[] {
  const { createdAt, startedAt } = execution;
  const story = storyOf(execution);
  return byTime([
    { at: createdAt, words: 'SCHEDULED' },
    ...(startedAt ? [{ at: startedAt, words: 'RUNNING' }] : []),
    ...(story?.moments ?? []),
    ...endMoments(execution, story),
  ]);
}

function byTime(moments: readonly Moment[]): Moment[] {
  return [...moments].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

function endMoments(execution: ExecutionResource, story: CancelStory | undefined): Moment[] {
  const { state, finishedAt, cancellation, error } = execution;
  const at = finishedAt ?? cancellation?.finalizedAt;
  if (!at) return [];
  const failure = state === 'FAILED' ? `: ${errorWords(error)}` : '';
  return [{ at, words: clean(`${state}${failure}${story?.end ?? ''}`) }];
}
