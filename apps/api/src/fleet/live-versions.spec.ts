import { describe, expect, it } from '@jest/globals';
import { toResource } from '../executions/execution-resource.js';
import { cancellation, executionRow } from '../testing/execution-rows.js';
import { withVersionWait } from './live-versions.js';

const record = (changes: Parameters<typeof executionRow>[0]) =>
  toResource({
    ...executionRow({ state: 'SCHEDULED', workerId: null, workflowVersion: '1', ...changes }),
    ...{
      input: null,
      output: null,
      error: null,
      labels: {},
      parentExecutionId: null,
      rootExecutionId: null,
      createdAt: 0,
    },
  });
const waits = (changes: Parameters<typeof executionRow>[0], versions: (string | null)[] | null): unknown =>
  withVersionWait(record(changes), new Map(versions ? [['crawl', new Set(versions)]] : [])).waiting;
const FOR_VERSION = { for: 'version', pause: null, until: null };

describe('an execution for which no worker has the version', () => {
  it.each([
    ['re-queued', {}],
    ['to be cancelled', { state: 'CANCELLING' as const, cancellation: cancellation() }],
  ])('says so: %s', (_what, changes) => {
    expect(waits(changes, null)).toEqual(FOR_VERSION);
    expect(waits(changes, ['2', null])).toEqual(FOR_VERSION);
    expect(waits({ ...changes, workflowVersion: null }, ['2'])).toEqual(FOR_VERSION);
  });

  it('says nothing of the kind while a worker has it, or owns it, or it waits for something else', () => {
    expect(waits({}, ['2', '1'])).toBeNull();
    expect(waits({ workflowVersion: null }, ['2', null])).toBeNull();
    expect(waits({ state: 'RUNNING', workerId: 'worker-a' }, [])).toBeNull();
    expect(waits({ state: 'COMPLETED' }, [])).toBeNull();
  });

  it('is none that no worker has had, nor one without a version where there is no worker at all', () => {
    expect(waits({ attempt: 0, workflowVersion: null }, ['2'])).toBeNull();
    expect(waits({ workflowVersion: null }, null)).toBeNull();
  });
});
