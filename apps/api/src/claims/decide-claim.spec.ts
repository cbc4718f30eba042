import { describe, expect, it } from '@jest/globals';
import { statesAccepting, EXECUTION_STATES } from '@flux/domain';
import { cancellation, cancellingRow, executionRow, NOW } from '../testing/execution-rows.js';
import { decideClaim } from './decide-claim.js';

const WISH = { workerId: 'worker-b', claimId: 'claim-2', version: null };
const unowned = { workerId: null, claimId: null };

describe('a claim', () => {
  it('makes the worker the owner of a new attempt', () => {
    const row = executionRow({ ...unowned, state: 'SCHEDULED', checkpointSeq: 7 });
    expect(decideClaim(row, WISH, NOW)).toMatchObject({
      kind: 'granted',
      row: { state: 'RUNNING', attempt: 2, workerId: 'worker-b', claimId: 'claim-2', checkpointSeq: 0 },
      change: { events: [{ type: 'execution_started', attempt: 2 }] },
    });
  });

  it('asked again gets the same grant, by anybody else none', () => {
    const row = executionRow({ workerId: 'worker-b', claimId: 'claim-2' });
    expect(decideClaim(row, WISH, NOW)).toEqual({ kind: 'granted', change: null, row });
    expect(decideClaim(row, { ...WISH, claimId: 'claim-3' }, NOW)).toEqual({
      kind: 'refused',
      reason: 'ALREADY_CLAIMED',
    });
  });

  it('of an ownerless cancel is a run-to-cancel while there is time', () => {
    expect(decideClaim(cancellingRow(unowned), WISH, NOW)).toMatchObject({
      kind: 'granted',
      row: { state: 'CANCELLING', attempt: 2, nextDispatchAt: NOW + 2_000 },
    });
    const late = cancellingRow({ ...unowned, cancellation: cancellation({ deadlineAt: NOW }) });
    expect(decideClaim(late, WISH, NOW)).toEqual({ kind: 'refused', reason: 'CANCELLING' });
  });

  it('decides the version that the execution stays with, be it none', () => {
    for (const version of ['2', null]) {
      const fresh = executionRow({ ...unowned, state: 'SCHEDULED', attempt: 0 });
      expect(decideClaim(fresh, { ...WISH, version }, NOW)).toMatchObject({
        kind: 'granted',
        row: { workflowVersion: version },
      });
      for (const row of [
        executionRow({ ...unowned, state: 'SCHEDULED', workflowVersion: version }),
        cancellingRow({ ...unowned, workflowVersion: version }),
      ]) {
        expect(decideClaim(row, { ...WISH, version }, NOW)).toMatchObject({ kind: 'granted' });
        expect(decideClaim(row, { ...WISH, version: 'other' }, NOW)).toEqual({
          kind: 'refused',
          reason: 'OTHER_VERSION',
        });
      }
    }
  });

  it('is refused wherever the table says so', () => {
    const refusing = EXECUTION_STATES.filter((state) => !statesAccepting('claim').includes(state));
    for (const state of refusing) {
      expect(decideClaim(executionRow({ state }), WISH, NOW)).toMatchObject({ kind: 'refused' });
    }
    expect(decideClaim(undefined, WISH, NOW)).toMatchObject({ kind: 'refused' });
  });
});
