import { describe, expect, jest, test } from '@jest/globals';
import { executionRow } from '../testing/execution-rows.js';
import type { Announcer } from './announcer.js';
import type { Write } from '../store/pending-write.js';
import type { ExecutionRow } from '../lifecycle/execution.js';
import type { ExecutionStore } from '../store/ports.js';
import { ExecutionWriter, type RowChange } from './execution-writer.js';
import { LastWritten } from './last-written.js';

/** A table of one execution, and how often it was read. */
function table() {
  let row = executionRow({ version: 7 });
  const store = {
    now: () => Date.now(),
    readRows: jest.fn(async () => [row]),
    async write(writes: readonly Write[]): Promise<Set<string>> {
      const written = writes.flatMap((write) => (write.row.version === row.version ? [write.row] : []));
      for (const each of written) row = { ...each, version: each.version + 1 };
      return new Set(written.map(({ id }) => id));
    },
  };
  const announce = jest.fn<Announcer['announce']>();
  const writer = new ExecutionWriter(
    store as unknown as ExecutionStore,
    { announce } as unknown as Announcer,
  );
  const elsewhere = (change: Partial<ExecutionRow>): void => {
    row = { ...row, ...change, version: row.version + 1 };
  };
  return { store, announce, writer, elsewhere, present: () => row };
}

type Reply = 'applied' | 'duplicate' | 'late';

/** Items are numbered checkpoints of attempt 1. */
const planOf = (store: { readRows(): Promise<ExecutionRow[]> }): RowChange<number, ExecutionRow, Reply> => ({
  lastWritten: new LastWritten(),
  executionId: () => executionRow({}).id,
  read: () => store.readRows(),
  decide: (row, seq) => {
    if (row?.attempt !== 1) return { change: null, reply: 'late' };
    if (seq <= row.checkpointSeq) return { change: null, reply: 'duplicate' };
    return { change: { row: { ...row, checkpointSeq: seq }, events: [], outbox: [] }, reply: 'applied' };
  },
});

describe('a writer that remembers rows', () => {
  test('reads once, and then no more while nobody else writes', async () => {
    const { store, writer, announce, present } = table();
    const plan = planOf(store);
    expect(await writer.apply(plan, [1])).toEqual(['applied']);
    expect(await writer.apply(plan, [2, 3])).toEqual(['applied', 'applied']);
    expect(await writer.apply(plan, [4])).toEqual(['applied']);
    expect(store.readRows).toHaveBeenCalledTimes(1);
    expect(present()).toMatchObject({ checkpointSeq: 4, version: 10 });
    expect(announce).toHaveBeenCalledTimes(3);
  });

  test('decides again on the row as it is when another write came between', async () => {
    const { store, writer, elsewhere, present } = table();
    const plan = planOf(store);
    await writer.apply(plan, [1]);
    elsewhere({ attempt: 2, workerId: 'worker-b' });
    expect(await writer.apply(plan, [2])).toEqual(['late']);
    expect(present()).toMatchObject({ attempt: 2, checkpointSeq: 1 });
  });

  test('believes a remembered row only what a write confirms: a refusal is decided on the row as it is', async () => {
    const { store, writer, elsewhere } = table();
    const plan = planOf(store);
    await writer.apply(plan, [1, 2]);
    elsewhere({ checkpointSeq: 1 });
    expect(await writer.apply(plan, [2])).toEqual(['applied']);
    expect(await writer.apply(plan, [2, 3])).toEqual(['duplicate', 'applied']);
    expect(store.readRows).toHaveBeenCalledTimes(3);
  });

  test('forgets what has no owner', async () => {
    const { store, writer } = table();
    const plan = planOf(store);
    const ending = {
      ...plan,
      decide: (row: ExecutionRow | undefined) => ({
        change: row ? { row: { ...row, workerId: null }, events: [], outbox: [] } : null,
        reply: 'applied' as const,
      }),
    };
    await writer.apply(ending, [1]);
    await writer.apply(plan, [2]);
    expect(store.readRows).toHaveBeenCalledTimes(2);
  });
});
