import {
  formatDuration,
  type FireResource,
  type ListedScheduleResource,
  type ScheduleResource,
} from '@flux/client';
import { valueWords } from './event-words.js';
import { fieldLines, labelWords, type Field } from './fields.js';
import { clean, type Format, type Style } from './style.js';
import { between, dateAndTime } from './times.js';

const OUTCOME_FORMATS: Readonly<Record<FireResource['outcome'], Format>> = {
  started: 'green',
  skipped: 'dim',
  queued: 'cyan',
  missed: 'yellow',
  failed: 'red',
};

export function styleOutcome(style: Style, outcome: FireResource['outcome']): string {
  return style(OUTCOME_FORMATS[outcome], outcome);
}

/** `0 2 * * * Europe/Berlin`, `every 15m`, `at 2026-11-26 02:00:00 UTC`. */
export function timingWords({ cron, every, at, timeZone }: ListedScheduleResource): string {
  if (cron !== null) return `${cron} ${timeZone ?? ''}`.trimEnd();
  return every !== null ? `every ${every}` : `at ${dateAndTime(at ?? '')} UTC`;
}

/** `active`, `paused`, or `over` when no planned time is left. */
export function stateWords({ paused, nextFireTimes }: ListedScheduleResource): string {
  return paused ? 'paused' : nextFireTimes.length > 0 ? 'active' : 'over';
}

/** `2026-11-26 02:00:00 Europe/Berlin, in 9 h 3 m`; in UTC where the schedule has no zone. */
export function plannedWords(iso: string, timeZone: string | null, now: number): string {
  const zone = timeZone ?? 'UTC';
  const ahead = Date.parse(iso) - now;
  const when = ahead >= 0 ? `in ${formatDuration(ahead)}` : `${formatDuration(-ahead)} ago`;
  return `${localTime(iso, zone)} ${zone}, ${when}`;
}

/** A line about a fire. */
export function fireWords({ outcome, executionId, reason, code, count }: FireResource): string {
  const many = count > 1 ? ` ${count} times` : '';
  const id = executionId === null ? '' : ` ${executionId}`;
  const why = reason === null ? '' : `: ${code === null ? '' : `${code}, `}${reason}`;
  return clean(`${outcome}${many}${id}${why}`);
}

/** The lines of `flux schedule show`. */
export function scheduleLines(style: Style, schedule: ScheduleResource, now: number = Date.now()): string[] {
  const { scheduleId, timeZone, nextFireTimes, lastFire, labels } = schedule;
  const fields: Field[] = [
    ['workflow', schedule.workflowName],
    ['fires', timingWords(schedule)],
    ['input', valueWords(schedule.input)],
    ['labels', labelWords(labels)],
    ['timeout', schedule.timeout],
    ['overlap', `${schedule.overlap}${schedule.waiting ? ', a fire waits' : ''}`],
    ['catch-up', schedule.catchUp],
    ['note', schedule.note],
    ['created', `${dateAndTime(schedule.createdAt)} UTC by ${schedule.createdBy}`],
    ['last', lastFire && `${plannedWords(lastFire.plannedAt, timeZone, now)}: ${fireWords(lastFire)}`],
    ...nextFireTimes.map((time, index): Field => [
      index === 0 ? 'next' : '',
      plannedWords(time, timeZone, now),
    ]),
  ];
  return [`${style('bold', scheduleId)} ${stateWords(schedule)}`, ...fieldLines(style, fields)];
}

/** `12 m` or so until a time, for a table. */
export function until(iso: string | undefined, now: number = Date.now()): string {
  return iso === undefined ? '-' : formatDuration(between(new Date(now).toISOString(), iso));
}

function localTime(iso: string, timeZone: string): string {
  // The Swedish way of writing it is ISO 8601 with a space.
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  return format.format(new Date(iso));
}
