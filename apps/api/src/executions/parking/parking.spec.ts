import { describe, expect, it } from '@jest/globals';
import type { CheckpointEvent } from '@flux/contracts';
import { EXECUTION_STATES, isTerminal } from '@flux/domain';
import { decideCheckpoint } from '../../checkpoints/decide-checkpoint.js';
import { decideLoss } from '../../fleet/decide-loss.js';
import { decideDue } from '../../sweeper/decide-due.js';
import { cancellingRow, executionRow, NOW } from '../../testing/execution-rows.js';
import { decideCancel } from '../cancel/decide-cancel.js';
import type { ExecutionRow, Parking } from '../execution-row.js';
import { dueAt } from '../schedule.js';
import { decidePause } from './decide-pause.js';
import { decideResume } from './decide-resume.js';

const HOUR_MS = 3_600_000;
const unowned = { workerId: null, claimId: null };
const nothing: Parking = { parked: null, pauseAsked: false, kept: [] };
const sleep = { kind: 'sleep' as const, callId: '$sleep#0', name: null, dueAt: NOW + HOUR_MS };
const pause = { kind: 'pause' as const, callId: '$pause.ok#0', name: 'ok', dueAt: null };
const request = { kind: 'request' as const, callId: null, name: null, dueAt: null };
const ada = { requestedBy: 'cli:ada', value: { approved: true } };

const sleeping = (changes: Partial<ExecutionRow> = {}) =>
  executionRow({ ...unowned, state: 'SLEEPING', parking: { ...nothing, parked: sleep }, ...changes });
const paused = (parked: NonNullable<Parking['parked']> = pause, changes: Partial<ExecutionRow> = {}) =>
  executionRow({ ...unowned, state: 'PAUSED', parking: { ...nothing, parked }, ...changes });
const asked = executionRow({ parking: { ...nothing, pauseAsked: true }, nextDispatchAt: NOW + 2_000 });
const keeping = executionRow({ parking: { ...nothing, kept: [ada] } });

const park = (
  row: ExecutionRow,
  event: Partial<CheckpointEvent & { type: 'parked' }>,
  before: CheckpointEvent[] = [],
) => {
  const parked = { type: 'parked' as const, ...sleep, at: NOW, ...event };
  const checkpoint = { executionId: row.id, attempt: row.attempt, seq: 1, events: [...before, parked] };
  return decideCheckpoint(row, 'worker-a', checkpoint, NOW);
};
const wantPause = (row: ExecutionRow) => decidePause(row, { requestedBy: 'cli:ada', reason: 'lunch' }, NOW);
const wantCancel = (row: ExecutionRow) =>
  decideCancel(
    row,
    { requestedBy: 'cli:ada', reason: null, cause: 'request', force: false, gracePeriodMs: undefined },
    10_000,
    NOW,
  );
const lose = (row: ExecutionRow) =>
  decideLoss(row, { executionId: row.id, workerId: 'worker-a', workerState: 'lost' }, NOW);

/** An execution of its own that no worker will ever be told of, or that the sweeper never looks at, is stuck. */
function expectNotStuck(row: ExecutionRow, outbox: readonly { readonly kind: string }[]): void {
  if (isTerminal(row.state) || row.state === 'PAUSED') return;
  if (row.workerId === null && row.state !== 'SLEEPING')
    expect(outbox.map(({ kind }) => kind)).toContain('run');
  if (row.workerId === null) expect(dueAt(row)).not.toBeNull();
}

describe('what parks', () => {
  it('sleeps without an owner until it is due', () => {
    const verdict = park(executionRow(), {});
    expect(verdict).toMatchObject({
      kind: 'applied',
      change: {
        row: { ...unowned, state: 'SLEEPING', nextDispatchAt: null, parking: { parked: sleep } },
        events: [{ type: 'execution_sleeping', data: { callId: '$sleep#0' } }],
        outbox: [],
      },
    });
    expect(verdict.kind === 'applied' && dueAt(verdict.change.row)).toBe(NOW + HOUR_MS);
  });

  it('is not woken within a second, however far behind the clock of its worker is', () => {
    expect(park(executionRow(), { dueAt: NOW - HOUR_MS })).toMatchObject({
      change: { row: { parking: { parked: { dueAt: NOW + 1_000 } } } },
    });
  });

  it('pauses until it is resumed', () => {
    const verdict = park(executionRow(), pause);
    expect(verdict).toMatchObject({
      change: {
        row: { ...unowned, state: 'PAUSED' },
        events: [{ type: 'execution_paused', data: { name: 'ok' } }],
      },
    });
    expect(verdict.kind === 'applied' && dueAt(verdict.change.row)).toBeNull();
  });

  it('takes an early resume at once, the oldest first', () => {
    const row = executionRow({ parking: { ...nothing, kept: [ada, { ...ada, value: 2 }] } });
    expect(park(row, pause)).toMatchObject({
      change: {
        row: { state: 'SCHEDULED', parking: { parked: null, kept: [{ value: 2 }] } },
        events: [
          { type: 'execution_paused' },
          { type: 'execution_resumed', data: { ...ada, callId: '$pause.ok#0', name: 'ok' } },
        ],
        outbox: [{ kind: 'run' }],
      },
    });
  });

  it('is applied once, and is nothing to a later attempt', () => {
    expect(park(sleeping({ checkpointSeq: 1 }), {})).toEqual({ kind: 'duplicate' });
    expect(park(executionRow({ workerId: 'worker-b' }), {})).toEqual({ kind: 'late' });
    expect(park(executionRow({ ...unowned, state: 'SCHEDULED' }), {})).toEqual({ kind: 'late' });
    for (const state of EXECUTION_STATES.filter(isTerminal)) {
      expect(park(executionRow({ state }), {})).toEqual({ kind: 'late' });
    }
  });
});

describe('a park that meets', () => {
  it.each([sleep, pause, request])('a cancel goes to another worker to be cleaned up: $kind', (parked) => {
    const delivered: CheckpointEvent = { type: 'cancel_delivered', at: NOW };
    for (const before of [[], [delivered]]) {
      const verdict = park(cancellingRow(), parked, before);
      expect(verdict).toMatchObject({
        kind: 'applied',
        change: {
          row: {
            ...unowned,
            state: 'CANCELLING',
            nextDispatchAt: NOW + 2_000,
            cancellation: { deliveredAt: null },
          },
          outbox: [{ kind: 'run' }],
        },
      });
    }
  });

  it('a pause from outside is paused by it, and keeps when its sleep is due', () => {
    expect(park(asked, sleep)).toMatchObject({
      change: {
        row: {
          state: 'PAUSED',
          parking: { pauseAsked: false, parked: { kind: 'request', dueAt: NOW + HOUR_MS } },
        },
        events: [{ type: 'execution_sleeping' }, { type: 'execution_paused', data: { kind: 'request' } }],
      },
    });
    for (const parked of [pause, request]) {
      expect(park(asked, parked)).toMatchObject({
        change: {
          row: { state: 'PAUSED', parking: { pauseAsked: false, parked: { kind: parked.kind } } },
          outbox: [],
        },
      });
    }
  });

  it('a pause from outside and an early resume: the resume is taken, the pause holds', () => {
    const both = { ...asked, parking: { ...nothing, pauseAsked: true, kept: [ada] } };
    expect(park(both, pause)).toMatchObject({
      change: {
        row: { state: 'PAUSED', parking: { parked: { kind: 'request' }, kept: [] } },
        events: [{ type: 'execution_paused' }, { type: 'execution_resumed' }, { type: 'execution_paused' }],
        outbox: [],
      },
    });
  });

  it('the withdrawal of the pause it obeys is dispatched again at once', () => {
    expect(park(executionRow(), request)).toMatchObject({
      change: { row: { state: 'SCHEDULED', parking: null }, outbox: [{ kind: 'run' }] },
    });
  });
});

describe('a loss of the owner, or its hand-back,', () => {
  it('pauses what was asked to pause: nothing of it runs', () => {
    const handBack: CheckpointEvent = { type: 'handed_back', reason: 'drain', at: NOW };
    const checkpoint = { executionId: asked.id, attempt: 1, seq: 1, events: [handBack] };
    for (const change of [lose(asked), decideCheckpoint(asked, 'worker-a', checkpoint, NOW)]) {
      expect(change && 'kind' in change && change.kind === 'applied' ? change.change : change).toMatchObject({
        row: {
          ...unowned,
          state: 'PAUSED',
          nextDispatchAt: null,
          parking: { parked: request, pauseAsked: false },
        },
        outbox: [],
      });
    }
  });

  it('leaves alone what is parked, and keeps early resumes', () => {
    expect(lose(sleeping())).toBeNull();
    expect(lose(keeping)).toMatchObject({ row: { state: 'SCHEDULED', parking: { kept: [ada] } } });
  });
});

describe('a pause from outside', () => {
  it('takes effect at once where nothing runs', () => {
    for (const row of [sleeping(), executionRow({ ...unowned, state: 'SCHEDULED', nextDispatchAt: NOW })]) {
      expect(wantPause(row)).toMatchObject({
        change: {
          row: { state: 'PAUSED', nextDispatchAt: null, parking: { parked: { kind: 'request' } } },
          events: [{ type: 'pause_requested', data: { reason: 'lunch' } }, { type: 'execution_paused' }],
          outbox: [],
        },
      });
    }
  });

  it('is told to the owner, and told again until it has parked', () => {
    const decision = wantPause(executionRow());
    expect(decision).toMatchObject({
      change: {
        row: { state: 'RUNNING', parking: { pauseAsked: true }, nextDispatchAt: NOW + 2_000 },
        outbox: [{ kind: 'pause', target: 'worker-a', body: { attempt: 1 } }],
      },
    });
    expect(decideDue({ ...asked, nextDispatchAt: NOW }, 10_000, NOW)).toMatchObject({
      row: { nextDispatchAt: NOW + 4_000, dispatchCount: 1 },
      outbox: [{ kind: 'pause' }],
    });
  });

  it('repeated changes nothing', () => {
    for (const row of [asked, paused(), paused(request)]) {
      expect(wantPause(row)).toEqual({ kind: 'accepted', change: null });
    }
  });

  it('is refused under a cancel and after the end', () => {
    expect(wantPause(cancellingRow())).toEqual({ kind: 'cancelling', state: 'CANCELLING' });
    expect(wantPause(executionRow({ state: 'FAILED' }))).toEqual({ kind: 'finished', state: 'FAILED' });
  });
});

describe('a resume', () => {
  it('gives the pause its value', () => {
    expect(decideResume(paused(), ada, NOW)).toMatchObject({
      kept: false,
      change: {
        row: { state: 'SCHEDULED', parking: null, nextDispatchAt: NOW + 30_000 },
        events: [{ type: 'execution_resumed', data: { ...ada, callId: '$pause.ok#0', name: 'ok' } }],
        outbox: [{ kind: 'run' }],
      },
    });
  });

  it('of a pause from outside lets it go on where it was', () => {
    expect(decideResume(paused(request), ada, NOW)).toMatchObject({
      change: {
        row: { state: 'SCHEDULED' },
        events: [{ data: { callId: null } }],
        outbox: [{ kind: 'run' }],
      },
    });
  });

  it('withdraws a pause that has not taken effect', () => {
    expect(decideResume(asked, ada, NOW)).toMatchObject({
      kept: false,
      change: { row: { state: 'RUNNING', parking: null, nextDispatchAt: null }, outbox: [] },
    });
  });

  it.each(['SCHEDULED', 'RUNNING', 'SLEEPING'] as const)('that is early, in %s, is kept', (state) => {
    expect(decideResume(executionRow({ state }), ada, NOW)).toMatchObject({
      kept: true,
      change: { row: { state, parking: { kept: [ada] } }, events: [{ type: 'resume_kept' }], outbox: [] },
    });
  });

  it('is refused under a cancel and after the end', () => {
    expect(decideResume(cancellingRow(), ada, NOW)).toMatchObject({ kind: 'cancelling' });
    expect(decideResume(executionRow({ state: 'COMPLETED' }), ada, NOW)).toMatchObject({ kind: 'finished' });
  });
});

describe('what is due', () => {
  it('wakes from a sleep, and from a pause with a sleep beside it', () => {
    for (const row of [sleeping(), paused({ ...pause, dueAt: sleep.dueAt })]) {
      expect(decideDue(row, 10_000, NOW)).toBeNull();
      expect(decideDue(row, 10_000, NOW + HOUR_MS)).toMatchObject({
        row: { state: 'SCHEDULED', parking: null },
        events: [{ type: 'execution_woken' }],
        outbox: [{ kind: 'run' }],
      });
    }
  });

  it('sleeps on under a pause from outside', () => {
    expect(dueAt(paused({ ...request, dueAt: NOW }))).toBeNull();
  });

  it.each([sleeping({ timeoutAt: NOW }), paused(pause, { timeoutAt: NOW })])(
    'is cancelled when its time is up, in $state too',
    (row) => {
      expect(dueAt(row)).toBe(NOW);
      expect(decideDue(row, 10_000, NOW)).toMatchObject({
        row: { state: 'CANCELLING', parking: null, cancellation: { cause: 'timeout' } },
        outbox: [{ kind: 'run' }],
      });
    },
  );
});

describe('a cancel skipped when deferred or parked', () => {
  it.each([sleeping(), paused(), paused(request)])('is run by any worker: $state', (row) => {
    expect(wantCancel(row)).toMatchObject({
      change: { row: { state: 'CANCELLING', parking: null }, outbox: [{ kind: 'run' }] },
    });
  });

  it('of what was paused before it ever ran is over at once', () => {
    expect(wantCancel(paused(request, { attempt: 0 }))).toMatchObject({
      change: { row: { state: 'CANCELLED' } },
    });
  });
});

describe('any two of them, in either order,', () => {
  const steps: ReadonlyArray<(row: ExecutionRow) => ReturnType<typeof lose>> = [
    (row) => taken(park({ ...row, checkpointSeq: 0 }, sleep)),
    (row) => taken(park({ ...row, checkpointSeq: 0 }, pause)),
    (row) => taken(park({ ...row, checkpointSeq: 0 }, request)),
    (row) => accepted(wantPause(row)),
    (row) => accepted(decideResume(row, ada, NOW)),
    (row) => accepted(wantCancel(row)),
    lose,
    (row) => decideDue(row, 10_000, NOW + 2 * HOUR_MS),
  ];
  const taken = (verdict: ReturnType<typeof park>) => (verdict.kind === 'applied' ? verdict.change : null);
  const accepted = (decision: { kind: string; change?: unknown }) =>
    (decision.kind === 'accepted' ? decision.change : null) as ReturnType<typeof lose>;

  it('leave nothing stuck', () => {
    for (const start of [
      executionRow(),
      asked,
      keeping,
      sleeping(),
      paused(),
      paused(request),
      cancellingRow(),
    ]) {
      for (const first of steps) {
        const one = first(start);
        if (one) expectNotStuck(one.row, one.outbox);
        for (const second of steps) {
          const two = second(one?.row ?? start);
          if (!two) continue;
          // A run message that is under way finds whatever became of it.
          const outbox = one && two.row.state === one.row.state ? [...one.outbox, ...two.outbox] : two.outbox;
          expectNotStuck(two.row, outbox);
        }
      }
    }
  });
});
