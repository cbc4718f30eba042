import type { CancelNotice, CheckpointEvent } from '@flux/contracts';
import { LongTimer, OWNERSHIP_STOP_MS } from '@flux/domain';
import type { Logger } from 'pino';
import { bodyTimeMs } from '../wire/body-time.js';
import type { Attempt } from './attempt.js';

/** The time that a body without a grace period gets before its thread is killed: enough to reject and unwind. */
const LEAST_GRACE_MS = 50;
/**
 * The time that the word of the delivery waits for a body that ends at once, so that both travel in one checkpoint.
 * Otherwise the end waits until the delivery is stored, which took a third of a cancel's time.
 */
const ANNOUNCE_DELAY_MS = 10;

/** The most that a replay may add to the deadline of a body that hears of its cancel at the replay's end. */
const REPLAY_MS = 1_000;

/** A cancel that waits for its body, since a time on the clock of `performance.now()`. */
interface Waiting {
  readonly notice: CancelNotice;
  readonly since: number;
}

/**
 * The stopping of executions: signal, grace, kill. A cancel is signalled once. When the deadline passes and the
 * runner has not reported the end, the runner is killed, and its death settles all executions that it ran. The grace
 * period is the body's: it begins when the body can hear of the cancel.
 */
export class Escalation {
  readonly #deadlines = new Map<Attempt, LongTimer>();
  readonly #unannounced = new Map<Attempt, () => void>();
  /** The attempts whose bodies have yet to begin, with the first cancel that came for them. */
  readonly #arriving = new Map<Attempt, Waiting | undefined>();
  /** The attempts that are run to their cancel, of which their bodies hear once they are where they stood. */
  readonly #replaying = new Map<Attempt, Waiting>();
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
    this.#arm(attempt, { notice, since: performance.now() });
  }

  /** The attempt's input, history or runner is on its way. Nothing of it runs before {@link Escalation.arrived}. */
  arriving(attempt: Attempt): void {
    this.#arriving.set(attempt, undefined);
  }

  arrived(attempt: Attempt): void {
    const waiting = this.#arriving.get(attempt);
    this.#arriving.delete(attempt);
    if (waiting && attempt.isRunning) this.#arm(attempt, waiting);
  }

  /** The attempt's start carries the cancel: its body hears of that when it has come to where it stood. */
  runToCancel(attempt: Attempt, notice: CancelNotice): void {
    const waiting = { notice, since: performance.now() };
    this.#replaying.set(attempt, waiting);
    this.#arm(attempt, waiting);
  }

  /** The body of an attempt that was run to its cancel has heard of it. */
  signalled(attempt: Attempt): void {
    const waiting = this.#replaying.get(attempt);
    const standing = this.#deadlines.get(attempt);
    if (!waiting || !standing || attempt.state !== 'signalled') return;
    this.#replaying.delete(attempt);
    this.#announceSoon(attempt);
    const limitMs = Math.min(timeLeftMs(waiting), standing.remainingMs + REPLAY_MS);
    if (limitMs > standing.remainingMs) this.#set(attempt, limitMs, () => this.#expire(attempt));
  }

  /**
   * Has the api told once that the signal has been sent. Sets the deadline by the time of a body that hears of it now,
   * unless a nearer one stands.
   */
  #arm(attempt: Attempt, waiting: Waiting): void {
    const isForced = waiting.notice.graceMs === undefined;
    if (this.#arriving.has(attempt) && !isForced) {
      this.#arriving.set(attempt, this.#arriving.get(attempt) ?? waiting);
      return;
    }
    const limitMs = Math.max(LEAST_GRACE_MS, timeLeftMs(waiting));
    const standing = this.#deadlines.get(attempt);
    const isReplaying = this.#replaying.has(attempt);
    if (isForced) this.#replaying.delete(attempt);
    if (isReplaying ? isForced : !standing) this.#announceSoon(attempt);
    if (standing && standing.remainingMs <= limitMs) return;
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
    for (const each of [this.#deadlines, this.#arriving, this.#replaying]) each.delete(attempt);
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
    // Code that is too busy to hear of the cancel has had its time all the same.
    if (this.#replaying.delete(attempt)) this.#announceSoon(attempt);
    const { ref, workflowName } = attempt;
    this.#log.warn({ ...ref, workflowName }, 'killed: it did not end within its grace period');
    void attempt.runner?.kill();
  }
}

function timeLeftMs({ notice, since }: Waiting): number {
  return bodyTimeMs(notice, performance.now() - since);
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
