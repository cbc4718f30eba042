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
