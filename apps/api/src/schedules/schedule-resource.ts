import {
  DEFAULT_TIME_ZONE,
  type FireResource,
  type ScheduleBody,
  type ScheduleResource,
} from '@flux/contracts';
import { FluxError, parseDuration } from '@flux/domain';
import stableStringify from 'safe-stable-stringify';
import { isoOrNull } from '../lifecycle/timing.js';
import type { FireRow, ScheduleRow, ScheduleSpec } from './schedule-row.js';
import { nextTimes } from './times.js';

/** The work and the times that a request asks for; what was left out is filled in. */
export function specOf(body: ScheduleBody): ScheduleSpec {
  const { workflowName, input, labels, timeout, cron, every, at, timeZone, overlap, catchUp, note } = body;
  return {
    workflowName,
    input: input === undefined ? {} : input,
    labels: labels ?? {},
    timeout: timeout ?? null,
    cron: cron ?? null,
    every: every ?? null,
    at: at === undefined ? null : new Date(at).toISOString(),
    timeZone: cron === undefined ? null : (timeZone ?? DEFAULT_TIME_ZONE),
    overlap,
    catchUp,
    note: note ?? null,
  };
}

/** True when both ask for the same, however it was written. */
export function isSameSpec(one: ScheduleSpec, other: ScheduleSpec): boolean {
  const parsed = ({ timeout, every, catchUp, ...rest }: ScheduleSpec) =>
    stableStringify({
      ...rest,
      timeout: timeout && parseDuration(timeout),
      every: every && parseDuration(every),
      catchUp: parseDuration(catchUp),
    });
  return parsed(one) === parsed(other);
}

/** A schedule as REST shows it. */
export function toSchedule(row: ScheduleRow): ScheduleResource {
  const { spec, lastFire } = row;
  return {
    scheduleId: row.id,
    ...spec,
    paused: row.paused,
    createdAt: new Date(row.createdAt).toISOString(),
    createdBy: row.createdBy,
    updatedAt: new Date(row.updatedAt).toISOString(),
    updatedBy: row.updatedBy,
    nextFireTimes: nextTimes(row).map((time) => new Date(time).toISOString()),
    lastFire: lastFire && toFire(lastFire),
    lastExecutionId: row.lastExecutionId,
    waiting: row.waiting !== null,
  };
}

export function toFire(row: FireRow): FireResource {
  return {
    ...row,
    plannedAt: new Date(row.plannedAt).toISOString(),
    firedAt: new Date(row.firedAt).toISOString(),
    lastPlannedAt: isoOrNull(row.lastPlannedAt),
  };
}

export function scheduleNotFound(scheduleId: string): FluxError {
  return new FluxError('SCHEDULE_NOT_FOUND', `there is no schedule '${scheduleId}'`);
}
