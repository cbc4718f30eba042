import { describe, expect, it } from '@jest/globals';
import { MissingExecutions } from './missing-executions.js';

const one = { executionId: 'one', attempt: 1 };

describe('MissingExecutions', () => {
  it('waits until the worker has not known of an execution for the whole patience, without a break', () => {
    const missing = new MissingExecutions(100);
    expect(missing.overdue('worker', [one], 0)).toEqual([]);
    expect(missing.overdue('worker', [one], 100)).toEqual([]);
    expect(missing.overdue('worker', [one], 101)).toEqual([one]);
    expect(missing.overdue('worker', [], 150)).toEqual([]);
    expect(missing.overdue('worker', [one], 200)).toEqual([]);
  });

  it('counts another attempt and another worker anew', () => {
    const missing = new MissingExecutions(100);
    missing.overdue('worker', [one], 0);
    expect(missing.overdue('worker', [{ ...one, attempt: 2 }], 150)).toEqual([]);
    expect(missing.overdue('other', [one], 150)).toEqual([]);
  });
});
