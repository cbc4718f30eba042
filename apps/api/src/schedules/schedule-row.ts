import type { FireResource } from '@flux/contracts';
import type { OverlapPolicy } from '@flux/domain';

/** The work and the times of a schedule, as they were asked for; durations and times as they were written. */
export interface ScheduleSpec {
  readonly workflowName: string;
  readonly input: unknown;
  readonly labels: Readonly<Record<string, string>>;
  readonly timeout: string | null;
  /** Exactly one of the three is set. */
  readonly cron: string | null;
  readonly every: string | null;
  readonly at: string | null;
  /** Set with `cron`. */
  readonly timeZone: string | null;
  readonly overlap: OverlapPolicy;
  readonly catchUp: string;
  readonly note: string | null;
}

/** A fire as stored. Times are epoch milliseconds of the api's clock. */
export interface FireRow extends Readonly<Omit<FireResource, 'plannedAt' | 'firedAt' | 'lastPlannedAt'>> {
  readonly plannedAt: number;
  readonly firedAt: number;
  readonly lastPlannedAt: number | null;
}

/** A schedule as stored. Times are epoch milliseconds of the api's clock. */
export interface ScheduleRow {
  readonly id: string;
  readonly spec: ScheduleSpec;
  readonly paused: boolean;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly updatedAt: number;
  readonly updatedBy: string;
  /** The time at which the grid of an interval begins. */
  readonly anchorAt: number;
  readonly nextFireAt: number | null;
  /** No time up to it is planned again, whatever changes. */
  readonly lastPlannedAt: number | null;
  readonly fireSeq: number;
  /** The fire that waits until the last execution has ended. */
  readonly waiting: FireRow | null;
  readonly lastFire: FireRow | null;
  readonly lastExecutionId: string | null;
}

/** A fire that waits is looked at again after this. */
const WAIT_POLL_MS = 500;

/** When the scheduler must look at the schedule next, `null` for never. Epoch milliseconds. */
export function dueAtOf({ nextFireAt, waiting }: ScheduleRow, now: number): number | null {
  const poll = waiting ? now + WAIT_POLL_MS : null;
  return nextFireAt === null || poll === null ? (nextFireAt ?? poll) : Math.min(nextFireAt, poll);
}
