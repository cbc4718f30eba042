import { describeError, encodeBody, retryDelayMs } from '../delivery-policy.js';
import { InFlight } from '../in-flight.js';
import type { Handler, Outcome, Subscription } from '../port.js';
import type { MemoryRouter } from './memory-router.js';
import type { MemoryConsumer, MemoryQueue } from './memory-queue.js';
import type { MemoryMessage } from './message.js';

/** A consumer of one queue: at most `prefetch` messages are its own at a time, delayed retries included. */
export class MemorySubscription implements Subscription, MemoryConsumer {
  readonly #router: MemoryRouter;
  readonly #queue: MemoryQueue;
  readonly #handler: Handler;
  readonly #prefetch: number;
  readonly #onClosed: () => void;
  readonly #handlers = new InFlight();
  readonly #held = new Map<MemoryMessage, NodeJS.Timeout>();
  readonly #unsettled = new Set<MemoryMessage>();
  #paused = false;
  #closing: Promise<void> | undefined;

  constructor(
    router: MemoryRouter,
    queue: MemoryQueue,
    handler: Handler,
    prefetch: number,
    onClosed: () => void,
  ) {
    this.#router = router;
    this.#queue = queue;
    this.#handler = handler;
    this.#prefetch = prefetch;
    this.#onClosed = onClosed;
    queue.attach(this);
  }

  get hasRoom(): boolean {
    return this.#unsettled.size < this.#prefetch;
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
    this.#queue.detach(this);
  }

  async resume(): Promise<void> {
    if (!this.#paused || this.#closing) return;
    this.#paused = false;
    this.#queue.attach(this);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  /** Gives everything back at once, as a lost connection does; what handlers decide later is void. */
  abandon(): void {
    this.#closing ??= Promise.resolve();
    this.#queue.detach(this);
    for (const timer of this.#held.values()) clearTimeout(timer);
    this.#held.clear();
    for (const message of this.#unsettled) this.#router.giveBack(this.#queue, message);
    this.#unsettled.clear();
    this.#onClosed();
  }

  async #end(): Promise<void> {
    this.#queue.detach(this);
    this.#releaseHeld();
    await this.#handlers.idle();
    this.#releaseHeld();
    this.#onClosed();
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
      const outcome = await this.#handler({ type, body, redelivered: deliveries > 1 });
      const reply = outcome.kind === 'ack' && message.reply ? encodeBody(outcome.reply) : undefined;
      if (this.#settle(message, outcome) && reply !== undefined) message.reply?.(reply);
    } catch {
      this.#settle(message, { kind: 'retry', delayMs: retryDelayMs(message.deliveries - 1) });
    }
  }

  #settle(message: MemoryMessage, outcome: Outcome): boolean {
    if (!this.#unsettled.has(message)) return false;
    if (outcome.kind === 'retry' && outcome.delayMs && !this.#closing) {
      this.#held.set(
        message,
        setTimeout(() => this.#return(message), outcome.delayMs),
      );
      return true;
    }
    if (outcome.kind === 'retry') {
      this.#return(message);
      return true;
    }
    this.#unsettled.delete(message);
    if (outcome.kind === 'dead-letter') this.#router.bury(this.#queue, message, outcome.reason);
    this.#queue.wake();
    return true;
  }

  #return(message: MemoryMessage): void {
    this.#held.delete(message);
    if (this.#unsettled.delete(message)) this.#router.giveBack(this.#queue, message);
  }

  #releaseHeld(): void {
    for (const [message, timer] of [...this.#held]) {
      clearTimeout(timer);
      this.#return(message);
    }
  }
}
