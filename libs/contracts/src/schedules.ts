import { FIRE_OUTCOMES, OVERLAP_POLICIES } from '@flux/domain';
import { z } from 'zod';
import {
  duration,
  executionId,
  includeOf,
  isoTime,
  jsonValue,
  labels,
  pageFields,
  pageOf,
  storable,
  workflowName,
} from './values.js';

/** Requests and responses of the REST API about schedules. */

/** The alphabet of a workflow's name. */
export const scheduleId = workflowName;
export const overlapPolicy = z.enum(OVERLAP_POLICIES);
export const fireOutcome = z.enum(FIRE_OUTCOMES);

/** Executions that a schedule started carry its id under this label. */
export const SCHEDULE_LABEL = 'flux.schedule';
export const DEFAULT_CATCH_UP = '1m';
export const DEFAULT_TIME_ZONE = 'UTC';
const SHORTEST_INTERVAL_MS = 1_000;
/** Less would miss fires because a server was busy for a moment. */
const SHORTEST_CATCH_UP_MS = 10_000;

/** A duration that stays as it was written. */
const durationText = (check: (milliseconds: number) => boolean, message: string): z.ZodString =>
  z.string().superRefine((text, context) => {
    const parsed = duration.safeParse(text);
    const fault = parsed.success
      ? check(parsed.data)
        ? undefined
        : message
      : parsed.error.issues[0]?.message;
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });

const spec = {
  workflowName,
  /** Absent: `{}`. */
  input: jsonValue.optional(),
  labels: labels
    .refine(
      (value) => !Object.hasOwn(value, SCHEDULE_LABEL),
      `${SCHEDULE_LABEL} is set by the schedule itself`,
    )
    .optional(),
  /** The time limit of each execution. */
  timeout: durationText((value) => value > 0, 'must be longer than 0').optional(),
  /** Five fields: minute, hour, day of month, month, day of week; in `timeZone`. */
  cron: z.string().max(200).optional(),
  every: durationText((value) => value >= SHORTEST_INTERVAL_MS, 'must be at least 1s').optional(),
  at: isoTime.optional(),
  /** The time zone of `cron`, an IANA name; absent: UTC. */
  timeZone: z.string().max(100).optional(),
  /** The choice of a fire that finds the previous execution going on. */
  overlap: overlapPolicy.default('skip'),
  /** How late a fire is made up for. */
  catchUp: durationText((value) => value >= SHORTEST_CATCH_UP_MS, 'must be at least 10s').default(
    DEFAULT_CATCH_UP,
  ),
  note: storable(z.string().max(1000)).optional(),
};

type Timed = Readonly<Partial<Record<'cron' | 'every' | 'at' | 'timeZone', string>>>;

const oneTiming = z.refine<Timed>(
  ({ cron, every, at }) => [cron, every, at].filter((value) => value !== undefined).length === 1,
  { path: ['cron'], message: 'give exactly one of cron, every and at' },
);
const zoneOfCron = z.refine<Timed>(({ cron, timeZone }) => timeZone === undefined || cron !== undefined, {
  path: ['timeZone'],
  message: 'goes with cron alone: every and at need none',
});

/** `PUT`: what it leaves out becomes the default again; whether it is paused stays as it is. */
export const scheduleBody = z.strictObject(spec).check(oneTiming, zoneOfCron);
export type ScheduleBody = z.infer<typeof scheduleBody>;

export const createScheduleBody = z
  .strictObject({
    /** Absent: made from the workflow's name. The same id and request again is the same schedule. */
    scheduleId: scheduleId.optional(),
    ...spec,
    paused: z.boolean().default(false),
  })
  .check(oneTiming, zoneOfCron);
export type CreateScheduleBody = z.infer<typeof createScheduleBody>;

/** The routes that only do something take no fields. */
export const emptyBody = z.strictObject({});

export const schedulesQuery = z.strictObject({
  workflowName: workflowName.optional(),
  include: includeOf('input'),
  ...pageFields,
});
export const firesQuery = z.strictObject(pageFields);

/** The outcome of one planned time, or of one trigger. */
export const fireResource = z.object({
  /** Counts the schedule's fires from 1. */
  seq: z.int().min(1),
  plannedAt: isoTime,
  /** When it was decided on; of a fire that waited, when it started. */
  firedAt: isoTime,
  /** The caller who triggered it by hand; `null` when it was planned. */
  triggeredBy: z.string().nullable(),
  outcome: fireOutcome,
  executionId: executionId.nullable(),
  /** Why it did not simply start. */
  reason: z.string().nullable(),
  /** The error's code of a `failed` fire. */
  code: z.string().nullable(),
  /** How many planned times it stands for: one, or all that were missed in a row, at least. */
  count: z.int().min(1),
  /** The last of the times that a `missed` fire stands for. */
  lastPlannedAt: isoTime.nullable(),
});
export type FireResource = z.infer<typeof fireResource>;
export const firePage = pageOf(fireResource);
export type FirePage = z.infer<typeof firePage>;

export const scheduleResource = z.object({
  scheduleId,
  workflowName,
  input: jsonValue,
  labels: z.record(z.string(), z.string()),
  timeout: z.string().nullable(),
  /** Exactly one of the three is set. */
  cron: z.string().nullable(),
  every: z.string().nullable(),
  at: isoTime.nullable(),
  /** Set with `cron`. */
  timeZone: z.string().nullable(),
  overlap: overlapPolicy,
  catchUp: z.string(),
  note: z.string().nullable(),
  paused: z.boolean(),
  createdAt: isoTime,
  createdBy: z.string(),
  updatedAt: isoTime,
  /** The caller who changed, paused or resumed the schedule last; at first, the one who made it. */
  updatedBy: z.string(),
  /** Five times at most; none when the schedule is paused or over. */
  nextFireTimes: z.array(isoTime),
  lastFire: fireResource.nullable(),
  /** The execution that it started last. */
  lastExecutionId: executionId.nullable(),
  /** A fire waits until that execution has ended. */
  waiting: z.boolean(),
});
export type ScheduleResource = z.infer<typeof scheduleResource>;
/** A schedule of a list: `input` is there where it was asked for. */
export const listedScheduleResource = scheduleResource.partial({ input: true });
export type ListedScheduleResource = z.infer<typeof listedScheduleResource>;
export const schedulePage = pageOf(listedScheduleResource);
export type SchedulePage = z.infer<typeof schedulePage>;
