import type {
  createScheduleBody,
  FirePage,
  FireResource,
  scheduleBody,
  SchedulePage,
  ScheduleResource,
  Sent,
} from '@flux/contracts';
import type { CallOptions, Page, PageOptions } from './types.js';

/** The work and the times of a schedule; exactly one of `cron`, `every` and `at`. */
export type ScheduleRequest = Sent<typeof scheduleBody>;
export type CreateScheduleRequest = Sent<typeof createScheduleBody>;

export interface CreatedSchedule {
  readonly schedule: ScheduleResource;
  /** False when the same request had made it before. */
  readonly created: boolean;
}

export interface ScheduleFilter extends Page {
  readonly workflowName?: string | undefined;
  /** The values that the items carry; without it none. */
  readonly include?: readonly 'input'[] | undefined;
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
  /** A page of schedules, by id. */
  schedules(filter?: ScheduleFilter, options?: CallOptions): Promise<SchedulePage>;
  pauseSchedule(scheduleId: string, options?: CallOptions): Promise<ScheduleResource>;
  /** The schedule goes on. Times that were due while it was paused are not made up for. */
  resumeSchedule(scheduleId: string, options?: CallOptions): Promise<ScheduleResource>;
  /** Fires it now, under its overlap policy: `outcome` says what became of it. */
  triggerSchedule(scheduleId: string, options?: CallOptions): Promise<FireResource>;
  /** Returns it as it was; executions that it started go on. */
  deleteSchedule(scheduleId: string, options?: CallOptions): Promise<ScheduleResource>;
  /** A page of the schedule's fires, newest first. */
  scheduleHistory(scheduleId: string, options?: PageOptions): Promise<FirePage>;
}
