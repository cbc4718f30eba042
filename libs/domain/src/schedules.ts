/** What a schedule does with a fire that finds its previous execution still going on. */
export const OVERLAP_POLICIES = [
  /** The fire is left out. */
  'skip',
  /** It waits until that execution has ended; one fire at most waits. */
  'queue',
  /** That execution is cancelled, and the fire waits until it has ended; one fire at most waits. */
  'cancel',
  /** It starts all the same. */
  'allow',
] as const;

export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/** What became of a fire. */
export const FIRE_OUTCOMES = [
  /** It started an execution. */
  'started',
  /** Its schedule's overlap policy left it out, or its schedule was paused while it waited. */
  'skipped',
  /** It waits until the previous execution has ended. */
  'queued',
  /** It was due before the catch-up window: nobody was there to fire it. */
  'missed',
  /** Its execution could not be started. */
  'failed',
] as const;

export type FireOutcome = (typeof FIRE_OUTCOMES)[number];

/** What a fire finds; `waiting` is a fire that waits already. */
export interface FireFacts {
  readonly running: boolean;
  readonly waiting: boolean;
}

export type FireVerdict =
  | { readonly kind: 'start' }
  /** `cancel`: the execution that goes on is to be cancelled. */
  | { readonly kind: 'wait'; readonly cancel: boolean }
  | { readonly kind: 'skip'; readonly because: 'running' | 'waiting' };

/** What a schedule does with a fire, given its overlap policy. Pure. */
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
export interface MissedTimes {
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** There were more: `count` is where the counting ended, and `last` the last one counted. */
  readonly more: boolean;
}

export interface DueTimes {
  readonly missed: MissedTimes | undefined;
  /** To be fired now, oldest first. */
  readonly times: readonly number[];
  /** What comes after them; in the past where `limit` cut the times short. */
  readonly next: number | undefined;
}

export interface DueLimits {
  /** How late a time may be fired; milliseconds. */
  readonly windowMs: number;
  /** Most times to fire at once. */
  readonly limit: number;
  /** Most missed times that are counted. */
  readonly countLimit: number;
}

/** What is due at `now` of a schedule whose next planned time is `from`. Pure. */
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
