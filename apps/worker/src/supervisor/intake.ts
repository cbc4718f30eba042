import { setTimeout as wait } from 'node:timers/promises';
import { runQueue, type ClaimGrant, type MessageBody, type Topology } from '@flux/contracts';
import type { Bus, Outcome, Subscription } from '@flux/messaging';
import type { Logger } from 'pino';
import type { Claims } from './claims.js';
import { Slots } from './slots.js';
import { within } from './within.js';

/** How long a delivery waits for a place before it goes back to the queue, for other workers to take. */
const PATIENCE_MS = 250;
const REGISTER_WAIT_MS = 500;
/** How often it looks whether runners are free again. */
const LOOK_EVERY_MS = 250;

export interface IntakeOptions {
  readonly bus: Bus;
  readonly topology: Topology;
  readonly claims: Claims;
  /** Executions at a time, ≥ 1. */
  readonly concurrency: number;
  readonly log: Logger;
  /** Of a workflow, as this worker has it. */
  versionOf(workflowName: string): string | null;
  /** False while there is no runner that an execution of that workflow could be given to. */
  isReadyFor(workflowName: string): boolean;
  /** Takes over a granted execution; its place is {@link Intake.release}d when it has ended. */
  onGrant(grant: ClaimGrant): void;
  /** After every claim, whatever came of it. */
  onDecided(executionId: string): void;
  /** The api does not know this worker (any more). */
  onUnknownWorker(): void;
}

/**
 * Takes executions from the run queues, no more than there are places. A delivery is settled as soon as its
 * claim is decided: it is never held for the length of a run.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #slots: Slots;
  /** By execution, what becomes of the delivery that it is claimed for; see {@link Intake.#claim}. */
  readonly #claiming = new Map<string, Promise<Outcome | undefined>>();
  readonly #sources: Array<{ readonly workflowName: string; readonly subscription: Subscription }> = [];
  #open = true;
  #crowded = false;
  #look: NodeJS.Timeout | undefined;
  #onIdle: () => void = () => undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#slots = new Slots(options.concurrency, () => this.#onFree());
  }

  /** True between the question for an execution and its answer. */
  isClaiming(executionId: string): boolean {
    return this.#claiming.has(executionId);
  }

  /** Resolves when no place is taken, by claims neither, or after `limitMs`. */
  async idle(limitMs: number): Promise<void> {
    if (this.#slots.taken > 0)
      await within(limitMs, new Promise<void>((resolve) => (this.#onIdle = resolve)));
  }

  add(workflowName: string, subscription: Subscription): void {
    this.#sources.push({ workflowName, subscription });
    this.#steer();
  }

  release(): void {
    this.#slots.release();
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

  /** One delivery of a run queue. */
  async take(message: MessageBody<'run'>, redelivered: boolean): Promise<Outcome> {
    if (!this.#open) return { kind: 'retry' };
    if (!this.#options.isReadyFor(message.workflowName)) {
      this.#steer();
      return this.#again(message, redelivered, 0);
    }
    if (!(await this.#slots.take(PATIENCE_MS))) {
      this.#crowded = true;
      this.#steer();
      return this.#again(message, redelivered, 0);
    }
    const { executionId } = message;
    // Given back until that is answered, it would come often enough to end among the dead letters.
    const underWay = this.#claiming.get(executionId);
    if (this.#open && !underWay) {
      return (await this.#claim(message)) ?? this.#again(message, redelivered, REGISTER_WAIT_MS);
    }
    this.release();
    return (await underWay) ?? this.#again(message, redelivered, PATIENCE_MS);
  }

  /** Takes it if there is a place now; if not, it waits in its queue, or is offered to another worker. */
  async offer(message: MessageBody<'offer'>): Promise<void> {
    if (!this.#open || !this.#options.isReadyFor(message.workflowName)) return;
    if (this.#claiming.has(message.executionId)) return;
    if (this.#slots.tryTake()) await this.#claim(message);
  }

  /** Resolves with `undefined` when it is not decided, and must come again. */
  #claim(message: MessageBody<'run'>): Promise<Outcome | undefined> {
    const { executionId } = message;
    const outcome = this.#ask(message).finally(() => {
      this.#claiming.delete(executionId);
      this.#options.onDecided(executionId);
    });
    this.#claiming.set(executionId, outcome);
    return outcome;
  }

  async #ask({ executionId, workflowName }: MessageBody<'run'>): Promise<Outcome | undefined> {
    const { claims, log } = this.#options;
    const result = await claims.claim(executionId, this.#options.versionOf(workflowName));
    if (result?.granted) {
      this.#options.onGrant(result);
      return { kind: 'ack' };
    }
    this.release();
    if (!result) return undefined;
    log.debug({ executionId, reason: result.reason }, 'claim refused');
    if (result.reason !== 'UNKNOWN_WORKER') return { kind: 'ack' };
    this.#options.onUnknownWorker();
    return undefined;
  }

  /**
   * It cannot be taken now, through no fault of its own. The first time the delivery keeps its position in the queue;
   * later ones go to the queue's end as a new message, lest a busy fleet, a runner that is long in coming or an api that
   * is away drives it past its delivery limit.
   */
  async #again(message: MessageBody<'run'>, redelivered: boolean, delayMs: number): Promise<Outcome> {
    if (!redelivered) return { kind: 'retry', delayMs };
    await wait(delayMs);
    const { bus, topology } = this.#options;
    await bus.publish(runQueue(topology, message), 'run', message);
    return { kind: 'ack' };
  }

  #onFree(): void {
    if (this.#slots.taken === 0) this.#onIdle();
    if (!this.#crowded) return;
    this.#crowded = false;
    this.#steer();
  }

  /** Lets those queues flow of which something could be run now, and looks again while others could not. */
  #steer(): void {
    clearTimeout(this.#look);
    let waits = false;
    for (const { workflowName, subscription } of this.#sources) {
      const isReady = this.#options.isReadyFor(workflowName);
      waits ||= !isReady;
      const done = this.#open && !this.#crowded && isReady ? subscription.resume() : subscription.pause();
      done.catch((error: unknown) => this.#options.log.warn({ err: error }, 'a run queue did not obey'));
    }
    if (waits && this.#open) this.#look = setTimeout(() => this.#steer(), LOOK_EVERY_MS);
  }
}
