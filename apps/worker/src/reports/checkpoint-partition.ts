import type { QueueAddress, StoredText } from '@flux/contracts';
import { backoff, sleep } from '@flux/domain';
import { JsonText } from '@flux/messaging';
import type { Attempt } from '../attempts/attempt.js';
import { isLarge, type Uploads } from '../ownership/uploads.js';
import type { WorkerBus } from '../ownership/worker-bus.js';
import { isPacked, isSignalled, type PackedEvent, type ToldEvent } from '../wire/packed-event.js';

const MOST_ITEMS = 500;
/** Below the limit of a message, by more than what stands around the events. */
const MOST_BYTES = 96 * 1024;
/** What the api takes into its memory at once. */
const MOST_STORED_BYTES = 2 * 1024 ** 2;
/** About as many bytes as a checkpoint has without its events. */
const FRAME_BYTES = 120;
const PAUSE = { firstMs: 50, longestMs: 500 };

/** An event as it is sent. */
interface EventText {
  /** Empty for one that is left out: it is confirmed in its place, with the next. */
  readonly json: string;
  /** The bytes that were uploaded for it. */
  readonly storedBytes: number;
  readonly onConfirmed: () => void;
}

/** A checkpoint that gathers events. */
interface Pending {
  readonly attempt: Attempt;
  readonly seq: number;
  readonly events: EventText[];
  bytes: number;
  storedBytes: number;
}

/** An event that waits until all before it, of its attempt, are uploaded, and so is it. */
interface Held {
  readonly text: EventText | Promise<EventText | undefined>;
  /** Gives its upload up, where nothing needs the event any more. */
  readonly leaveOut?: () => void;
}

type Upload = Pick<PackedEvent, 'isMoot' | 'instead'> & { readonly json: string | Uint8Array };

export interface CheckpointPartitionOptions extends Omit<WorkerBus, 'topology'> {
  readonly address: QueueAddress;
  readonly uploads: Uploads;
}

/**
 * The checkpoints of one partition. One message is under way at a time, and events that gather meanwhile go into the
 * next: order survives failures, and batches grow with the load. An event that is too large for a message is uploaded
 * first; only events of its own attempt wait for that.
 */
export class CheckpointPartition {
  readonly #options: CheckpointPartitionOptions;
  #gathered: Pending[] = [];
  /** The gathered checkpoint of each attempt: its events share one. */
  readonly #open = new Map<Attempt, Pending>();
  readonly #held = new Map<Attempt, Held[]>();
  readonly #releases = new Set<Promise<void>>();
  #sending: Promise<void> | undefined;
  #sent = 0;
  /** Changes with every drop. */
  #era = {};

  constructor(options: CheckpointPartitionOptions) {
    this.#options = options;
  }

  /** The number of messages that the broker has. */
  get sent(): number {
    return this.#sent;
  }

  /** @throws what JSON.stringify throws; the event is not sent then */
  append(attempt: Attempt, event: ToldEvent, onConfirmed: () => void): void {
    if (isSignalled(event)) for (const { leaveOut } of this.#held.get(attempt) ?? []) leaveOut?.();
    if (isPacked(event)) {
      return this.#append(attempt, this.#upload(attempt, event, onConfirmed));
    }
    const json = JSON.stringify(event);
    const text = { json, storedBytes: 0, onConfirmed };
    if (isLarge(json)) this.#append(attempt, this.#upload(attempt, { json, isMoot: false }, onConfirmed));
    else if (this.#held.has(attempt)) this.#append(attempt, { text });
    else this.#gather(attempt, text);
  }

  #append(attempt: Attempt, next: Held): void {
    const held = this.#held.get(attempt);
    if (held) held.push(next);
    else this.#hold(attempt, next);
  }

  drop(): void {
    this.#era = {};
    this.#gathered = [];
    this.#open.clear();
    this.#held.clear();
  }

  async flushed(): Promise<void> {
    while (this.#sending || this.#releases.size > 0) {
      await Promise.all([...this.#releases, this.#sending]);
    }
  }

  /** The JSON is let go once it is packed: what follows keeps no hold of it. */
  #upload(attempt: Attempt, { json, isMoot, instead }: Upload, onConfirmed: () => void): Held {
    const era = this.#era;
    let isWanted = true;
    const stored = this.#options.uploads
      .put(attempt, json, () => isWanted && era === this.#era)
      .then((text) => text && storedEvent(text, onConfirmed));
    if (!isMoot) return { text: stored };
    let leaveOut: () => void = () => undefined;
    const leftOut = new Promise<EventText>((resolve) => {
      leaveOut = () => {
        isWanted = false;
        resolve({ json: instead ? JSON.stringify(instead) : '', storedBytes: 0, onConfirmed });
      };
    });
    return { text: Promise.race([stored, leftOut]), leaveOut };
  }

  #hold(attempt: Attempt, first: Held): void {
    const held = [first];
    this.#held.set(attempt, held);
    const release = this.#release(attempt, held).finally(() => this.#releases.delete(release));
    this.#releases.add(release);
  }

  async #release(attempt: Attempt, held: Held[]): Promise<void> {
    let leftOut: Array<() => void> = [];
    for (let next = held[0]; next !== undefined; next = held[0]) {
      const event = await next.text;
      if (!event || this.#held.get(attempt) !== held) return;
      const confirms = [...leftOut, event.onConfirmed];
      leftOut = event.json === '' ? confirms : [];
      const onConfirmed = (): void => confirms.forEach((confirm) => confirm());
      if (event.json !== '') this.#gather(attempt, { ...event, onConfirmed });
      void held.shift();
    }
    this.#held.delete(attempt);
  }

  #gather(attempt: Attempt, event: EventText): void {
    const bytes = Buffer.byteLength(event.json) + 1;
    let item = this.#open.get(attempt);
    if (!item || isOver(item, bytes, event.storedBytes)) {
      item = { attempt, seq: attempt.nextCheckpoint(), events: [], bytes: FRAME_BYTES, storedBytes: 0 };
      this.#open.set(attempt, item);
      this.#gathered.push(item);
    }
    item.events.push(event);
    item.bytes += bytes;
    item.storedBytes += event.storedBytes;
    this.#sending ??= this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    // Whatever else this turn of the event loop brings joins the first message.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#gathered.length > 0) {
      const era = this.#era;
      const batch = this.#takeBatch();
      await this.#publish(batch, era);
      if (era !== this.#era) continue;
      for (const { events } of batch) for (const { onConfirmed } of events) onConfirmed();
    }
    this.#sending = undefined;
  }

  #takeBatch(): Pending[] {
    const sum = { bytes: 0, storedBytes: 0 };
    let end = 0;
    for (const { bytes, storedBytes } of this.#gathered) {
      if (end === MOST_ITEMS || (end > 0 && isOver(sum, bytes, storedBytes))) break;
      sum.bytes += bytes;
      sum.storedBytes += storedBytes;
      end += 1;
    }
    const batch = this.#gathered.splice(0, end);
    for (const item of batch) if (this.#open.get(item.attempt) === item) this.#open.delete(item.attempt);
    return batch;
  }

  /** Publishes the same message again until it is confirmed; the api drops events that it has seen. */
  async #publish(batch: readonly Pending[], era: object): Promise<void> {
    const { bus, address, workerId, log } = this.#options;
    const items = batch.map(textOf).join();
    const body = new JsonText(`{"workerId":${JSON.stringify(workerId)},"items":[${items}]}`);
    for (let failures = 0; era === this.#era; failures += 1) {
      try {
        await bus.publish(address, 'checkpoints', body, { mandatory: true });
        this.#sent += 1;
        return;
      } catch (error) {
        log.warn({ err: error, checkpoints: batch.length }, 'checkpoints are not published yet');
        await sleep(backoff(PAUSE, failures));
      }
    }
  }
}

/** Whether so much more is too much beside what there is. */
function isOver(
  there: { readonly bytes: number; readonly storedBytes: number },
  bytes: number,
  storedBytes: number,
): boolean {
  return there.bytes + bytes > MOST_BYTES || there.storedBytes + storedBytes > MOST_STORED_BYTES;
}

function storedEvent(text: StoredText, onConfirmed: () => void): EventText {
  return { json: JSON.stringify({ type: 'stored', ...text }), storedBytes: text.bytes, onConfirmed };
}

function textOf({ attempt: { ref }, seq, events }: Pending): string {
  const texts = events.map(({ json }) => json).join();
  return `{"executionId":"${ref.executionId}","attempt":${ref.attempt},"seq":${seq},"events":[${texts}]}`;
}
