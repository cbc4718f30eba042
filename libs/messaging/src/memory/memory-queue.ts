import type { QueueAddress } from '@flux/contracts';
import { Fifo } from './fifo.js';

/** A message in one queue; a topic makes one for each subscriber. Bodies stay JSON text until delivery. */
export interface MemoryMessage {
  /** Position among all messages of the broker: lower was published earlier. */
  readonly sequence: number;
  readonly type: string;
  readonly content: string;
  /** Milliseconds on the clock of `performance.now()`; `Infinity` for a message that does not expire. */
  readonly expiresAt: number;
  readonly reply?: (content: string) => void;
  /** Why it is among the dead letters, and the queue it came from. */
  readonly death?: { readonly reason: string; readonly queue: string };
  /** How often it was handed to a handler. */
  deliveries: number;
}

/** A taker of deliveries from a {@link MemoryQueue}. */
export interface MemoryConsumer {
  /** True while a delivery may be handed over. */
  readonly hasRoom: boolean;
  take(message: MemoryMessage): void;
}

/** Deliveries handed out before other work of the process gets its turn. */
const BATCH = 64;

/** A queue of the memory broker: hands its messages in order to consumers that have room. */
export class MemoryQueue {
  readonly #ready = new Fifo<MemoryMessage>();
  /** Messages that came back, oldest first; each is older than whatever is ready. */
  readonly #returned: MemoryMessage[] = [];
  #consumers: MemoryConsumer[] = [];
  #scheduled = false;

  constructor(
    readonly address: QueueAddress,
    /** The bus an exclusive queue belongs to. */
    readonly owner: object | undefined,
  ) {}

  push(message: MemoryMessage): void {
    this.#ready.push(message);
    this.wake();
  }

  /** Puts a message back where it was. */
  giveBack(message: MemoryMessage): void {
    let index = this.#returned.length;
    while (index > 0 && (this.#returned[index - 1]?.sequence ?? 0) > message.sequence) index -= 1;
    this.#returned.splice(index, 0, message);
    this.wake();
  }

  attach(consumer: MemoryConsumer): void {
    this.#consumers.push(consumer);
    this.wake();
  }

  detach(consumer: MemoryConsumer): void {
    this.#consumers = this.#consumers.filter((other) => other !== consumer);
    this.wake();
  }

  /** Hands out what it can, soon; never inside the caller's turn. */
  wake(): void {
    if (this.#scheduled || this.#consumers.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#pump());
  }

  /** The messages that wait, oldest first. */
  waiting(): readonly MemoryMessage[] {
    return [...this.#returned, ...this.#ready.toArray()];
  }

  #pump(): void {
    this.#scheduled = false;
    for (let handed = 0; handed < BATCH; handed += 1) {
      const consumer = this.#nextConsumer();
      if (!consumer) return;
      const message = this.#nextMessage();
      if (!message) return;
      consumer.take(message);
    }
    this.wake();
  }

  #nextConsumer(): MemoryConsumer | undefined {
    if (this.address.kind === 'ordered') {
      const active = this.#consumers[0];
      return active?.hasRoom ? active : undefined;
    }
    const index = this.#consumers.findIndex((consumer) => consumer.hasRoom);
    const [consumer] = index < 0 ? [] : this.#consumers.splice(index, 1);
    if (consumer) this.#consumers.push(consumer);
    return consumer;
  }

  #nextMessage(): MemoryMessage | undefined {
    for (;;) {
      const message = this.#returned.shift() ?? this.#ready.shift();
      if (!message || message.expiresAt > performance.now()) return message;
    }
  }
}
