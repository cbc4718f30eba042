import { setTimeout as wait } from 'node:timers/promises';
import type { Checkpoint, CheckpointEvent, QueueAddress } from '@flux/contracts';
import type { Bus } from '@flux/messaging';
import type { Logger } from 'pino';
import type { HeldExecution } from './held-execution.js';

const MOST_ITEMS = 500;
const MOST_BYTES = 4 * 1024 * 1024;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;

interface Item {
  readonly checkpoint: Checkpoint & { readonly events: CheckpointEvent[] };
  readonly onConfirmed: Array<() => void>;
  bytes: number;
}

/**
 * The checkpoints of one partition. One message is under way at a time, and what gathers meanwhile goes into
 * the next: order survives failures, and batches grow with the load.
 */
export class CheckpointPartition {
  #gathered: Item[] = [];
  /** The gathered item of each execution: its events share a checkpoint. */
  readonly #open = new Map<HeldExecution, Item>();
  #sending: Promise<void> | undefined;
  /** Changes with every drop. */
  #era = {};

  constructor(
    private readonly bus: Bus,
    private readonly address: QueueAddress,
    private readonly workerId: string,
    private readonly log: Logger,
  ) {}

  append(held: HeldExecution, event: CheckpointEvent, onConfirmed: () => void): void {
    let item = this.#open.get(held);
    if (!item) {
      held.seq += 1;
      const { executionId, attempt, seq } = held;
      item = { checkpoint: { executionId, attempt, seq, events: [] }, onConfirmed: [], bytes: 0 };
      this.#open.set(held, item);
      this.#gathered.push(item);
    }
    item.checkpoint.events.push(event);
    item.onConfirmed.push(onConfirmed);
    item.bytes += sizeOf(event);
    this.#sending ??= this.#sendAll();
  }

  drop(): void {
    this.#era = {};
    this.#gathered = [];
    this.#open.clear();
  }

  async flushed(): Promise<void> {
    while (this.#sending) await this.#sending;
  }

  async #sendAll(): Promise<void> {
    // Whatever else this turn of the event loop brings joins the first message.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#gathered.length > 0) {
      const era = this.#era;
      const batch = this.#takeBatch();
      await this.#publish(batch, era);
      if (era !== this.#era) continue;
      for (const { onConfirmed } of batch) for (const tell of onConfirmed) tell();
    }
    this.#sending = undefined;
  }

  #takeBatch(): Item[] {
    let end = 0;
    for (let bytes = 0; end < this.#gathered.length && end < MOST_ITEMS; end += 1) {
      bytes += this.#gathered[end]?.bytes ?? 0;
      if (end > 0 && bytes > MOST_BYTES) break;
    }
    const batch = this.#gathered.splice(0, end);
    const taken = new Set(batch);
    for (const [held, item] of this.#open) if (taken.has(item)) this.#open.delete(held);
    return batch;
  }

  /** The same message again until it is confirmed; the api drops what it has seen. */
  async #publish(batch: readonly Item[], era: object): Promise<void> {
    const body = { workerId: this.workerId, items: batch.map(({ checkpoint }) => checkpoint) };
    for (let pause = FIRST_PAUSE_MS; era === this.#era; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        await this.bus.publish(this.address, 'checkpoints', body, { mandatory: true });
        return;
      } catch (error) {
        this.log.warn({ err: error, checkpoints: batch.length }, 'checkpoints are not published yet');
        await wait(pause);
      }
    }
  }
}

/** About as many bytes as the event takes on the wire. */
function sizeOf(event: CheckpointEvent): number {
  if (!('output' in event) || event.output === null) return 300;
  const plain = typeof event.output === 'number' || typeof event.output === 'boolean';
  return plain ? 300 : 300 + JSON.stringify(event.output).length;
}
