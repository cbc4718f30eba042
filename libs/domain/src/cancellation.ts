/** The cause of a cancel: a request, the execution's own timeout, its parent's cancel, or a bulk cancel. */
export const CANCEL_CAUSES = ['request', 'timeout', 'parent', 'bulk'] as const;
export type CancelCause = (typeof CANCEL_CAUSES)[number];

/**
 * The effect of a parent's cancel on a child. `wait`: the child is cancelled, and the parent ends after it.
 * `request`: it is cancelled, and not waited for. `abandon`: it is left alone.
 */
export const PARENT_CANCEL_POLICIES = ['wait', 'request', 'abandon'] as const;
export type ParentCancelPolicy = (typeof PARENT_CANCEL_POLICIES)[number];

/**
 * The outcome of the code that runs after the signal. `none`: there was nothing to clean up. `timed_out`: it was
 * killed at the deadline. `not_run`: no worker could run it.
 */
export const CLEANUPS = ['none', 'succeeded', 'failed', 'timed_out', 'not_run'] as const;
export type Cleanup = (typeof CLEANUPS)[number];

/** How a cancel ended: the execution was cancelled, or its body had finished before the signal reached it. */
export const CANCEL_OUTCOMES = ['cancelled', 'already_completed'] as const;
export type CancelOutcome = (typeof CANCEL_OUTCOMES)[number];
