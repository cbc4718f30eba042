import { describe, expect, it } from '@jest/globals';
import { historyReply, type HistoryEntry } from '@flux/contracts';
import { createMemoryBroker } from '@flux/messaging';
import { usePlayedApi } from './support/played-api.js';
import { taskCompleted } from './support/played-worker.js';

/** The api on PostgreSQL and the memory bus, with a worker that is played. */

const KIB = 1024;

const { rest, worker } = usePlayedApi({ namespace: 'pages', broker: createMemoryBroker() });

interface Got {
  readonly entries: HistoryEntry[];
  /** Entries and bytes of JSON text of each page. */
  readonly pages: ReadonlyArray<{ readonly entries: number; readonly bytes: number }>;
}

/** Tells what the second attempt gets of the outputs that the first recorded. */
async function replayed(outputs: readonly unknown[]): Promise<Got> {
  const execution = await rest.start('plain');
  const first = await worker.claim(execution);
  expect(first).toMatchObject({ history: [] });
  expect(first).not.toHaveProperty('next');
  for (let start = 0; start < outputs.length; start += 500) {
    const some = outputs.slice(start, start + 500);
    await worker.checkpoint(
      first,
      some.map((output, index) => taskCompleted(`step#${start + index}`, output)),
    );
  }
  await worker.checkpoint(first, [{ type: 'handed_back', reason: 'drain', at: Date.now() }]);
  await rest.reach(execution, 'SCHEDULED');
  const grant = await worker.claim(execution);
  const { executionId, attempt } = grant;
  const pages = [grant.history];
  for (let next = grant.next; next !== undefined;) {
    const asked = { workerId: worker.id, executionId, attempt, after: next };
    const reply = historyReply.parse(await worker.ask('history', asked));
    expect(reply.owned).toBe(true);
    pages.push(reply.entries);
    next = reply.next;
  }
  for (const [what, other] of [
    ['an attempt before', { workerId: worker.id, executionId, attempt: attempt - 1 }],
    ['another worker', { workerId: 'stranger', executionId, attempt }],
  ] as const) {
    const reply = historyReply.parse(await worker.ask('history', { ...other, after: 0 }));
    expect([what, reply]).toEqual([what, { owned: false, entries: [] }]);
  }
  return {
    entries: pages.flat(),
    pages: pages.map((page) => ({ entries: page.length, bytes: JSON.stringify(page).length })),
  };
}

const expected = (outputs: readonly unknown[]): unknown[] =>
  outputs.map((output, index) => ({ type: 'task_completed', callId: `step#${index}`, name: 'step', output }));

describe('a history', () => {
  it('that is short comes with the claim', async () => {
    const outputs = [1, { two: 2 }, null];
    const { entries, pages } = await replayed(outputs);
    expect(entries).toEqual(expected(outputs));
    expect(pages).toHaveLength(1);
  });

  it('that is long comes in pages, whole and in order', async () => {
    const outputs = Array.from({ length: 5_000 }, (_, index) => index);
    const { entries, pages } = await replayed(outputs);
    expect(entries).toEqual(expected(outputs));
    expect(pages.length).toBeGreaterThanOrEqual(3);
    for (const page of pages) expect(page.entries).toBeLessThanOrEqual(2_000);
  });

  it('of large results comes in pages of bounded size, however well they compress', async () => {
    // Each result is stored in a few KiB, and is more than fits into the first page.
    const outputs = Array.from({ length: 12 }, (_, index) =>
      `${index} `.repeat(130 * KIB).slice(0, 250 * KIB),
    );
    const { entries, pages } = await replayed(outputs);
    expect(entries).toEqual(expected(outputs));
    for (const page of pages) expect(page.bytes).toBeLessThanOrEqual(2 * 1024 * KIB + KIB);
    expect(pages[0]).toMatchObject({ entries: 0 });
  });
});
