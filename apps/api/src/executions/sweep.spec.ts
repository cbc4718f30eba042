import { expect, it, jest } from '@jest/globals';
import { FluxError } from '@flux/domain';
import { createMemoryBroker } from '@flux/messaging';
import { pino } from 'pino';
import { DECISIONS } from '../lifecycle/replaceable.js';
import type { ExecutionStore, Stores } from '../store/ports.js';
import type { ExecutionWriter } from './execution-writer.js';
import { createSweep } from './sweep.js';

const BATCH = 1_000;

/** The sweep of `ids`, all of them due, whose writer fails on the ids of `faults`. */
function sweepOf(ids: readonly string[], faults: ReadonlyMap<string, Error>) {
  const due = new Set(ids);
  const written: string[] = [];
  const apply = jest.fn((_plan: unknown, batch: readonly string[]) => {
    for (const id of batch) {
      const fault = faults.get(id);
      if (fault) return Promise.reject(fault);
    }
    for (const id of batch) due.delete(id);
    written.push(...batch);
    return Promise.resolve(batch.map(() => null));
  });
  const store = { findDue: () => Promise.resolve([...due].slice(0, BATCH)) };
  const logger = pino({ enabled: false });
  const error = jest.spyOn(logger, 'error');
  const sweep = createSweep({
    stores: {} as Stores,
    store: store as unknown as ExecutionStore,
    writer: { apply } as unknown as ExecutionWriter,
    bus: createMemoryBroker().connect(),
    decisions: DECISIONS,
    gracePeriodMs: 0,
    leaseMs: 1000,
    logger,
  });
  return { sweep, written, error, apply };
}

it('an execution that cannot be seen to keeps no other waiting (elsewhere: half a surrogate in one row stops every deadline)', async () => {
  const ids = Array.from({ length: 1_500 }, (_, index) => String(index));
  const bad = ['3', '700'];
  const { sweep, written, error, apply } = sweepOf(ids, new Map(bad.map((id) => [id, new Error(id)])));
  await sweep();
  await sweep();
  expect(written.sort()).toEqual(ids.filter((id) => !bad.includes(id)).sort());
  expect(error.mock.calls.map(([about]) => (about as { executionId: string }).executionId)).toEqual([
    ...bad,
    ...bad,
  ]);
  expect(apply.mock.calls.length).toBeLessThan(90);
});

it('a database that is away ends the sweep at once', async () => {
  const away = new FluxError('DATABASE_UNAVAILABLE', 'away');
  const { sweep, error, apply } = sweepOf(['1', '2', '3'], new Map([['2', away]]));
  await expect(sweep()).rejects.toBe(away);
  expect([apply.mock.calls.length, error.mock.calls.length]).toEqual([1, 0]);
});
