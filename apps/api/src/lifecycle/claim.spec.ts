import { describe, expect, it } from '@jest/globals';
import { EXECUTION_STATES, TRANSITIONS } from '@flux/domain';
import { cancellation, cancellingRow, executionRow, NOW, unowned } from '../testing/execution-rows.js';
import { decideClaim } from './claim.js';

const WISH = { workerId: 'worker-b', claimId: 'claim-2', version: null, held: null };
const refused = (reason: string) => ({ kind: 'refused', reason });

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
    expect(decideClaim(row, { ...WISH, claimId: 'claim-3' }, NOW)).toEqual(refused('ALREADY_CLAIMED'));
  });

  it('of an ownerless cancel is a run-to-cancel while there is time', () => {
    expect(decideClaim(cancellingRow(unowned), WISH, NOW)).toMatchObject({
      kind: 'granted',
      row: { state: 'CANCELLING', attempt: 2, nextDispatchAt: NOW + 2_000 },
    });
    const late = cancellingRow({ ...unowned, cancellation: cancellation({ deadlineAt: NOW }) });
    expect(decideClaim(late, WISH, NOW)).toEqual(refused('CANCELLING'));
  });

  it.each(['2', null])('decides the version that the execution stays with: %s', (version) => {
    const scheduled = executionRow({ ...unowned, state: 'SCHEDULED', workflowVersion: version });
    const fresh = { ...scheduled, workflowVersion: null, attempt: 0 };
    expect(decideClaim(fresh, { ...WISH, version }, NOW)).toMatchObject({
      kind: 'granted',
      row: { workflowVersion: version },
    });
    for (const row of [scheduled, cancellingRow({ ...unowned, workflowVersion: version })]) {
      expect(decideClaim(row, { ...WISH, version }, NOW)).toMatchObject({ kind: 'granted' });
      expect(decideClaim(row, { ...WISH, version: 'other' }, NOW)).toEqual(refused('OTHER_VERSION'));
    }
  });

  it('by a paused worker is granted of what is part of a cleanup alone, by a drained one of nothing', () => {
    const cleanup = { executionId: 'p', callId: 'c', cleanup: true as const };
    const scheduled = { ...unowned, state: 'SCHEDULED' } as const;
    const rows = [executionRow(scheduled), cancellingRow(unowned)];
    rows.push(executionRow({ ...scheduled, parent: { ...executionRow().parent, ...cleanup } as never }));
    const kinds = (held: 'pause' | 'drain') =>
      rows.map((row) => decideClaim(row, { ...WISH, held }, NOW).kind);
    expect(kinds('pause')).toEqual(['refused', 'granted', 'granted']);
    expect(kinds('drain')).toEqual(['refused', 'refused', 'refused']);
    expect(decideClaim(rows[0], { ...WISH, held: 'pause' }, NOW)).toEqual(refused('HELD_BY_HAND'));
    // The grant whose answer was lost was given before.
    const granted = executionRow({ workerId: 'worker-b', claimId: 'claim-2' });
    expect(decideClaim(granted, { ...WISH, held: 'drain' }, NOW).kind).toBe('granted');
  });

  it('is refused wherever the table says so', () => {
    const refusing = EXECUTION_STATES.filter((state) => TRANSITIONS.claim[state].kind === 'refuse');
    for (const state of refusing) {
      expect(decideClaim(executionRow({ state }), WISH, NOW)).toMatchObject({ kind: 'refused' });
    }
    expect(decideClaim(undefined, WISH, NOW)).toMatchObject({ kind: 'refused' });
  });
});
