import type { CancelNotice, CheckpointEvent } from '@flux/contracts';
import { LongTimer, OWNERSHIP_STOP_MS } from '@flux/domain';
import type { Logger } from 'pino';
import type { Attempt } from './attempt.js';

/** The time that a body without a grace period gets before its thread is killed: enough to reject and unwind. */
const LEAST_GRACE_MS = 50;
/**
 * The time that the word of the delivery waits for a body that ends at once, so that both travel in one checkpoint.
 * Otherwise the end waits until the delivery is stored, which took a third of a cancel's time.
 */
const ANNOUNCE_DELAY_MS = 10;

/**
 * The stopping of executions: signal, grace, kill. A cancel is signalled once. When the deadline passes and the
 * runner has not reported the end, the runner is killed, and its death settles all executions that it ran.
 */
export class Escalation {
  readonly #deadlines = new Map<Attempt, LongTimer>();
  readonly #unannounced = new Map<Attempt, () => void>();
  readonly #report: (attempt: Attempt, event: CheckpointEvent) => void;
  readonly #log: Logger;

  constructor(report: (attempt: Attempt, event: CheckpointEvent) => void, log: Logger) {
    this.#report = report;
    this.#log = log;
  }

  /** Obeys a cancel. A repeat signals nothing again; it can only bring the deadline nearer. */
  cancel(attempt: Attempt, notice: CancelNotice): void {
    const isRepeat = attempt.state === 'signalled';
    if (!attempt.take('cancel')) return;
    if (!isRepeat) {
      const { requestedBy, reason, cause, remainingMs, spareMs } = notice;
      attempt.tellRunner({ kind: 'cancel', request: { requestedBy, reason, cause, remainingMs, spareMs } });
    }
    this.arm(attempt, notice.remainingMs);
  }

  /**
   * Has the api told once that the signal has been sent. Sets the deadline `remainingMs` from now, unless a nearer
   * one stands.
   */
  arm(attempt: Attempt, remainingMs: number): void {
    const limitMs = Math.max(LEAST_GRACE_MS, remainingMs);
    const standing = this.#deadlines.get(attempt);
    if (!standing) this.#announceSoon(attempt);
    else if (standing.remainingMs <= limitMs) return;
    this.#set(attempt, limitMs, () => this.#expire(attempt));
  }

  /**
   * Ends the code of an execution that others may own, without a cleanup and without a report.
   * @returns false when the attempt's code has ended, or is being stopped already
   */
  stop(attempt: Attempt, trigger: 'fence' | 'lose_ownership'): boolean {
    if (!attempt.take(trigger) || attempt.state === 'over') return false;
    this.announce(attempt);
    attempt.tellRunner({ kind: 'stop' });
    this.#set(attempt, OWNERSHIP_STOP_MS, () => void attempt.runner?.kill(true));
    return true;
  }

  /** Tells now of a delivery that waits: every other event of the execution comes after the delivery. */
  announce(attempt: Attempt): void {
    this.#unannounced.get(attempt)?.();
  }

  /** The body has ended; its deadline is void. */
  ended(attempt: Attempt): void {
    this.#deadlines.get(attempt)?.clear();
    this.#deadlines.delete(attempt);
  }

  #announceSoon(attempt: Attempt): void {
    const at = Date.now();
    const tell = (): void => {
      clearTimeout(timer);
      this.#unannounced.delete(attempt);
      this.#report(attempt, { type: 'cancel_delivered', at });
    };
    const timer = setTimeout(tell, ANNOUNCE_DELAY_MS);
    this.#unannounced.set(attempt, tell);
  }

  #set(attempt: Attempt, limitMs: number, onEnd: () => void): void {
    this.#deadlines.get(attempt)?.clear();
    this.#deadlines.set(attempt, new LongTimer(limitMs, onEnd));
  }

  #expire(attempt: Attempt): void {
    if (!attempt.take('deadline')) return;
    const { ref, workflowName } = attempt;
    this.#log.warn({ ...ref, workflowName }, 'killed: it did not end within its grace period');
    void attempt.runner?.kill();
  }
}

/** The last event of an execution that was killed at its deadline. */
export function killedEvent(): CheckpointEvent {
  return {
    type: 'finished',
    outcome: 'cancelled',
    signalled: true,
    output: null,
    error: null,
    cleanup: 'timed_out',
    cleanupError: null,
    forced: true,
    at: Date.now(),
  };
}
