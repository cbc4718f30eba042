/** The choice of a schedule for a fire that finds its previous execution still going on. */
export const OVERLAP_POLICIES = [
  /** The fire is left out. */
  'skip',
  /** The fire waits until that execution has ended; one fire at most waits. */
  'queue',
  /** The previous execution is cancelled, and the fire waits until it has ended; one fire at most waits. */
  'cancel',
  /** The fire starts all the same. */
  'allow',
] as const;

export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/** The outcome of a fire. */
export const FIRE_OUTCOMES = [
  /** The fire started an execution. */
  'started',
  /** The overlap policy left the fire out, or the schedule was paused while the fire waited. */
  'skipped',
  /** The fire waits until the previous execution has ended. */
  'queued',
  /** The fire was due before the catch-up window: nobody was there to fire it. */
  'missed',
  /** The execution could not be started. */
  'failed',
] as const;

export type FireOutcome = (typeof FIRE_OUTCOMES)[number];

/** The state that a fire finds; `waiting` is a fire that waits already. */
export interface FireFacts {
  readonly running: boolean;
  readonly waiting: boolean;
}

export type FireVerdict =
  | { readonly kind: 'start' }
  /** `cancel`: the execution that goes on is to be cancelled. */
  | { readonly kind: 'wait'; readonly cancel: boolean }
  | { readonly kind: 'skip'; readonly because: 'running' | 'waiting' };

/** Decides about a fire by its schedule's overlap policy. Pure. */
export function decideOverlap(policy: OverlapPolicy, { running, waiting }: FireFacts): FireVerdict {
  if (policy === 'allow') return { kind: 'start' };
  // Nothing overtakes the fire that waits.
  if (waiting) return { kind: 'skip', because: 'waiting' };
  if (!running) return { kind: 'start' };
  return policy === 'skip'
    ? { kind: 'skip', because: 'running' }
    : { kind: 'wait', cancel: policy === 'cancel' };
}

/** The first planned time after a time, `undefined` when there is none. Epoch milliseconds. */
export type NextTime = (after: number) => number | undefined;

/** The times `anchor + n × every`, n ≥ 1: a grid that delays do not move. `every` is in milliseconds, > 0. */
export function intervalTimes(anchor: number, every: number): NextTime {
  return (after) => anchor + Math.max(1, Math.floor((after - anchor) / every) + 1) * every;
}

/** The one time `at`. */
export function singleTime(at: number): NextTime {
  return (after) => (after < at ? at : undefined);
}

/** Planned times that nobody fired and nobody will. */
interface MissedTimes {
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Whether there were more: `count` is then where the counting ended, and `last` the last one counted. */
  readonly more: boolean;
}

export interface DueTimes {
  readonly missed: MissedTimes | undefined;
  /** The times to be fired now, oldest first. */
  readonly times: readonly number[];
  /** The time after them; in the past where `limit` cut the times short. */
  readonly next: number | undefined;
}

export interface DueLimits {
  /** How late a time may be fired; milliseconds. */
  readonly windowMs: number;
  /** The most times to fire at once. */
  readonly limit: number;
  /** The most missed times that are counted. */
  readonly countLimit: number;
}

/** The times that are due at `now` of a schedule whose next planned time is `from`. Pure. */
export function dueTimes(next: NextTime, from: number, now: number, limits: DueLimits): DueTimes {
  const horizon = now - limits.windowMs;
  let missed: MissedTimes | undefined;
  let time: number | undefined = from;
  while (time !== undefined && time < horizon) {
    if (missed?.count === limits.countLimit) {
      missed = { ...missed, more: true };
      time = next(horizon - 1);
      break;
    }
    missed = { first: missed?.first ?? time, last: time, count: (missed?.count ?? 0) + 1, more: false };
    time = next(time);
  }
  const times: number[] = [];
  while (time !== undefined && time <= now && times.length < limits.limit) {
    times.push(time);
    time = next(time);
  }
  return { missed, times, next: time };
}
