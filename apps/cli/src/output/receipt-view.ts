import { formatDuration, type ExecutionReceipt } from '@flux/client';
import { causeWords, errorWords, reasonWords } from './cause-words.js';
import { cleanupWords, cutWords, programWords } from './event-words.js';
import { fieldLines, type Field } from './fields.js';
import { clean, styleState, type Style } from './style.js';
import { between, dateAndTime, timeOfDay } from './times.js';

type CutOff = ExecutionReceipt['cutOff']['items'][number];

const LOSSES: Readonly<Record<string, string>> = {
  lost: 'the worker was gone',
  unreported: 'the worker did not tell of the end',
  drain: 'the worker was stopping',
  runner_lost: 'its runner died',
  cut_off: 'the worker was cut off',
};

/** The lines of `flux workflow receipt`. */
export function receiptLines(style: Style, receipt: ExecutionReceipt): string[] {
  const {
    workflowName,
    executionId,
    state,
    isOver,
    completed,
    failed,
    undone,
    cutOff,
    programs,
    underWay,
    lostOwners,
  } = receipt;
  const goesOn = isOver ? '' : ': it is not over, and this is how far it is';
  const sections = [
    section('Cut off, with unknown effect', cutOff, cutOffLine),
    section(
      'Begun, and not ended',
      underWay,
      ({ name, startedAt }) => `${name}, since ${timeOfDay(startedAt)}`,
    ),
    ...(programs
      ? [section('Programs', programs, ({ at, ...data }) => `${timeOfDay(at)}  ${programWords(data)}`)]
      : []),
    section('Completed', completed, ({ at, name }) => `${timeOfDay(at)}  ${name}`),
    section('Undone', undone, ({ at, name, error }) =>
      error
        ? `${timeOfDay(at)}  rollback of ${name} failed: ${errorWords(error)}`
        : `${timeOfDay(at)}  ${name}`,
    ),
    section('Failed', failed, ({ at, name, error }) => `${timeOfDay(at)}  ${name}: ${errorWords(error)}`),
    section(
      'Owners that lost it',
      lostOwners,
      ({ at, workerId, attempt, why, cause }) =>
        `${timeOfDay(at)}  ${workerId}, attempt ${attempt}: ${LOSSES[why] ?? why}${cause ? `: ${cause.message}` : ''}`,
    ),
  ];
  return [
    `${style('bold', clean(workflowName))} ${executionId} ${styleState(style, state)}${goesOn}`,
    ...fieldLines(style, fieldsOf(receipt)),
    ...sections.flatMap(({ title, lines }) =>
      lines.length === 0 ? [] : ['', style('dim', `  ${title}`), ...lines.map((line) => `  ${clean(line)}`)],
    ),
  ];
}

interface Listed<T> {
  readonly count: number;
  readonly items: readonly T[];
  readonly nextCursor?: string | null;
}

function section<T>(title: string, { count, items, nextCursor }: Listed<T>, toLine: (item: T) => string) {
  const lines = items.map(toLine);
  if (nextCursor) lines.push(`… more of them: --cursor ${nextCursor}`);
  else if (nextCursor === undefined && count > items.length) lines.push(`… and ${count - items.length} more`);
  return { title: `${title} (${count})`, lines };
}

function fieldsOf({
  createdAt,
  startedAt,
  finishedAt,
  attempt,
  cancellation,
  undone,
}: ExecutionReceipt): Field[] {
  const fields: Field[] = [
    ['created', `${dateAndTime(createdAt)} UTC`],
    ['took', startedAt && finishedAt && formatDuration(between(startedAt, finishedAt))],
    ['attempts', attempt > 1 && String(attempt)],
  ];
  if (!cancellation) return fields;
  const { requestedAt, requestedBy, cause, reason, deliveredAt, stoppedAt, finalizedAt } = cancellation;
  const { forced, cleanup, cleanupError, outcome } = cancellation;
  const after = (time: string | null): string | null =>
    time && `after ${formatDuration(between(requestedAt, time))}`;
  const stopped = after(stoppedAt);
  return [
    ...fields,
    ['stopped by', `${requestedBy}${causeWords(cause)}${reasonWords(reason)}`],
    ['requested', `${dateAndTime(requestedAt)} UTC`],
    ['delivered', after(deliveredAt)],
    ['stopped', stopped && `${stopped}${forced ? ', killed at the deadline' : ''}`],
    ['finalised', after(finalizedAt)],
    outcome === 'already_completed'
      ? ['outcome', 'it had ended before the cancel reached it']
      : [
          'cleanup',
          cleanup && `${cleanupWords(cleanup)}${cleanupError ? `: ${errorWords(cleanupError)}` : ''}`,
        ],
    ['rollbacks', undone.failures > 0 && `${undone.failures} of ${undone.count} failed`],
  ];
}

function cutOffLine(cut: CutOff): string {
  const undo = cut.rollback ? '; its rollback did not run' : '';
  const again = cut.madeAgain ? '; a later attempt has its result' : '';
  const began = `began ${timeOfDay(cut.startedAt)}, attempt ${cut.attempt}`;
  return `${timeOfDay(cut.at)}  ${cut.name} (${began}): ${cutWords(cut)}${again || undo}`;
}
