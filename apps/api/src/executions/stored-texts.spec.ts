import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { PIECE_BYTES, type CheckpointEvent, type SentCheckpoint, type StoredEvent } from '@flux/contracts';
import { NOW } from '../testing/execution-rows.js';
import { memoryStores, played } from '../testing/memory-stores/memory-stores.js';
import { emptyTables } from '../testing/memory-stores/memory-tables.js';
import { StoredTexts } from './stored-texts.js';

const recorded = (value: unknown): CheckpointEvent => ({
  type: 'value_recorded',
  callId: 'now#0',
  name: 'now',
  value,
  at: NOW,
});
const LOST = { type: 'finished', outcome: 'failed', error: { code: 'INTERNAL_ERROR' } };

describe('an event that came in pieces', () => {
  let texts: StoredTexts;
  beforeEach(() => {
    const { pieces } = played(memoryStores(emptyTables(() => NOW)), async (call) => call());
    texts = new StoredTexts(pieces);
  });

  /** Puts the JSON of `event` but for the piece `lacking`; resolves with what refers to it. */
  async function put(event: unknown, lacking?: number): Promise<StoredEvent> {
    const text = JSON.stringify(event);
    const packed = gzipSync(text);
    const valueId = crypto.randomUUID();
    const pieces = Math.ceil(packed.length / PIECE_BYTES);
    for (let index = pieces - 1; index >= 0; index -= 1) {
      const data = packed.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES).toString('base64');
      if (index !== lacking) await texts.put({ workerId: 'w', valueId, index, data });
    }
    return { type: 'stored', valueId, bytes: Buffer.byteLength(text), pieces };
  }

  async function wholeOf(...events: SentCheckpoint['events']): Promise<unknown[]> {
    const checkpoint = { executionId: crypto.randomUUID(), attempt: 1, seq: 1, events };
    const [whole] = await texts.whole([checkpoint], NOW);
    return whole?.events ?? [];
  }

  const large = recorded(Array.from({ length: 60_000 }, () => Math.random()));

  it('is what it was, in its place', async () => {
    const stored = await put(large);
    expect(stored.pieces).toBeGreaterThan(5);
    expect(await wholeOf(recorded(1), stored, recorded(2))).toEqual([recorded(1), large, recorded(2)]);
  });

  it('ends its execution, told and without what follows, when a piece is gone', async () => {
    const stored = await put(large, 3);
    expect(await wholeOf(recorded(1), stored, recorded(2))).toMatchObject([recorded(1), LOST]);
    const applied = await put(large);
    await texts.delete([applied]);
    expect(await wholeOf(applied)).toMatchObject([LOST]);
  });

  it('ends its execution when it is no event, or larger than was said', async () => {
    expect(await wholeOf(await put({ type: 'stored' }))).toMatchObject([LOST]);
    expect(await wholeOf(await put('text'))).toMatchObject([LOST]);
    expect(await wholeOf({ ...(await put(large)), bytes: 1_000 })).toMatchObject([LOST]);
  });
});
