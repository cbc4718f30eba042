/**
 * The times by which a worker that is cut off must have stopped, and from which others may have its executions. Each
 * side counts on a clock of its own, which need only run at the same speed: a worker's count begins before the api's
 * can.
 */

/** A worker that has had no proof of its link to the broker for this long stops all it holds. */
export const LINK_LOST_AFTER_MS = 900;

/** How long the code of what a worker stopped may take to see its signal and end, before its runner is killed. */
export const OWNERSHIP_STOP_MS = 200;

/**
 * A worker whose lease the api cannot renew, since the database takes no writes, goes on for a part of its lease at a
 * time: the api vouches for it. Whoever can write, and would find its lease run out, asks the worker first. A worker that
 * was asked is vouched for no more, so by the time it is lost it has stopped, whichever api cannot write.
 */
export const ASKED = {
  /** How long a worker goes on after the heartbeat that an api vouched for. */
  vouchedMs: (leaseMs: number): number => leaseMs / 5,
  /** How much of a lease is left when the worker is asked for the first time. */
  leftMs: (leaseMs: number): number => leaseMs * 0.4,
  /** How long after that the worker is lost at the earliest. */
  lostAfterMs: (leaseMs: number): number => leaseMs * 0.27,
};

/**
 * The time after the loss of a worker was found before which others do not get its executions. The rest of the time,
 * beyond the two above, is for timers that are late and for processes to die.
 */
export const HAND_OVER_AFTER_MS = 1_300;

/**
 * While the broker raises an alarm it takes nobody's messages: no proof of a link and no heartbeat comes through. Its own
 * heartbeats go on, and each of them shows that the alarm stood until then.
 */
export const ALARM = {
  /**
   * How long such a sign proves a worker's link and renews its lease, at least. With 5 s agreed upon, RabbitMQ looks
   * every 2.5 s and sends a sign if it has sent nothing since the look before, so up to 5 s pass before the first.
   */
  proofMs: 6_500,
  /** How long after an alarm nobody is looked for: by then a worker without further signs has stopped. */
  settleMs: 6_000,
};
