import { describe, expect, it } from '@jest/globals';
import { toResource } from '../executions/resource.js';
import { cancellation, executionRow, recordOf } from '../testing/execution-rows.js';
import { withVersionWait } from './live-versions.js';

const record = (changes: Parameters<typeof executionRow>[0]) =>
  toResource(
    recordOf(executionRow({ state: 'SCHEDULED', workerId: null, workflowVersion: '1', ...changes })),
  );
const waits = (changes: Parameters<typeof executionRow>[0], versions: (string | null)[] | null): unknown =>
  withVersionWait(record(changes), new Map(versions ? [['crawl', new Set(versions)]] : [])).waiting;
const FOR_VERSION = { for: 'version', pause: null, until: null };

describe('an execution for which no worker has the version', () => {
  it.each([
    ['re-queued', {}],
    ['to be cancelled', { state: 'CANCELLING' as const, cancellation: cancellation() }],
  ])('is told to wait for one that has it: %s', (_what, changes) => {
    expect(waits(changes, null)).toEqual(FOR_VERSION);
    expect(waits(changes, ['2', null])).toEqual(FOR_VERSION);
    expect(waits({ ...changes, workflowVersion: null }, ['2'])).toEqual(FOR_VERSION);
  });

  it('is not told so while a worker has it, or owns the execution, or that waits for something else', () => {
    expect(waits({}, ['2', '1'])).toBeNull();
    expect(waits({ workflowVersion: null }, ['2', null])).toBeNull();
    expect(waits({ state: 'RUNNING', workerId: 'worker-a' }, [])).toBeNull();
    expect(waits({ state: 'COMPLETED' }, [])).toBeNull();
  });

  it('does not count as one before it has run, nor without a version where there is no worker at all', () => {
    expect(waits({ attempt: 0, workflowVersion: null }, ['2'])).toBeNull();
    expect(waits({ workflowVersion: null }, null)).toBeNull();
  });
});
