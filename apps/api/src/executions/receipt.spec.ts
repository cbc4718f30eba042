import { describe, expect, test } from '@jest/globals';
import { executionReceipt } from '@flux/contracts';
import type { Sql } from '../database/database.js';
import { NOW } from '../testing/execution-rows.js';
import { makeReceipt } from './receipt.js';

interface Row {
  readonly seq: number;
  readonly type: string;
  readonly attempt: number;
  readonly data: unknown;
}

const call = (name: string) => ({ callId: `${name}#0`, name });
const begun = { ...call('charge'), inCleanup: false, rollback: true, startedAt: new Date(NOW).toISOString() };
const STATE = {
  executionId: '0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d',
  workflowName: 'order',
  state: 'RUNNING',
  attempt: 2,
  createdAt: new Date(NOW).toISOString(),
  startedAt: null,
  finishedAt: null,
  cancellation: null,
} as const;

/** The receipt of a history, as the statements would find it. */
async function receiptOf(rows: readonly Row[], wish = { limit: 100, afterSeq: 0 }) {
  const query = (name: string, values: readonly unknown[]): unknown[] => {
    if (name === 'find_made_again') return (values[1] as number[]).map((seq) => ({ seq }));
    if (name === 'count_receipt_events') {
      const types = [...new Set(rows.map(({ type }) => type))];
      return types.map((type) => ({
        type,
        count: rows.filter((row) => row.type === type).length,
        failures: 0,
      }));
    }
    const [, types, after, most, characters] = values as [string, string[], number, number, number];
    const own = rows.filter(({ type, seq }) => types.includes(type) && seq > after).slice(0, most);
    return own.map(({ data, ...row }) => ({
      ...row,
      at: NOW,
      head: JSON.stringify(data).slice(0, characters),
    }));
  };
  const sql = {
    query: ({ name }: { name: string }, values: readonly unknown[]) => Promise.resolve(query(name, values)),
  };
  const histories = { readBegun: () => Promise.resolve(new Map([[STATE.executionId, [begun]]])) };
  const parts = { sql: sql as unknown as Sql, histories, known: STATE as never, wish };
  return executionReceipt.parse(JSON.parse(JSON.stringify(await makeReceipt(parts))));
}

describe('a receipt', () => {
  test('tells each part with its count and a page of it', async () => {
    const rows: Row[] = [1, 2, 3].map((seq) => ({
      seq,
      type: 'task_completed',
      attempt: 1,
      data: { ...call(`step${seq}`), output: 'x'.repeat(10_000) },
    }));
    const first = await receiptOf(rows, { limit: 2, afterSeq: 0 });
    expect(first.completed).toMatchObject({
      count: 3,
      nextCursor: '2',
      items: [{ name: 'step1', seq: 1 }, { callId: 'step2#0' }],
    });
    expect((await receiptOf(rows, { limit: 2, afterSeq: 2 })).completed).toMatchObject({
      count: 3,
      nextCursor: null,
      items: [{ name: 'step3' }],
    });
    expect(first).toMatchObject({ isOver: false, underWay: { count: 1, items: [{ name: 'charge' }] } });
  });

  test('tells errors in short, however long they are', async () => {
    const failure = (seq: number, type: string, name: string, error: unknown): Row => ({
      seq,
      type,
      attempt: 1,
      data: { ...call(name), error, ...(type === 'task_failed' && { tries: 1 }) },
    });
    const stack = 'at '.repeat(5_000);
    const { failed, undone } = await receiptOf([
      failure(1, 'task_failed', 'a', { code: 'E', name: 'RangeError', message: 'said "no"', stack }),
      failure(2, 'task_failed', 'b', { name: 'Error', message: 'x'.repeat(1_000) }),
      failure(3, 'task_failed', 'c', { name: 'Error', message: 'x'.repeat(8_000) }),
      failure(4, 'rollback_finished', 'd', null),
      failure(5, 'rollback_finished', 'e', { name: 'Error', message: 'gone', stack }),
    ]);
    expect(failed.items.map(({ error }) => error)).toEqual([
      { name: 'RangeError', message: 'said "no"' },
      { name: 'Error', message: 'x'.repeat(300) },
      { name: 'Error', message: 'too large for a receipt: the history has it' },
    ]);
    expect(undone.items.map(({ error }) => error)).toEqual([null, { name: 'Error', message: 'gone' }]);
  });

  test('tells which programs were ended, and which live on', async () => {
    const ended = { name: 'ffmpeg', pid: 7, how: 'SIGKILL', more: 2 };
    const detached = { name: 'sh', pid: 8, how: 'detached' };
    const { programs } = await receiptOf(
      [ended, detached].map((data, index) => ({ seq: index + 1, type: 'program_ended', attempt: 1, data })),
    );
    expect(programs).toMatchObject({ count: 2, items: [ended, detached], nextCursor: null });
  });

  test('tells what was cut off and made again, and who lost it', async () => {
    const cause = { code: null, message: 'its process ended with SIGSEGV' };
    const { cutOff, lostOwners } = await receiptOf([
      {
        seq: 1,
        type: 'task_interrupted',
        attempt: 1,
        data: { ...begun, how: 'killed', runner: 'process', cause },
      },
      {
        seq: 2,
        type: 'execution_handed_back',
        attempt: 1,
        data: { reason: 'runner_lost', workerId: 'a', cause },
      },
      { seq: 3, type: 'worker_lost', attempt: 2, data: { workerId: 'b' } },
      { seq: 4, type: 'worker_lost', attempt: 2, data: { workerId: 'b', reason: 'unreported' } },
    ]);
    expect(cutOff.items).toMatchObject([{ how: 'killed', runner: 'process', cause, madeAgain: true }]);
    expect(lostOwners.items.map(({ workerId, why }) => [workerId, why])).toEqual([
      ['a', 'runner_lost'],
      ['b', 'lost'],
      ['b', 'unreported'],
    ]);
  });
});
