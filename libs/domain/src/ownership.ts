/**
 * When a worker that is cut off must have stopped, and when others may have what it held. Each side counts on a
 * clock of its own, which need only run at the same speed: a worker's count begins before the api's can.
 */

/** A worker that has had no proof of its link to the broker for this long stops all it holds. */
export const LINK_LOST_AFTER_MS = 900;

/** How long the code of what a worker stopped may take to see its signal and end, before its runner is killed. */
export const OWNERSHIP_STOP_MS = 200;

/**
 * What a lost worker held goes to others this long after the loss was found, not earlier. The rest of it, beyond the
 * two above, is for timers that are late and for threads to die.
 */
export const HAND_OVER_AFTER_MS = 1_300;
