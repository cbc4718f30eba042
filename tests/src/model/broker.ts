import type { Address, QueueAddress } from '@flux/contracts';
import { counted, kindOf } from './kinds.js';
import type { PlannedMishap } from './program.js';
import type { Tally } from './tally.js';
import type { World } from './world.js';

/** How often a delivery may come back before it goes to the dead letters, as on the real broker. */
const DELIVERY_LIMIT = 20;

export interface Letter {
  readonly type: string;
  readonly content: string;
  readonly persistent: boolean;
  /** The time of expiry on the world's clock. */
  readonly expiresAt: number;
  readonly reply?: (content: string) => void;
}

export interface Message extends Letter {
  readonly sequence: number;
  deliveries: number;
  /** The first delivery is taken back, and comes once more. */
  comesTwice: boolean;
}

/** A consumer as the broker has it. */
export interface Consumer {
  readonly prefetch: number;
  readonly session: object;
  readonly unsettled: Set<Message>;
  deliver(message: Message): void;
}

export class Queue {
  messages: Message[] = [];
  consumers: Consumer[] = [];
  /** The time on the world's clock before which the queue delivers nothing. */
  restsUntil = 0;

  constructor(
    readonly address: QueueAddress,
    /** The session an exclusive queue dies with. */
    readonly owner: object | undefined,
  ) {}
}

/** RabbitMQ as Flux uses it: queues, who consumes them, and what becomes of messages whose consumer is gone. */
export class Broker {
  readonly #queues = new Map<string, Queue>();
  readonly #topics = new Map<string, Set<string>>();
  readonly deadLetters: Array<{ readonly type: string; readonly content: string; readonly reason: string }> =
    [];
  readonly #mishaps: PlannedMishap[] = [];
  #sequence = 0;

  constructor(
    private readonly world: World,
    private readonly tally: Tally,
  ) {}

  /** Plans a mishap for the next message of that type. */
  plan(mishap: PlannedMishap): void {
    this.#mishaps.push(mishap);
  }

  /** The mishap that befalls this message of that type, if any does. */
  mishapOf(type: string): PlannedMishap | undefined {
    const index = this.#mishaps.findIndex(({ to }) => to === type);
    const [mishap] = index < 0 ? [] : this.#mishaps.splice(index, 1);
    if (mishap) this.tally.add(counted.mishap(kindOf(mishap)));
    return mishap;
  }

  /** Nothing that was planned happens any more. */
  appease(): void {
    this.#mishaps.length = 0;
  }

  declare(address: QueueAddress, owner?: object): Queue {
    const queue =
      this.#queues.get(address.name) ?? new Queue(address, address.kind === 'exclusive' ? owner : undefined);
    this.#queues.set(address.name, queue);
    return queue;
  }

  bind(topic: string, queue: Queue): void {
    this.#topics.set(topic, (this.#topics.get(topic) ?? new Set()).add(queue.address.name));
  }

  remove({ address: { name } }: Queue): void {
    this.#queues.delete(name);
    for (const bound of this.#topics.values()) bound.delete(name);
  }

  /** Says whether a queue took it. */
  route({ kind, name }: Address, letter: Letter): boolean {
    const names = kind === 'topic' ? [...(this.#topics.get(name) ?? [])] : [name];
    const queues = names.flatMap((each) => this.#queues.get(each) ?? []);
    if (queues.length === 0) return false;
    const mishap = this.mishapOf(letter.type);
    if (mishap?.what === 'drop') return true;
    const comesTwice = mishap?.what === 'redeliver';
    for (const queue of queues) {
      if (mishap?.what === 'delay') this.#rest(queue, mishap.ms ?? 0);
      const times = mishap?.what === 'duplicate' ? 2 : 1;
      for (let time = 0; time < times; time += 1) {
        queue.messages.push({ ...letter, sequence: this.#next(), deliveries: 0, comesTwice });
      }
      this.pump(queue);
    }
    return true;
  }

  consume(queue: Queue, consumer: Consumer): void {
    queue.consumers.push(consumer);
    this.pump(queue);
  }

  /** No new deliveries; it still settles what it has. */
  stopConsuming(queue: Queue, consumer: Consumer): void {
    queue.consumers = queue.consumers.filter((other) => other !== consumer);
    this.pump(queue);
  }

  /** The consumer is done with the message. */
  ack(queue: Queue, consumer: Consumer, message: Message): void {
    if (consumer.unsettled.delete(message)) this.pump(queue);
  }

  bury(queue: Queue, consumer: Consumer, message: Message, reason: string): void {
    if (!consumer.unsettled.delete(message)) return;
    this.deadLetters.push({ type: message.type, content: message.content, reason });
    this.pump(queue);
  }

  /** Back to where it was, or to the dead letters when it has come back too often. */
  giveBack(queue: Queue, consumer: Consumer, message: Message): void {
    const limited = queue.address.kind !== 'requests' && queue.address.kind !== 'data-requests';
    if (limited && message.deliveries > DELIVERY_LIMIT) {
      this.bury(queue, consumer, message, 'delivery_limit');
    } else if (consumer.unsettled.delete(message)) {
      queue.messages.push(message);
      queue.messages.sort((a, b) => a.sequence - b.sequence);
      this.pump(queue);
    }
  }

  /** A connection is gone, and with it its exclusive queues; what it had not settled goes back. */
  forget(session: object): void {
    for (const queue of [...this.#queues.values()]) {
      if (queue.owner === session) this.remove(queue);
      const own = queue.consumers.filter((consumer) => consumer.session === session);
      queue.consumers = queue.consumers.filter((consumer) => consumer.session !== session);
      for (const consumer of own) {
        for (const message of [...consumer.unsettled]) this.giveBack(queue, consumer, message);
      }
      this.pump(queue);
    }
  }

  /** Drops the transient messages from the queues, as a restart of the broker does. */
  loseTransient(): void {
    for (const queue of this.#queues.values()) {
      queue.messages = queue.messages.filter(({ persistent }) => persistent);
    }
  }

  pump(queue: Queue): void {
    for (;;) {
      if (queue.restsUntil > this.world.now) return;
      queue.messages = queue.messages.filter(({ expiresAt }) => expiresAt > this.world.now);
      const consumer = nextConsumer(queue);
      const message = consumer && queue.messages.shift();
      if (!message) return;
      message.deliveries += 1;
      consumer.unsettled.add(message);
      consumer.deliver(message);
      if (!message.comesTwice) continue;
      message.comesTwice = false;
      this.giveBack(queue, consumer, message);
    }
  }

  #rest(queue: Queue, ms: number): void {
    queue.restsUntil = Math.max(queue.restsUntil, this.world.now + ms);
    this.world.after(ms, () => this.pump(queue));
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}

/** The consumer of the next message: of an ordered queue only the first one, of other queues any with room, in turn. */
function nextConsumer(queue: Queue): Consumer | undefined {
  const hasRoom = ({ unsettled, prefetch }: Consumer): boolean => unsettled.size < prefetch;
  if (queue.address.kind === 'ordered') return queue.consumers.slice(0, 1).find(hasRoom);
  const consumer = queue.consumers.find(hasRoom);
  if (consumer) {
    queue.consumers = [...queue.consumers.filter((other) => other !== consumer), consumer];
  }
  return consumer;
}
