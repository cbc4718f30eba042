import { formatDuration, type ExecutionResource } from '@flux/client';
import { CancelStory } from './cancel-story.js';
import { causeWords, errorWords, reasonWords } from './cause-words.js';
import { valueWords } from './event-words.js';
import { clean, styleState, type Style } from './style.js';
import { timelineOf } from './timeline.js';
import { between, dateAndTime } from './times.js';

const LABEL_WIDTH = 12;

/** `crawl 0192… CANCELLED`. */
export function titleOf(style: Style, execution: ExecutionResource): string {
  const name = style('bold', clean(execution.workflowName));
  return `${name} ${execution.executionId} ${styleState(style, execution.state)}`;
}

/** The lines of `flux workflow status`. */
export function statusLines(style: Style, execution: ExecutionResource, now: number = Date.now()): string[] {
  const fields = [...executionFields(execution, now), ...cancellationFields(execution)];
  return [
    titleOf(style, execution),
    ...fields.map(([label, value]) => `  ${style('dim', label.padEnd(LABEL_WIDTH))}${clean(value)}`),
    '',
    style('dim', '  Timeline (UTC)'),
    ...timelineOf(style, execution).map((line) => `  ${line}`),
  ];
}

function executionFields(execution: ExecutionResource, now: number): [string, string][] {
  const { createdAt, startedAt, finishedAt, attempt, workerId, labels, error } = execution;
  const end = finishedAt ?? new Date(now).toISOString();
  const took = formatDuration(between(startedAt ?? createdAt, end));
  const labelWords = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [
    ['created', `${dateAndTime(createdAt)} UTC`],
    ...(startedAt ? [[finishedAt ? 'took' : 'for', took] satisfies [string, string]] : []),
    ...(execution.version === null ? [] : [['version', execution.version] satisfies [string, string]]),
    ...waitingFields(execution),
    ...(workerId ? [['worker', `${workerId}, attempt ${attempt}`] satisfies [string, string]] : []),
    ...(execution.parentExecutionId
      ? [['parent', execution.parentExecutionId] satisfies [string, string]]
      : []),
    ...(execution.rootExecutionId !== execution.parentExecutionId && execution.rootExecutionId
      ? [['root', execution.rootExecutionId] satisfies [string, string]]
      : []),
    ...(labelWords.length > 0 ? [['labels', labelWords.join(', ')] satisfies [string, string]] : []),
    ['input', valueWords(execution.input)],
    ...(execution.output === null
      ? []
      : [['output', valueWords(execution.output)] satisfies [string, string]]),
    ...(error ? [['error', errorWords(error)] satisfies [string, string]] : []),
  ];
}

function waitingFields(execution: ExecutionResource): [string, string][] {
  const { state, attempt, waiting, workflowName, version } = execution;
  if (!waiting) {
    if (state !== 'SCHEDULED') return [];
    return [['waits', `for a worker${attempt > 0 ? ` that goes on with it, after attempt ${attempt}` : ''}`]];
  }
  const until = waiting.until === null ? '' : `until ${dateAndTime(waiting.until)} UTC`;
  const goesOn = waiting.until === null ? '' : `; its sleep goes on ${until}`;
  const words = {
    sleep: until,
    pause: `for a resume of '${waiting.pause ?? '?'}'${until && `, or ${until}`}`,
    child: `for a child${until && `, or ${until}`}`,
    request: `for a resume${goesOn}`,
    version: `for a worker that has ${workflowName} ${version === null ? 'without a version' : `version ${version}`}`,
  };
  return [['waits', words[waiting.for]]];
}

function cancellationFields(execution: ExecutionResource): [string, string][] {
  const { state, cancellation } = execution;
  if (!cancellation) return [];
  const { requestedBy, cause, reason, deadlineAt, outcome, forced, bodyError } = cancellation;
  const ends: Readonly<Record<string, string>> = {
    already_completed: `none: it was ${state} before the signal reached it`,
    cancelled: `${forced ? 'killed at the deadline, ' : ''}${new CancelStory(execution, cancellation).cleanup}`,
  };
  return [
    ['cancel', `by ${requestedBy}${causeWords(cause)}${reasonWords(reason)}`],
    outcome ? ['outcome', ends[outcome] ?? outcome] : ['deadline', `${dateAndTime(deadlineAt)} UTC`],
    ...('bodyOutput' in cancellation && cancellation.bodyOutput !== null
      ? [['returned', valueWords(cancellation.bodyOutput)] satisfies [string, string]]
      : []),
    ...(bodyError ? [['threw', errorWords(bodyError)] satisfies [string, string]] : []),
  ];
}
