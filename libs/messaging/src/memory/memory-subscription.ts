import { LongTimer } from '@flux/domain';
import { describeError, encodeReply, retryDelayMs } from '../delivery-policy.js';
import { InFlight } from '../in-flight.js';
import type { Handler, Outcome, Subscription } from '../port.js';
import type { MemoryRouter } from './memory-router.js';
import type { MemoryConsumer, MemoryMessage, MemoryQueue } from './memory-queue.js';

export interface MemorySubscriptionParts {
  readonly router: MemoryRouter;
  readonly queue: MemoryQueue;
  readonly handler: Handler;
  readonly prefetch: number;
  onClosed(): void;
}

/** A consumer of one queue: at most `prefetch` messages are its own at a time, delayed retries included. */
export class MemorySubscription implements Subscription, MemoryConsumer {
  readonly #parts: MemorySubscriptionParts;
  readonly #handlers = new InFlight();
  readonly #held = new Map<MemoryMessage, LongTimer>();
  readonly #unsettled = new Set<MemoryMessage>();
  #paused = false;
  #closing: Promise<void> | undefined;

  constructor(parts: MemorySubscriptionParts) {
    this.#parts = parts;
    parts.queue.attach(this);
  }

  get hasRoom(): boolean {
    return this.#unsettled.size < this.#parts.prefetch;
  }

  take(message: MemoryMessage): void {
    message.deliveries += 1;
    this.#unsettled.add(message);
    this.#handlers.enter();
    void this.#handle(message).finally(() => this.#handlers.leave());
  }

  async pause(): Promise<void> {
    if (this.#paused || this.#closing) return;
    this.#paused = true;
    this.#parts.queue.detach(this);
  }

  async resume(): Promise<void> {
    if (!this.#paused || this.#closing) return;
    this.#paused = false;
    this.#parts.queue.attach(this);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  /** Gives everything back at once, as a lost connection does; what handlers decide later is void. */
  abandon(): void {
    this.#closing ??= Promise.resolve();
    this.#parts.queue.detach(this);
    for (const timer of this.#held.values()) timer.clear();
    this.#held.clear();
    for (const message of this.#unsettled) this.#parts.router.giveBack(this.#parts.queue, message);
    this.#unsettled.clear();
    this.#parts.onClosed();
  }

  async #end(): Promise<void> {
    this.#parts.queue.detach(this);
    this.#releaseHeld();
    await this.#handlers.idle();
    this.#releaseHeld();
    this.#parts.onClosed();
  }

  async #handle(message: MemoryMessage): Promise<void> {
    let body: unknown;
    try {
      body = JSON.parse(message.content);
    } catch (error) {
      this.#settle(message, { kind: 'dead-letter', reason: `unparsable: ${describeError(error)}` });
      return;
    }
    try {
      const { type, deliveries } = message;
      const decided = await this.#parts.handler({ type, body, redelivered: deliveries > 1 });
      const { outcome, reply } = message.reply ? encodeReply(decided) : { outcome: decided };
      if (this.#settle(message, outcome) && reply !== undefined) message.reply?.(reply);
    } catch {
      this.#settle(message, { kind: 'retry', delayMs: retryDelayMs(message.deliveries - 1) });
    }
  }

  #settle(message: MemoryMessage, outcome: Outcome): boolean {
    if (!this.#unsettled.has(message)) return false;
    if (outcome.kind !== 'retry') {
      this.#unsettled.delete(message);
      if (outcome.kind === 'dead-letter') this.#parts.router.bury(this.#parts.queue, message, outcome.reason);
      this.#parts.queue.wake();
    } else if (outcome.delayMs && !this.#closing) {
      const timer = new LongTimer(outcome.delayMs, () => this.#return(message));
      this.#held.set(message, timer);
    } else this.#return(message);
    return true;
  }

  #return(message: MemoryMessage): void {
    this.#held.delete(message);
    if (this.#unsettled.delete(message)) this.#parts.router.giveBack(this.#parts.queue, message);
  }

  #releaseHeld(): void {
    for (const [message, timer] of [...this.#held]) {
      timer.clear();
      this.#return(message);
    }
  }
}
