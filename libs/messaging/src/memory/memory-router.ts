import type { Address, QueueAddress } from '@flux/contracts';
import { DEFAULT_DELIVERY_LIMIT } from '../delivery-policy.js';
import { MemoryQueue, type MemoryMessage } from './memory-queue.js';

export interface MemoryBrokerOptions {
  /** The queue of rejected messages. Default: a queue named `dead-letters`. */
  readonly deadLetters?: QueueAddress;
  /** How often a delivery may come back before it goes to the dead letters. Default 20. */
  readonly deliveryLimit?: number;
}

/** A message among the dead letters, whole. */
export interface DeadLetter {
  readonly type: string;
  /** The body as it was sent: JSON text, unless that was the fault. */
  readonly content: string;
  /** The handler's reason, or `delivery_limit`. */
  readonly reason: string;
  /** The queue it came from. */
  readonly queue: string;
}

/** A message before it has a place in a queue. */
export type Letter = Omit<MemoryMessage, 'sequence' | 'deliveries'>;

/** The queues and topics of one memory broker, and what goes where. */
export class MemoryRouter {
  readonly #queues = new Map<string, MemoryQueue>();
  readonly #topics = new Map<string, Set<MemoryQueue>>();
  readonly #deadLetters: QueueAddress;
  readonly #deliveryLimit: number;
  #sequence = 0;

  constructor(options: MemoryBrokerOptions) {
    this.#deadLetters = options.deadLetters ?? { kind: 'dead-letters', name: 'dead-letters' };
    this.#deliveryLimit = options.deliveryLimit ?? DEFAULT_DELIVERY_LIMIT;
    this.declareQueue(this.#deadLetters);
  }

  /** The dead letters nobody has consumed, oldest first. */
  deadLetters(): readonly DeadLetter[] {
    const letters = this.#queues.get(this.#deadLetters.name)?.waiting() ?? [];
    return letters.map(({ type, content, death }) => ({
      type,
      content,
      reason: death?.reason ?? '',
      queue: death?.queue ?? '',
    }));
  }

  /** Puts a letter into every queue it is for; says whether there was one. */
  route(address: Address, letter: Letter): boolean {
    if (address.kind !== 'topic') {
      const queue = this.#queues.get(address.name);
      queue?.push(this.#stamp(letter));
      return queue !== undefined;
    }
    const queues = this.#topics.get(address.name);
    for (const queue of queues ?? []) queue.push(this.#stamp(letter));
    return queues !== undefined && queues.size > 0;
  }

  /** @throws Error when the queue exists as another kind or belongs to another bus */
  declareQueue(address: QueueAddress, owner?: object): MemoryQueue {
    const existing = this.#queues.get(address.name);
    if (existing) {
      if (existing.address.kind !== address.kind) {
        throw new Error(`queue ${address.name} exists as ${existing.address.kind}, not ${address.kind}`);
      }
      if (existing.owner !== undefined && existing.owner !== owner) {
        throw new Error(`queue ${address.name} belongs to another connection`);
      }
      return existing;
    }
    const queue = new MemoryQueue(address, address.kind === 'exclusive' ? owner : undefined);
    this.#queues.set(address.name, queue);
    return queue;
  }

  deleteQueue(queue: MemoryQueue): void {
    if (this.#queues.get(queue.address.name) === queue) this.#queues.delete(queue.address.name);
  }

  bind(topic: string, queue: MemoryQueue): void {
    const queues = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, queues.add(queue));
  }

  unbind(topic: string, queue: MemoryQueue): void {
    const queues = this.#topics.get(topic);
    queues?.delete(queue);
    if (queues?.size === 0) this.#topics.delete(topic);
  }

  /** Back to its queue, or to the dead letters once it has come back too often. */
  giveBack(queue: MemoryQueue, message: MemoryMessage): void {
    const { kind } = queue.address;
    // Requests end by expiring, and a dead letter has nowhere further to go.
    const limited = !['requests', 'data-requests', 'dead-letters'].includes(kind);
    if (limited && message.deliveries > this.#deliveryLimit) this.bury(queue, message, 'delivery_limit');
    else queue.giveBack(message);
  }

  /** Sends a message to the dead letters, with the reason. */
  bury(queue: MemoryQueue, message: MemoryMessage, reason: string): void {
    const { type, content } = message;
    const death = { reason, queue: queue.address.name };
    this.route(this.#deadLetters, { type, content, expiresAt: Infinity, death });
  }

  /** A number no message and no other caller has had. */
  nextId(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  #stamp(letter: Letter): MemoryMessage {
    return { ...letter, sequence: this.nextId(), deliveries: 0 };
  }
}
