import type {
  CreateScheduleBody,
  FirePage,
  FireResource,
  ScheduleBody,
  SchedulePage,
  ScheduleResource,
} from '@flux/contracts';

export interface CreatedSchedule {
  readonly schedule: ScheduleResource;
  /** False when the same request had made it before. */
  readonly created: boolean;
}

export interface ScheduleFilter {
  readonly workflowName: string | undefined;
  readonly limit: number;
  /** The `nextCursor` of the page before. */
  readonly cursor: string | undefined;
}

export interface FiresQuery {
  readonly limit: number;
  /** Only fires with a lower number. */
  readonly beforeSeq: number | undefined;
}

/**
 * What REST asks of schedules. Errors are FluxErrors: `SCHEDULE_NOT_FOUND`, `SCHEDULE_CONFLICT`, `WORKFLOW_NOT_FOUND`,
 * `INVALID_INPUT`, `INVALID_REQUEST`, `DATABASE_UNAVAILABLE`.
 */
export interface ScheduleService {
  create(body: CreateScheduleBody, requestedBy: string): Promise<CreatedSchedule>;
  /** Replaces what it is to do; whether it is paused stays. */
  replace(scheduleId: string, body: ScheduleBody, requestedBy: string): Promise<ScheduleResource>;
  /** Nothing is planned any more, and a fire that waits is given up. What runs goes on. */
  pause(scheduleId: string, requestedBy: string): Promise<ScheduleResource>;
  /** It goes on with the next planned time; those that passed meanwhile are not made up for. */
  resume(scheduleId: string, requestedBy: string): Promise<ScheduleResource>;
  /** Fires it now, paused or not, under its overlap policy. */
  trigger(scheduleId: string, requestedBy: string): Promise<FireResource>;
  /** With its history; resolves with the schedule as it was. What runs goes on. */
  remove(scheduleId: string): Promise<ScheduleResource>;
  get(scheduleId: string): Promise<ScheduleResource>;
  /** By id. */
  list(filter: ScheduleFilter): Promise<SchedulePage>;
  /** Newest first. */
  fires(scheduleId: string, query: FiresQuery): Promise<FirePage>;
}

/** Injection token of the {@link ScheduleService}. */
export const SCHEDULE_SERVICE = Symbol('ScheduleService');
