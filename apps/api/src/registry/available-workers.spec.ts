import { expect, test } from '@jest/globals';
import type { AvailableWorker, WorkerStore } from '../store/ports.js';
import { AvailableWorkers } from './available-workers.js';

function availableOf(...workers: readonly AvailableWorker[]): AvailableWorkers {
  const store = { readAvailable: () => Promise.resolve([...workers]) };
  return new AvailableWorkers(store as Partial<WorkerStore> as WorkerStore, 1_000);
}

const worker = (workerId: string, isPaused: boolean): AvailableWorker => ({
  workerId,
  workflows: ['crawl'],
  versions: [''],
  isPaused,
});
const message = { executionId: crypto.randomUUID(), workflowName: 'crawl' };

test('workers are asked in turn, and paused ones only for a cleanup that no other can take, all of them', async () => {
  const cleanup = { ...message, cleanup: true } as const;
  const paused = availableOf(worker('a', true), worker('b', true));
  expect(await paused.takersOf(message)).toEqual([]);
  expect(await paused.takersOf(cleanup)).toEqual(['a', 'b']);
  const mixed = availableOf(worker('c', false), worker('a', true), worker('d', false));
  const turns = [await mixed.takersOf(cleanup), await mixed.takersOf(message), await mixed.takersOf(cleanup)];
  expect(turns).toEqual([['d'], ['c'], ['d']]);
  expect(await mixed.takersOf({ ...message, workflowName: 'other' })).toEqual([]);
});
