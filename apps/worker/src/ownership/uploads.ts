import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { INLINE_LIMIT_BYTES, PIECE_BYTES, type StoredText } from '@flux/contracts';
import { backoff, sleep } from '@flux/domain';
import { keepHeapLean, RequestTimeoutError } from '@flux/messaging';
import { FairTurns } from '../flow/fair-turns.js';
import type { WorkerBus } from './worker-bus.js';

const pack = promisify(gzip);

/** So few that what a slow link carries at 8 MB a second never keeps a small message waiting for long. */
const MOST_UNDER_WAY = 4;
/** Longer than the slowest link of use takes for what is under way. */
const REPLY_LIMIT_MS = 20_000;
const PAUSE = { firstMs: 50, longestMs: 2_000 };

/** Whether a JSON text has to be uploaded. */
export function isLarge(text: string): boolean {
  // No character has more than three bytes for each of its units.
  return text.length > INLINE_LIMIT_BYTES / 3 && Buffer.byteLength(text) > INLINE_LIMIT_BYTES;
}

/** Puts texts that are too large for a message into the api's hands, piece by piece. */
export class Uploads {
  readonly #worker: WorkerBus;
  readonly #turns = new FairTurns(MOST_UNDER_WAY);
  /** Threads that compress would take the processor from the thread that shows signs of life. */
  readonly #packing = new FairTurns(1);
  #sent = 0;

  constructor(worker: WorkerBus) {
    this.#worker = worker;
  }

  /** The number of pieces that the api has. */
  get sent(): number {
    return this.#sent;
  }

  /**
   * Resolves once the api has all of the text; `undefined` once that is not wanted any more. Pieces are sent again until
   * they are answered. The text itself is let go once it is packed.
   * @param owner the owners' pieces take turns
   */
  put(owner: unknown, text: string | Uint8Array, isWanted: () => boolean): Promise<StoredText | undefined> {
    keepHeapLean();
    const bytes = typeof text === 'string' ? Buffer.byteLength(text) : text.length;
    return this.#pack(owner, text, isWanted).then((packed) =>
      packed ? this.#putPacked(owner, packed, bytes, isWanted) : undefined,
    );
  }

  /** Nothing that outlives this may share its closures' scope. */
  #pack(owner: unknown, text: string | Uint8Array, isWanted: () => boolean): Promise<Buffer | undefined> {
    return this.#packing.run(owner, async () =>
      isWanted() ? pack(text, { level: constants.Z_BEST_SPEED }) : undefined,
    );
  }

  async #putPacked(
    owner: unknown,
    packed: Buffer,
    bytes: number,
    isWanted: () => boolean,
  ): Promise<StoredText | undefined> {
    const valueId = randomUUID();
    const pieces = Math.ceil(packed.length / PIECE_BYTES);
    const sent = Array.from({ length: pieces }, (_, index) =>
      this.#turns.run(owner, async () => {
        const data = packed.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES);
        return this.#send({ valueId, index, data }, isWanted);
      }),
    );
    const all = await Promise.all(sent);
    return all.every(Boolean) ? { valueId, bytes, pieces } : undefined;
  }

  /** @returns false when the piece is not wanted any more */
  async #send(
    { valueId, index, data }: { readonly valueId: string; readonly index: number; readonly data: Buffer },
    isWanted: () => boolean,
  ): Promise<boolean> {
    const { bus, topology, workerId, log } = this.#worker;
    for (let failures = 0; isWanted(); failures += 1) {
      try {
        const body = { workerId, valueId, index, data: data.toString('base64') };
        await bus.request(topology.dataRequests, 'put_piece', body, { timeoutMs: REPLY_LIMIT_MS });
        this.#sent += 1;
        return true;
      } catch (error) {
        log.warn({ err: error, valueId, index }, 'a piece of a large value is not stored yet');
        if (!(error instanceof RequestTimeoutError)) await sleep(backoff(PAUSE, failures));
      }
    }
    return false;
  }
}
