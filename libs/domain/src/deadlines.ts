/**
 * The time by which a cancel's cleanup must be over, and how a repeated request moves it. Times are epoch
 * milliseconds.
 */
export interface CancelDeadline {
  readonly requestedAt: number;
  readonly deadlineAt: number;
}

/** The deadline of a first request: `force` leaves no grace period. */
export function firstDeadline(now: number, gracePeriodMs: number, force: boolean): CancelDeadline {
  return { requestedAt: now, deadlineAt: force ? now : now + gracePeriodMs };
}

/**
 * How far beyond the grace period and a lease a cleanup may go that begins late, milliseconds. The bound of a cancel is 5 s
 * beyond them; the rest is for a runner to die, for the word of that, and for an owner that gives none to be told to stop.
 */
const LATE_MS = 2_000;

/** The last moment that a body may have for its cleanup, however late the signal reaches it. */
export function latestDeadline(requestedAt: number, gracePeriodMs: number, leaseMs: number): number {
  return requestedAt + gracePeriodMs + leaseMs + LATE_MS;
}

/**
 * The deadline after a repeated request: only `force` moves it, and only nearer. A plain repeat never
 * shortens, lengthens or restarts a cleanup.
 */
export function repeatedDeadline(standing: CancelDeadline, now: number, force: boolean): CancelDeadline {
  return force && now < standing.deadlineAt ? { ...standing, deadlineAt: now } : standing;
}

/** True when `deadlineAt` and `marginMs` after it have passed. */
export function isPast(deadlineAt: number, now: number, marginMs = 0): boolean {
  return now >= deadlineAt + marginMs;
}

/** The share of a cancel's time that its own cleanup and that of its children need not share with those below. */
const SPARE_SHARE = 0.2;

/**
 * The times of a tree's cancel. Half of what a parent has to spare goes to its children, and so on from generation to
 * generation: however deep an execution is, its cleanup has at least what is nobody's to spare.
 * @param spareMs what the parent has to spare at most; absent: it is the tree's root
 */
function spareOf(remainingMs: number, spareMs = Number.POSITIVE_INFINITY): number {
  return Math.min(Math.max(0, remainingMs) * SPARE_SHARE, spareMs);
}

/** How long the cleanup of a child may take whose parent's cancel has `remainingMs` left and waits for it. */
export function childGraceMs(remainingMs: number, spareMs?: number): number {
  return Math.max(0, remainingMs - spareOf(remainingMs, spareMs) / 2);
}

/** What that child has to spare itself. */
export function childSpareMs(remainingMs: number, spareMs?: number): number {
  return spareOf(remainingMs, spareMs) / 2;
}

/** How long a body under a cancel that has `remainingMs` left waits for its children, before it cleans up. */
export function lastCallMs(remainingMs: number, spareMs?: number): number {
  return Math.max(0, remainingMs - spareOf(remainingMs, spareMs) / 4);
}
