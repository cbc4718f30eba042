import { HELD_BY_HAND, runQueue, type ClaimGrant, type MessageBody, type WorkerWish } from '@flux/contracts';
import { sleep } from '@flux/domain';
import type { Outcome, Subscription } from '@flux/messaging';
import type { AttemptRef } from '../attempts/attempt.js';
import type { WorkerBus } from '../ownership/worker-bus.js';
import type { Claims } from './claims.js';
import { Slots } from './slots.js';
import { within } from '../flow/within.js';

/** How long a delivery waits for a place before it goes back to the queue, for other workers to take. */
const PATIENCE_MS = 250;
/** How long an execution that is part of a cleanup waits for a place here, once it was offered. */
const CLEANUP_PATIENCE_MS = 5_000;
const REGISTER_WAIT_MS = 500;
/** How long a delivery waits that came to a worker that takes nothing, for other workers to take. */
const HELD_WAIT_MS = 50;
/** The interval of looks whether runners are free again. */
const LOOK_EVERY_MS = 250;

export interface IntakeOptions extends Omit<WorkerBus, 'workerId'> {
  readonly claims: Claims;
  /** Executions at a time, ≥ 1. */
  readonly concurrency: number;
  /** The version of a workflow that this worker has. */
  versionOf(workflowName: string): string | null;
  /** False while there is no runner that an execution of that workflow could be given to. */
  isReadyFor(workflowName: string): boolean;
  /** Takes over a granted execution; its place is {@link Intake.release}d when it has ended. */
  onGrant(grant: ClaimGrant): void;
  /** Whether that execution runs here. */
  runs(executionId: string): boolean;
  /** The api does not know this worker (any more). */
  onUnknownWorker(): void;
  /** The api says that this worker was asked by hand to take nothing, of which it has not heard. */
  onHeldByHand(): void;
}

interface ClaimUnderWay {
  /** The outcome of the delivery that the execution is claimed for; see {@link Intake.#claim}. */
  readonly outcome: Promise<Outcome | undefined>;
  /** Cancels, pauses and ends of children that overtook the claim's answer. None of them may be lost. */
  readonly early: EarlyMessage[];
}

interface EarlyMessage {
  readonly attempt: number;
  readonly obey: () => void;
}

/**
 * Takes executions from the run queues, no more than there are places. A delivery is settled as soon as its
 * claim is decided: it is never held for the length of a run.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #slots: Slots;
  /** The claims under way, by execution. */
  readonly #claiming = new Map<string, ClaimUnderWay>();
  /** Offered executions that wait for a place. */
  readonly #offered = new Set<string>();
  readonly #sources: Array<{ readonly workflowName: string; readonly subscription: Subscription }> = [];
  #open = true;
  #held: WorkerWish['kind'] = null;
  #crowded = false;
  #look: NodeJS.Timeout | undefined;
  #idleWaits: Array<() => void> = [];

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#slots = new Slots(options.concurrency, () => this.#onFree());
  }

  /**
   * Has `obey` called right after the grant of an attempt that is being claimed: a message for it came earlier than the
   * claim's answer. Does nothing while no claim of the execution is under way.
   * @returns whether one is
   */
  keepEarly({ executionId, attempt }: AttemptRef, obey: () => void): boolean {
    const claim = this.#claiming.get(executionId);
    claim?.early.push({ attempt, obey });
    return claim !== undefined;
  }

  /** Resolves when no place is taken, not even by a claim, or after `limitMs`, or when `signal` aborts. */
  async idle(limitMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#slots.taken === 0 || signal?.aborted) return;
    const idle = new Promise<void>((resolve) => {
      this.#idleWaits.push(resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
    await within(limitMs, idle);
  }

  addRunQueue(workflowName: string, subscription: Subscription): void {
    this.#sources.push({ workflowName, subscription });
    this.#steer();
  }

  /** @param isLent whether the execution lent its place */
  release(isLent = false): void {
    this.#slots.release(isLent);
  }

  /** An execution lends its place while it only waits for children, or goes on. */
  lend(isLent: boolean): void {
    this.#slots.lend(isLent);
  }

  /** Takes nothing more, until {@link Intake.open}. */
  close(): void {
    this.#open = false;
    this.#steer();
  }

  open(): void {
    this.#open = true;
    this.#steer();
  }

  /** Obeys a wish by hand: while it is held, it takes no more than what the cleanups of a paused worker need. */
  hold(kind: WorkerWish['kind']): void {
    this.#held = kind;
    this.#steer();
  }

  #takes({ cleanupOf }: MessageBody<'run'>): boolean {
    if (!this.#open || this.#held === null) return this.#open;
    return this.#held === 'pause' && cleanupOf !== undefined && this.#options.runs(cleanupOf);
  }

  /** Claims the execution of a delivery of a run queue, where there is a place for it. */
  async takeDelivery(message: MessageBody<'run'>, redelivered: boolean): Promise<Outcome> {
    if (!this.#open) return { kind: 'retry' };
    // The queue may go on giving it to this worker until it has heard that it shall not.
    if (!this.#takes(message)) return this.#again(message, redelivered, HELD_WAIT_MS);
    const isReady = this.#options.isReadyFor(message.workflowName);
    if (!isReady || !(await this.#slots.take(PATIENCE_MS, message.cleanup))) {
      this.#crowded ||= isReady;
      this.#steer();
      return this.#again(message, redelivered, 0);
    }
    const { executionId } = message;
    // The delivery waits for the claim under way: given back until that is answered, it would come often enough to
    // end among the dead letters.
    const underWay = this.#claiming.get(executionId);
    if (this.#takes(message) && !underWay) {
      return (await this.#claim(message)) ?? this.#again(message, redelivered, REGISTER_WAIT_MS);
    }
    this.release();
    return (await underWay?.outcome) ?? this.#again(message, redelivered, PATIENCE_MS);
  }

  /**
   * Takes the execution if there is a place now. If not, the execution waits in its queue, or is offered to another
   * worker. One that is part of a cleanup waits for a place here too.
   */
  async offer(message: MessageBody<'offer'>): Promise<void> {
    if (!this.#takes(message) || !this.#options.isReadyFor(message.workflowName)) return;
    if (this.#claiming.has(message.executionId)) return;
    if (this.#slots.tryTake(message.cleanup)) await this.#claim(message);
    else if (message.cleanup) void this.#takeLater(message);
  }

  /** The control queue does not wait for this. */
  async #takeLater(message: MessageBody<'offer'>): Promise<void> {
    const { executionId } = message;
    if (this.#offered.has(executionId)) return;
    this.#offered.add(executionId);
    const gotPlace = await this.#slots.take(CLEANUP_PATIENCE_MS, true);
    this.#offered.delete(executionId);
    if (!gotPlace) return;
    if (this.#takes(message) && !this.#claiming.has(executionId)) await this.#claim(message);
    else this.release();
  }

  /** Resolves with `undefined` when the claim is not decided, and the delivery must come again. */
  #claim(message: MessageBody<'run'>): Promise<Outcome | undefined> {
    const early: EarlyMessage[] = [];
    const outcome = this.#ask(message, early).finally(() => this.#claiming.delete(message.executionId));
    this.#claiming.set(message.executionId, { outcome, early });
    return outcome;
  }

  async #ask(
    { executionId, workflowName }: MessageBody<'run'>,
    early: EarlyMessage[],
  ): Promise<Outcome | undefined> {
    const { claims, log } = this.#options;
    const result = await claims.claim(executionId, this.#options.versionOf(workflowName));
    if (result?.granted) {
      this.#options.onGrant(result);
      for (const { attempt, obey } of early.splice(0)) {
        if (attempt === result.attempt) obey();
      }
      return { kind: 'ack' };
    }
    this.release();
    if (!result) return undefined;
    log.debug({ executionId, reason: result.reason }, 'claim refused');
    if (result.reason === 'UNKNOWN_WORKER') this.#options.onUnknownWorker();
    else if (result.reason === HELD_BY_HAND) this.#options.onHeldByHand();
    else return { kind: 'ack' };
    return undefined;
  }

  /**
   * Has a delivery come again that cannot be taken now, through no fault of its own. The first time, the delivery
   * keeps its position in the queue. Later it goes to the queue's end as a new message, lest a busy fleet, a runner
   * that is long in coming or an api that is away drives it past its delivery limit.
   */
  async #again(message: MessageBody<'run'>, redelivered: boolean, delayMs: number): Promise<Outcome> {
    if (!redelivered) return { kind: 'retry', delayMs };
    await sleep(delayMs);
    const { bus, topology } = this.#options;
    await bus.publish(runQueue(topology, message), 'run', message);
    return { kind: 'ack' };
  }

  #onFree(): void {
    if (this.#slots.taken === 0) for (const tell of this.#idleWaits.splice(0)) tell();
    if (!this.#crowded) return;
    this.#crowded = false;
    this.#steer();
  }

  /** Lets the queues flow whose executions could be run now, and looks again while some queue is held. */
  #steer(): void {
    clearTimeout(this.#look);
    const flows = this.#open && this.#held === null && !this.#crowded;
    let waits = false;
    for (const { workflowName, subscription } of this.#sources) {
      const isReady = this.#options.isReadyFor(workflowName);
      waits ||= !isReady;
      const done = flows && isReady ? subscription.resume() : subscription.pause();
      done.catch((error: unknown) => this.#options.log.warn({ err: error }, 'a run queue did not obey'));
    }
    if (waits && this.#open) this.#look = setTimeout(() => this.#steer(), LOOK_EVERY_MS);
  }
}
