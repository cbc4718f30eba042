import { formatDuration, type ExecutionResource } from '@flux/client';
import { PROBLEMS } from '@flux/contracts';
import { CancelStory } from './cancel-story.js';
import { causeWords, errorWords, reasonWords } from './cause-words.js';
import { valueWords } from './event-words.js';
import { fieldLines, labelWords, type Field } from './fields.js';
import { inWordsOfTheCli } from './hint-words.js';
import { clean, styleState, type Style } from './style.js';
import { timelineOf } from './timeline.js';
import { between, dateAndTime } from './times.js';

/** `crawl 0192… CANCELLED`. */
export function titleOf(style: Style, execution: ExecutionResource): string {
  const name = style('bold', clean(execution.workflowName));
  return `${name} ${execution.executionId} ${styleState(style, execution.state)}`;
}

/** The lines of `flux workflow status`. */
export function statusLines(style: Style, execution: ExecutionResource, now: number = Date.now()): string[] {
  return [
    titleOf(style, execution),
    ...fieldLines(style, [
      ...executionFields(execution, now),
      ...pendingFields(execution),
      ...cancellationFields(execution),
    ]),
    '',
    style('dim', '  Timeline (UTC)'),
    ...timelineOf(style, execution).map((line) => `  ${line}`),
  ];
}

function executionFields(execution: ExecutionResource, now: number): Field[] {
  const { createdAt, startedAt, finishedAt, attempt, workerId, output, error } = execution;
  const { parentExecutionId: parent, rootExecutionId: root } = execution;
  const end = finishedAt ?? new Date(now).toISOString();
  return [
    ['created', `${dateAndTime(createdAt)} UTC`],
    [finishedAt ? 'took' : 'for', startedAt && formatDuration(between(startedAt, end))],
    ['version', execution.version],
    ['waits', waitingWords(execution)],
    ['worker', workerId && `${workerId}, attempt ${attempt}`],
    ['parent', parent],
    ['root', root !== parent && root],
    ['labels', labelWords(execution.labels)],
    ['input', valueWords(execution.input)],
    ['output', output !== null && valueWords(output)],
    ['error', error && errorWords(error)],
    ['hint', error?.code && hintOf(error.code)],
  ];
}

function waitingWords(execution: ExecutionResource): string | undefined {
  const { state, attempt, waiting, workflowName, version } = execution;
  if (!waiting) {
    if (state !== 'SCHEDULED') return undefined;
    return `for a worker${attempt > 0 ? ` that goes on with it, after attempt ${attempt}` : ''}`;
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
  return words[waiting.for];
}

/** Flux's own errors come with what to do. */
function hintOf(code: string | number): string | undefined {
  const known: Readonly<Record<string, { readonly hint: string }>> = PROBLEMS;
  const hint = Object.hasOwn(known, code) ? known[code]?.hint : undefined;
  return hint && inWordsOfTheCli(hint);
}

function pendingFields({ pendingCancel, workflowName, executionId }: ExecutionResource): Field[] {
  if (!pendingCancel) return [];
  const { dueAt, requestedBy, reason } = pendingCancel;
  const words = `begins ${dateAndTime(dueAt)} UTC, by ${requestedBy}${reasonWords(reason)}`;
  return [
    ['cancel', words],
    ['undo', `flux workflow uncancel ${workflowName} ${executionId}`],
  ];
}

/** When its time is up; until a body has heard of the cancel, when it is up at the latest. */
export function deadlineWords({
  deadlineAt,
  deliveredAt,
}: NonNullable<ExecutionResource['cancellation']>): string {
  return `${dateAndTime(deadlineAt)} UTC${deliveredAt ? '' : ' at the latest'}`;
}

function cancellationFields(execution: ExecutionResource): Field[] {
  const { state, cancellation } = execution;
  if (!cancellation) return [];
  const { requestedBy, cause, reason, outcome, forced, bodyOutput = null, bodyError } = cancellation;
  const ends: Readonly<Record<string, string>> = {
    already_completed: `none: it was ${state} before the signal reached it`,
    cancelled: `${forced ? 'killed at the deadline, ' : ''}${new CancelStory({ execution, cancellation }).cleanup}`,
  };
  return [
    ['cancel', `by ${requestedBy}${causeWords(cause)}${reasonWords(reason)}`],
    outcome ? ['outcome', ends[outcome] ?? outcome] : ['deadline', deadlineWords(cancellation)],
    ['returned', bodyOutput !== null && valueWords(bodyOutput)],
    ['threw', bodyError && errorWords(bodyError)],
  ];
}
