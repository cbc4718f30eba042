import type { CancelNotice, CheckpointEvent } from '@flux/contracts';
import type { Logger } from 'pino';
import { LongTimer } from '../runtime/index.js';
import type { HeldExecution } from './held-execution.js';

/** What a body that has no grace period gets before its thread is killed: enough to reject and unwind. */
const LEAST_GRACE_MS = 50;
/** How long code of an execution that is owned elsewhere may take to end. */
const STOP_LIMIT_MS = 1000;
/**
 * How long the word of the delivery waits for a body that ends at once, to travel with its end in one checkpoint:
 * otherwise the end waits until the delivery is stored, which took a third of a cancel's time.
 */
const ANNOUNCE_DELAY_MS = 10;

type Checkpoint = (held: HeldExecution, event: CheckpointEvent) => void;

/**
 * The stopping of executions: signal, grace, kill. A cancel is signalled once; when its deadline passes and
 * the runner has not reported the end, the runner dies, and the pool's `onDeath` settles all it ran.
 */
export class Escalation {
  readonly #deadlines = new Map<HeldExecution, LongTimer>();
  readonly #unannounced = new Map<HeldExecution, () => void>();

  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly log: Logger,
  ) {}

  /** Obeys a cancel. A repeat signals nothing again; it can only bring the deadline nearer. */
  cancel(held: HeldExecution, notice: CancelNotice): void {
    if (held.phase === 'ended' || held.expired || held.fenced) return;
    if (!held.signalled) {
      held.signalled = true;
      const { requestedBy, reason, cause, remainingMs } = notice;
      const request = { requestedBy, reason, cause, remainingMs };
      held.runner?.send({ kind: 'cancel', handle: held.handle, request });
    }
    this.arm(held, notice.remainingMs);
  }

  /**
   * Has the api told that the signal has been sent, once, and sets the deadline `remainingMs` from now, or leaves
   * the one that stands when it is nearer.
   */
  arm(held: HeldExecution, remainingMs: number): void {
    const limitMs = Math.max(LEAST_GRACE_MS, remainingMs);
    const standing = this.#deadlines.get(held);
    if (!standing) this.#announceSoon(held);
    else if (standing.remainingMs <= limitMs) return;
    this.#set(held, limitMs, () => this.#expire(held));
  }

  /** Ends an execution that another attempt owns, without a cleanup and without a report. */
  stop(held: HeldExecution, limitMs = STOP_LIMIT_MS): void {
    if (held.phase === 'ended' || held.fenced) return;
    held.fenced = true;
    this.announce(held);
    held.runner?.send({ kind: 'stop', handle: held.handle });
    this.#set(held, limitMs, () => void held.runner?.kill(true));
  }

  /** Tells of the delivery now, if that waits: every other event of the execution comes after it. */
  announce(held: HeldExecution): void {
    this.#unannounced.get(held)?.();
  }

  /** It has ended; its deadline is void. */
  ended(held: HeldExecution): void {
    this.#deadlines.get(held)?.clear();
    this.#deadlines.delete(held);
  }

  #announceSoon(held: HeldExecution): void {
    const at = Date.now();
    const tell = (): void => {
      clearTimeout(timer);
      this.#unannounced.delete(held);
      this.checkpoint(held, { type: 'cancel_delivered', at });
    };
    const timer = setTimeout(tell, ANNOUNCE_DELAY_MS);
    this.#unannounced.set(held, tell);
  }

  #set(held: HeldExecution, limitMs: number, onEnd: () => void): void {
    this.#deadlines.get(held)?.clear();
    this.#deadlines.set(held, new LongTimer(limitMs, onEnd));
  }

  #expire(held: HeldExecution): void {
    const { executionId, attempt, workflowName } = held;
    this.log.warn({ executionId, attempt, workflowName }, 'killed: it did not end within its grace period');
    held.expired = true;
    void held.runner?.kill();
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
