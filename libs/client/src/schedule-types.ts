import type { FirePage, FireResource, SchedulePage, ScheduleResource } from '@flux/contracts';
import type { CallOptions } from './types.js';

/** What a schedule is to do; exactly one of `cron`, `every` and `at`. */
export interface ScheduleRequest {
  readonly workflowName: string;
  /** Of every execution; `{}` without it. */
  readonly input?: unknown;
  readonly labels?: Readonly<Record<string, string>>;
  /** The time limit of each execution, a duration such as `1h`. */
  readonly timeout?: string;
  /** Five fields: minute, hour, day of month, month, day of week. */
  readonly cron?: string;
  /** Of `cron`, an IANA name; UTC without it. */
  readonly timeZone?: string;
  /** A duration of at least 1s. */
  readonly every?: string;
  /** ISO 8601. */
  readonly at?: string;
  /** What a fire does that finds the previous execution going on; `skip` without it. */
  readonly overlap?: ScheduleResource['overlap'];
  /** How late a fire is made up for, a duration of at least 10s; `1m` without it. */
  readonly catchUp?: string;
  readonly note?: string;
}

export interface CreateScheduleRequest extends ScheduleRequest {
  /** Made from the workflow's name without it. The same id and request again is the same schedule. */
  readonly scheduleId?: string;
  readonly paused?: boolean;
}

export interface CreatedSchedule {
  readonly schedule: ScheduleResource;
  /** False when the same request had made it before. */
  readonly created: boolean;
}

export interface ScheduleFilter {
  readonly workflowName?: string;
  /** Items a page. */
  readonly limit?: number;
  readonly cursor?: string;
}

export interface FiresOptions extends CallOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

/** The calls about schedules; each rejects as the others do. */
export interface ScheduleCalls {
  createSchedule(request: CreateScheduleRequest, options?: CallOptions): Promise<CreatedSchedule>;
  /** Says anew all that it is to do; whether it is paused stays. */
  replaceSchedule(
    scheduleId: string,
    request: ScheduleRequest,
    options?: CallOptions,
  ): Promise<ScheduleResource>;
  schedule(scheduleId: string, options?: CallOptions): Promise<ScheduleResource>;
  /** One page, by id. */
  schedules(filter?: ScheduleFilter, options?: CallOptions): Promise<SchedulePage>;
  pauseSchedule(scheduleId: string, options?: CallOptions): Promise<ScheduleResource>;
  /** What was due while it was paused is not made up for. */
  resumeSchedule(scheduleId: string, options?: CallOptions): Promise<ScheduleResource>;
  /** Fires it now, under its overlap policy: `outcome` says what became of it. */
  triggerSchedule(scheduleId: string, options?: CallOptions): Promise<FireResource>;
  /** Returns it as it was; executions that it started go on. */
  deleteSchedule(scheduleId: string, options?: CallOptions): Promise<ScheduleResource>;
  /** One page of its fires, newest first. */
  scheduleHistory(scheduleId: string, options?: FiresOptions): Promise<FirePage>;
}
