import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import {
  checkpointEvent,
  type Checkpoint,
  type CheckpointEvent,
  type MessageBody,
  type SentCheckpoint,
  type StoredEvent,
  type StoredText,
} from '@flux/contracts';
import { keepHeapLean } from '@flux/messaging';
import type { PieceStore } from '../store/ports.js';

const unpack = promisify(gunzip);

type SentEvent = SentCheckpoint['events'][number];

/** The texts that workers send in pieces, because they are too large for a message. */
export class StoredTexts {
  readonly #pieces: PieceStore;

  constructor(pieces: PieceStore) {
    this.#pieces = pieces;
  }

  async put({ valueId, index, data }: MessageBody<'put_piece'>): Promise<Record<string, never>> {
    await this.#pieces.put({ valueId, index, data: Buffer.from(data, 'base64') });
    return {};
  }

  /** The values of these texts by their ids; those that are not whole, or not JSON, are left out. */
  async read(wanted: readonly StoredText[]): Promise<Map<string, unknown>> {
    keepHeapLean();
    const packed = new Map<string, Buffer[]>();
    for (const { valueId, data } of await this.#pieces.read(wanted.map((each) => each.valueId))) {
      packed.set(valueId, [...(packed.get(valueId) ?? []), data]);
    }
    const values = new Map<string, unknown>();
    for (const { valueId, bytes, pieces } of wanted) {
      const there = packed.get(valueId);
      if (there?.length !== pieces) continue;
      try {
        const text = await unpack(Buffer.concat(there), { maxOutputLength: bytes });
        values.set(valueId, JSON.parse(text.toString()));
      } catch {
        continue;
      }
    }
    return values;
  }

  /** Forgets texts that are applied. */
  async delete(texts: readonly StoredText[]): Promise<void> {
    if (texts.length > 0) await this.#pieces.delete(texts.map(({ valueId }) => valueId));
  }

  /** The checkpoints with all that they say. One that refers to a text which is lost ends its execution there. */
  async whole(checkpoints: readonly SentCheckpoint[], now: number): Promise<Checkpoint[]> {
    const wanted = checkpoints.flatMap(storedEventsOf);
    const values = wanted.length > 0 ? await this.read(wanted) : new Map<string, unknown>();
    return checkpoints.map((checkpoint) => ({
      ...checkpoint,
      events: wholeEvents(checkpoint.events, values, now),
    }));
  }
}

export function storedEventsOf({ events }: SentCheckpoint): StoredEvent[] {
  return events.filter((event) => event.type === 'stored');
}

function wholeEvents(
  events: readonly SentEvent[],
  values: ReadonlyMap<string, unknown>,
  now: number,
): CheckpointEvent[] {
  const whole: CheckpointEvent[] = [];
  for (const event of events) {
    if (event.type === 'stored') {
      const parsed = checkpointEvent.safeParse(values.get(event.valueId));
      if (!parsed.success) return [...whole, lostEvent(now)];
      whole.push(parsed.data);
    } else whole.push(event);
  }
  return whole;
}

/** The end of an execution one of whose results is lost: nothing that comes after could be trusted. */
function lostEvent(now: number): CheckpointEvent {
  const message = 'a large value was lost on its way: its pieces are gone, or were broken';
  return {
    type: 'finished',
    outcome: 'failed',
    signalled: false,
    output: null,
    error: { code: 'INTERNAL_ERROR', name: 'Error', message },
    cleanup: null,
    cleanupError: null,
    forced: false,
    at: now,
  };
}
