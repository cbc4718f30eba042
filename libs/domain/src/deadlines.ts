/** When a cancel's cleanup must be over, and how a repeated request moves that. Times are epoch milliseconds. */
export interface CancelDeadline {
  readonly requestedAt: number;
  readonly deadlineAt: number;
}

/** The deadline of a first request: `force` leaves no grace period. */
export function firstDeadline(now: number, gracePeriodMs: number, force: boolean): CancelDeadline {
  return { requestedAt: now, deadlineAt: force ? now : now + gracePeriodMs };
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

/** Of the time that a parent's cancel has left, the share that its children get; the rest is for its own cleanup. */
const CHILDREN_SHARE = 0.9;
/** After this share a parent waits for its children no longer, so that its own cleanup begins all the same. */
const LAST_CALL_SHARE = 0.95;

/** How long the cleanup of a child may take whose parent's cancel has `remainingMs` left and waits for it. */
export function childGraceMs(remainingMs: number): number {
  return Math.max(0, remainingMs * CHILDREN_SHARE);
}

/** How long a body under a cancel that has `remainingMs` left waits for its children, before it cleans up. */
export function lastCallMs(remainingMs: number): number {
  return Math.max(0, remainingMs * LAST_CALL_SHARE);
}
