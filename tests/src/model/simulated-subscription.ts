import type { Address, QueueAddress } from '@flux/contracts';
import { retryDelayMs, type Handler, type Outcome, type Subscription } from '@flux/messaging';
import type { Broker, Consumer, Message, Queue } from './broker.js';
import type { EventLoop } from './event-loop.js';
import type { Session } from './session.js';
import type { Lane } from './world.js';

export interface Subscribed {
  readonly address: Address;
  readonly handler: Handler;
  readonly prefetch: number;
}

interface Channel {
  readonly session: Session;
  readonly queue: Queue;
  readonly consumer: Consumer;
  readonly outcomes: Lane;
}

/** A consumer of a process, on whichever connection that has. */
export class SimulatedSubscription implements Subscription {
  #channel: Channel | undefined;
  #paused = false;
  closed = false;

  constructor(
    private readonly broker: Broker,
    private readonly loop: EventLoop,
    private readonly subscribed: Subscribed,
  ) {}

  /** Done by the broker when the word of it has arrived there. */
  open(session: Session): void {
    const { prefetch } = this.subscribed;
    const queue = this.#declare(session);
    const { deliveries, outcomes } = session.consumerLanes();
    const consumer: Consumer = {
      prefetch,
      session,
      unsettled: new Set(),
      deliver: (message) => deliveries.post(() => void this.#handle(channel, message)),
    };
    const channel: Channel = { session, queue, consumer, outcomes };
    this.#channel = channel;
    if (!this.#paused) this.broker.consume(queue, consumer);
  }

  async pause(): Promise<void> {
    if (this.#paused || this.closed) return;
    this.#paused = true;
    this.#tell(({ queue, consumer }) => this.broker.stopConsuming(queue, consumer));
  }

  async resume(): Promise<void> {
    if (!this.#paused || this.closed) return;
    this.#paused = false;
    this.#tell(({ queue, consumer }) => this.broker.consume(queue, consumer));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.#tell(({ queue, consumer, session }) => {
      this.broker.stopConsuming(queue, consumer);
      if (queue.owner === session) this.broker.remove(queue);
    });
  }

  #declare(session: Session): Queue {
    const { address } = this.subscribed;
    if (address.kind !== 'topic') return this.broker.declare(address, session);
    const own: QueueAddress = { kind: 'exclusive', name: `${address.name}#${this.loop.name}` };
    const queue = this.broker.declare(own, session);
    this.broker.bind(address.name, queue);
    return queue;
  }

  #tell(does: (channel: Channel) => void): void {
    const channel = this.#channel;
    if (channel?.session.isAlive) channel.outcomes.post(() => does(channel));
  }

  async #handle(channel: Channel, message: Message): Promise<void> {
    const { type, content, deliveries } = message;
    let outcome: Outcome;
    try {
      const body = JSON.parse(content) as unknown;
      outcome = await this.subscribed.handler({ type, body, redelivered: deliveries > 1 });
    } catch {
      outcome = { kind: 'retry', delayMs: retryDelayMs(deliveries - 1) };
    }
    if (outcome.kind === 'retry' && outcome.delayMs) {
      setTimeout(() => this.#settle(channel, message, outcome), outcome.delayMs);
    } else this.#settle(channel, message, outcome);
  }

  /** Void when the connection is another one by now. */
  #settle({ session, queue, consumer, outcomes }: Channel, message: Message, outcome: Outcome): void {
    if (!session.isAlive) return;
    outcomes.post(() => {
      if (outcome.kind === 'retry') this.broker.giveBack(queue, consumer, message);
      else if (outcome.kind === 'dead-letter') {
        this.broker.bury(queue, consumer, message, outcome.reason);
      } else {
        this.broker.ack(queue, consumer, message);
        if (outcome.reply !== undefined && message.reply && this.broker.mishapOf('reply')?.what !== 'drop') {
          message.reply(JSON.stringify(outcome.reply));
        }
      }
    });
  }
}
