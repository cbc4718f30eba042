import { intervalTimes, parseDuration, singleTime, type NextTime } from '@flux/domain';
import { Cron } from 'croner';
import type { ScheduleRow, ScheduleSpec } from './schedule-row.js';

type Timing = Pick<ScheduleSpec, 'cron' | 'every' | 'at' | 'timeZone'>;

/** How many coming times a schedule shows. */
const SHOWN_TIMES = 5;

/** The planned times of a schedule; the grid of an interval begins at `anchor`, epoch milliseconds. */
export function timesOf({ cron, every, at, timeZone }: Timing, anchor: number): NextTime {
  if (cron !== null) return cronTimes(cron, timeZone ?? 'UTC');
  if (every !== null) return intervalTimes(anchor, parseDuration(every));
  return singleTime(Date.parse(at ?? ''));
}

/**
 * The times of a cron expression of five fields. As in Vixie cron: an expression without a wildcard or step names
 * times of day, and each comes once, the first time where the clocks are set back, and at the end of the gap where
 * they are set forward; any other expression is followed minute by minute, so it comes in both repeated hours and
 * not in a gap.
 * @throws TypeError or RangeError from the library for what {@link timingFault} refuses
 */
function cronTimes(expression: string, timeZone: string): NextTime {
  const cron = new Cron(expression, { timezone: timeZone, mode: '5-part', fixedTimeRule: 'no-wildcard' });
  return (after) => cron.nextRun(new Date(after))?.getTime();
}

/** A fault in a field of the timing. */
export interface TimingFault {
  readonly path: 'cron' | 'at' | 'timeZone';
  readonly message: string;
}

/** Why the timing cannot be a new schedule's at `now`, if so. */
export function timingFault(
  timing: Timing & Pick<ScheduleSpec, 'catchUp'>,
  now: number,
): TimingFault | undefined {
  const { cron, timeZone, at } = timing;
  if (timeZone !== null && !isTimeZone(timeZone)) {
    return { path: 'timeZone', message: 'must be an IANA time zone such as Europe/Berlin' };
  }
  if (cron !== null) return cronFault(cron, now);
  return at !== null && firstTime(timing, now) === undefined
    ? { path: 'at', message: 'has passed, longer ago than the catch-up window' }
    : undefined;
}

/** The first planned time of a schedule that is made at `now`: only a single time may have passed a moment ago. */
export function firstTime(spec: Timing & Pick<ScheduleSpec, 'catchUp'>, now: number): number | undefined {
  return timesOf(spec, now)(spec.at === null ? now : now - parseDuration(spec.catchUp) - 1);
}

/** The next time that a schedule keeps while it is paused: a single one, which is told when it passes. */
export function keptWhilePaused({ at }: Pick<Timing, 'at'>, next: number | null): number | null {
  return at === null ? null : next;
}

/** The coming times of a schedule, the next one first; none while it is paused. */
export function nextTimes({ spec, anchorAt, nextFireAt, paused }: ScheduleRow): number[] {
  if (nextFireAt === null || paused) return [];
  const next = timesOf(spec, anchorAt);
  const times = [nextFireAt];
  for (let time = next(nextFireAt); time !== undefined && times.length < SHOWN_TIMES; time = next(time)) {
    times.push(time);
  }
  return times;
}

function cronFault(expression: string, now: number): TimingFault | undefined {
  const fault = (message: string): TimingFault => ({ path: 'cron', message });
  if (expression.trim().split(/\s+/).length !== 5) {
    return fault('must have five fields: minute, hour, day of month, month, day of week');
  }
  try {
    return cronTimes(expression, 'UTC')(now) === undefined ? fault('never comes') : undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    return fault(`is not a cron expression: ${why}`);
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}
