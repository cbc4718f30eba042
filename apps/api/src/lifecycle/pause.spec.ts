import type { CheckpointEvent } from '@flux/contracts';
import { EXECUTION_STATES, isTerminal } from '@flux/domain';
import { describe, expect, it } from '@jest/globals';
import {
  cancellingRow,
  changeOf,
  executionRow,
  LIMITS,
  NOW,
  REQUEST,
  unowned,
} from '../testing/execution-rows.js';
import { decideCancel } from './cancel.js';
import type { Change } from './change.js';
import { decideCheckpoint } from './checkpoint.js';
import { decideDue } from './due.js';
import type { ExecutionRow, Gate, KeptResume, Parking } from './execution.js';
import { decideLoss } from './hand-back.js';
import { decidePause, decideResume, MOST_KEPT_BYTES, MOST_KEPT_RESUMES } from './pause.js';
import { dueAt } from './timing.js';

const HOUR_MS = 3_600_000;
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

const report = (row: ExecutionRow, ...events: CheckpointEvent[]) =>
  decideCheckpoint(row, 'worker-a', { executionId: row.id, attempt: row.attempt, seq: 1, events }, NOW);
const parkedEvent = (event: Partial<CheckpointEvent & { type: 'parked' }>) =>
  ({ type: 'parked', ...sleep, at: NOW, ...event }) as const;
const park = (row: ExecutionRow, event: Parameters<typeof parkedEvent>[0]): Change =>
  changeOf(report(row, parkedEvent(event)));
const wantPause = (row: ExecutionRow) => decidePause(row, { requestedBy: 'cli:ada', reason: 'lunch' }, NOW);
const wantCancel = (row: ExecutionRow) => decideCancel(row, REQUEST, LIMITS, NOW);
const resume = (row: ExecutionRow, pause?: string, passed: readonly Gate[] = []) =>
  decideResume(row, { ...ada, pause, bytes: 17 }, NOW, passed);
const lose = (row: ExecutionRow) =>
  decideLoss(row, { executionId: row.id, workerId: 'worker-a', workerState: 'lost' }, NOW);

/** An execution of its own that no worker will ever be told of, or that the sweeper never looks at, is stuck. */
function expectNotStuck(row: ExecutionRow, outbox: readonly { readonly kind: string }[]): void {
  if (isTerminal(row.state) || row.state === 'PAUSED') return;
  // What was taken from a silent owner has nothing left to run.
  if (row.cancellation?.fencedAt === undefined && row.workerId === null && row.state !== 'SLEEPING')
    expect(outbox.map(({ kind }) => kind)).toContain('run');
  if (row.workerId === null) expect(dueAt(row)).not.toBeNull();
}

describe('what parks', () => {
  it('sleeps without an owner until it is due', () => {
    const change = park(executionRow(), {});
    expect(change).toMatchObject({
      row: { ...unowned, state: 'SLEEPING', nextDispatchAt: null, parking: { parked: sleep } },
      events: [{ type: 'execution_sleeping', data: { callId: '$sleep#0' } }],
      outbox: [],
    });
    expect(dueAt(change.row)).toBe(NOW + HOUR_MS);
  });

  it('is not woken within a second, however far behind the clock of its worker is', () => {
    expect(park(executionRow(), { dueAt: NOW - HOUR_MS }).row.parking?.parked?.dueAt).toBe(NOW + 1_000);
  });

  it('pauses until it is resumed', () => {
    const change = park(executionRow(), pause);
    expect(change).toMatchObject({
      row: { ...unowned, state: 'PAUSED' },
      events: [{ type: 'execution_paused', data: { name: 'ok' } }],
    });
    expect(dueAt(change.row)).toBeNull();
  });

  it('takes an early resume at once, the oldest first', () => {
    const row = executionRow({ parking: { ...nothing, kept: [ada, { ...ada, value: 2 }] } });
    expect(park(row, pause)).toMatchObject({
      row: { state: 'SCHEDULED', parking: { parked: null, kept: [{ value: 2 }] } },
      events: [
        { type: 'execution_paused' },
        { type: 'execution_resumed', data: { ...ada, callId: '$pause.ok#0', name: 'ok' } },
      ],
      outbox: [{ kind: 'run' }],
    });
  });

  it('is applied once, and never to a later attempt', () => {
    expect(report(sleeping({ checkpointSeq: 1 }), parkedEvent({}))).toEqual({ kind: 'duplicate' });
    const late: Partial<ExecutionRow>[] = [{ workerId: 'worker-b' }, { ...unowned, state: 'SCHEDULED' }];
    const ended = EXECUTION_STATES.filter(isTerminal).map((state) => ({ state }));
    for (const changes of [...late, ...ended]) {
      expect(report(executionRow(changes), parkedEvent({}))).toEqual({ kind: 'late' });
    }
  });
});

describe('a park that meets', () => {
  it.each([sleep, pause, request])('a cancel goes to another worker to be cleaned up: $kind', (parked) => {
    const delivered: CheckpointEvent = { type: 'cancel_delivered', at: NOW };
    for (const before of [[], [delivered]]) {
      expect(changeOf(report(cancellingRow(), ...before, parkedEvent(parked)))).toMatchObject({
        row: {
          ...unowned,
          state: 'CANCELLING',
          nextDispatchAt: NOW + 2_000,
          cancellation: { deliveredAt: null },
        },
        outbox: [{ kind: 'run' }, { kind: 'offer' }],
      });
    }
  });

  it('a pause from outside is paused by it, and keeps when its sleep is due', () => {
    expect(park(asked, sleep)).toMatchObject({
      row: {
        state: 'PAUSED',
        parking: { pauseAsked: false, parked: { kind: 'request', dueAt: NOW + HOUR_MS } },
      },
      events: [{ type: 'execution_sleeping' }, { type: 'execution_paused', data: { kind: 'request' } }],
    });
    for (const parked of [pause, request]) {
      expect(park(asked, parked)).toMatchObject({
        row: { state: 'PAUSED', parking: { pauseAsked: false, parked: { kind: parked.kind } } },
        outbox: [],
      });
    }
  });

  it('a pause from outside and an early resume: the resume is taken, the pause holds', () => {
    const both = { ...asked, parking: { ...nothing, pauseAsked: true, kept: [ada] } };
    expect(park(both, pause)).toMatchObject({
      row: { state: 'PAUSED', parking: { parked: { kind: 'request' }, kept: [] } },
      events: [{ type: 'execution_paused' }, { type: 'execution_resumed' }, { type: 'execution_paused' }],
      outbox: [],
    });
  });

  it('the withdrawal of the pause it obeys is dispatched again at once', () => {
    expect(park(executionRow(), request)).toMatchObject({
      row: { state: 'SCHEDULED', parking: null },
      outbox: [{ kind: 'run' }],
    });
  });
});

describe('a loss of the owner, or its hand-back,', () => {
  it.each([
    ['loss', lose(asked)],
    ['hand-back', changeOf(report(asked, { type: 'handed_back', reason: 'drain', at: NOW }))],
  ])('pauses what was asked to pause, and nothing of it runs: %s', (_what, change) => {
    const parking = { parked: request, pauseAsked: false };
    expect(change).toMatchObject({
      row: { ...unowned, state: 'PAUSED', nextDispatchAt: null, parking },
      outbox: [],
    });
  });

  it('leaves alone what is parked, and keeps early resumes', () => {
    expect(lose(sleeping())).toBeNull();
    expect(lose(keeping)).toMatchObject({ row: { state: 'SCHEDULED', parking: { kept: [ada] } } });
  });
});

describe('a pause from outside', () => {
  it.each([sleeping(), executionRow({ ...unowned, state: 'SCHEDULED', nextDispatchAt: NOW })])(
    'takes effect at once where nothing runs: $state',
    (row) => {
      expect(changeOf(wantPause(row))).toMatchObject({
        row: { state: 'PAUSED', nextDispatchAt: null, parking: { parked: { kind: 'request' } } },
        events: [{ type: 'pause_requested', data: { reason: 'lunch' } }, { type: 'execution_paused' }],
        outbox: [],
      });
    },
  );

  it('is told to the owner, and told again until it has parked', () => {
    expect(changeOf(wantPause(executionRow()))).toMatchObject({
      row: { state: 'RUNNING', parking: { pauseAsked: true }, nextDispatchAt: NOW + 2_000 },
      outbox: [{ kind: 'pause', target: 'worker-a', body: { attempt: 1 } }],
    });
    expect(decideDue({ ...asked, nextDispatchAt: NOW }, LIMITS, NOW)).toMatchObject({
      row: { nextDispatchAt: NOW + 4_000, dispatchCount: 1 },
      outbox: [{ kind: 'pause' }],
    });
  });

  it.each([asked, paused(), paused(request)])(
    'repeated changes nothing: $state $parking.parked.kind',
    (row) => {
      expect(wantPause(row)).toEqual({ kind: 'accepted', change: null });
    },
  );
});

describe('a resume', () => {
  it('gives the pause its value', () => {
    expect(resume(paused())).toMatchObject({
      kept: false,
      change: {
        row: { state: 'SCHEDULED', parking: { parked: null }, nextDispatchAt: NOW + 30_000 },
        events: [{ type: 'execution_resumed', data: { ...ada, callId: '$pause.ok#0', name: 'ok' } }],
        outbox: [{ kind: 'run' }],
      },
    });
  });

  it('of a pause from outside lets it go on where it was', () => {
    expect(changeOf(resume(paused(request)))).toMatchObject({
      row: { state: 'SCHEDULED' },
      events: [{ data: { callId: null } }],
      outbox: [{ kind: 'run' }],
    });
  });

  it('withdraws a pause that has not taken effect', () => {
    expect(resume(asked)).toMatchObject({
      kept: false,
      change: { row: { state: 'RUNNING', parking: null, nextDispatchAt: null }, outbox: [] },
    });
  });

  it.each(['SCHEDULED', 'RUNNING', 'SLEEPING'] as const)('that is early, in %s, is kept', (state) => {
    expect(resume(executionRow({ state }))).toMatchObject({
      kept: true,
      change: {
        row: { state, parking: { kept: [{ requestedBy: ada.requestedBy, seq: 3, bytes: 17 }] } },
        events: [{ type: 'resume_kept', data: ada }],
        outbox: [],
      },
    });
  });

  it('that is kept leaves its value to the history: the row carries its number alone', () => {
    const { row } = changeOf(resume(executionRow()));
    expect(JSON.stringify(row)).not.toContain('approved');
    expect(park(row, pause).events.at(-1)).toMatchObject({ type: 'execution_resumed', valueFrom: 3 });
  });

  it.each([undefined, 'ok', '$pause.ok#0'])('of the pause that it waits in, named %s, ends it', (name) => {
    expect(resume(paused(), name)).toMatchObject({ kept: false, change: { row: { state: 'SCHEDULED' } } });
  });

  it('that names another pause is kept for that one, and another resume goes first', () => {
    const waiting = changeOf(resume(paused(), 'later')).row;
    expect(waiting).toMatchObject({ state: 'PAUSED', parking: { kept: [{ pause: 'later' }] } });
    const early = changeOf(resume(executionRow(), 'later')).row;
    const held = park(early, pause).row;
    expect(held).toMatchObject({ state: 'PAUSED', parking: { kept: [{ pause: 'later' }] } });
    expect(park(early, { ...pause, name: 'later' }).row).toMatchObject({
      state: 'SCHEDULED',
      parking: { kept: [], passed: { name: 'later' } },
    });
  });

  it('repeated under its name is refused once that pause is over, whatever waits by then', () => {
    const { row } = changeOf(resume(paused(), 'ok'));
    expect(resume(row, 'ok')).toEqual({ kind: 'passed', state: 'SCHEDULED' });
    const next = paused({ ...pause, callId: '$pause.other#0', name: 'other' });
    const gate = { callId: '$pause.ok#0', name: 'ok' };
    expect(resume(next, 'ok', [gate])).toEqual({ kind: 'passed', state: 'PAUSED' });
    expect(resume(next, '$pause.ok#0', [gate])).toEqual({ kind: 'passed', state: 'PAUSED' });
    // The same name again is another pause: its call tells which.
    const again = paused({ ...pause, callId: '$pause.ok#1' });
    expect(resume(again, '$pause.ok#0', [gate])).toEqual({ kind: 'passed', state: 'PAUSED' });
    expect(resume(again, 'ok', [gate])).toMatchObject({ kind: 'accepted', kept: false });
  });

  it('without a name ends no pause that it did not mean: the second of two clicks is refused', () => {
    expect(resume(changeOf(resume(paused())).row)).toEqual({ kind: 'unnamed', state: 'SCHEDULED' });
    const early = changeOf(resume(executionRow())).row;
    expect(resume(early)).toEqual({ kind: 'unnamed', state: 'RUNNING' });
    expect(resume(park(early, pause).row)).toEqual({ kind: 'unnamed', state: 'SCHEDULED' });
  });

  it.each([
    [
      'many',
      Array.from({ length: MOST_KEPT_RESUMES }, (): KeptResume => ({ requestedBy: 'ada', pause: 'a' })),
    ],
    ['large', [{ requestedBy: 'ada', pause: 'a', bytes: MOST_KEPT_BYTES - 16 }]],
  ])('is refused where too %s are kept', (_, kept) => {
    const row = executionRow({ parking: { ...nothing, kept } });
    expect(resume(row, 'ok')).toEqual({ kind: 'full', state: 'RUNNING' });
    const fewer = { ...row, parking: { ...nothing, kept: kept.slice(1) } };
    expect(resume(fewer, 'ok')).toMatchObject({ kind: 'accepted', kept: true });
  });
});

it.each([
  ['cancelling', cancellingRow()],
  ['finished', executionRow({ state: 'FAILED' })],
  ['finished', executionRow({ state: 'COMPLETED' })],
])('a pause and a resume are refused as %s', (kind, row) => {
  for (const ask of [wantPause, resume]) expect(ask(row)).toEqual({ kind, state: row.state });
});

describe('what is due', () => {
  it.each([sleeping(), paused({ ...pause, dueAt: sleep.dueAt })])(
    'wakes from a sleep, and from a pause with a sleep beside it: $state',
    (row) => {
      expect(decideDue(row, LIMITS, NOW)).toBeNull();
      expect(decideDue(row, LIMITS, NOW + HOUR_MS)).toMatchObject({
        row: { state: 'SCHEDULED', parking: null },
        events: [{ type: 'execution_woken' }],
        outbox: [{ kind: 'run' }],
      });
    },
  );

  it('sleeps on under a pause from outside', () => {
    expect(dueAt(paused({ ...request, dueAt: NOW }))).toBeNull();
  });

  it.each([sleeping({ timeoutAt: NOW }), paused(pause, { timeoutAt: NOW })])(
    'is cancelled when its time is up, in $state too',
    (row) => {
      expect(dueAt(row)).toBe(NOW);
      expect(decideDue(row, LIMITS, NOW)).toMatchObject({
        row: { state: 'CANCELLING', parking: null, cancellation: { cause: 'timeout' } },
        outbox: [{ kind: 'run' }, { kind: 'offer' }],
      });
    },
  );
});

describe('a cancel of what is parked (elsewhere: skipped when deferred or parked)', () => {
  it.each([sleeping(), paused(), paused(request)])('is run by any worker: $state', (row) => {
    expect(changeOf(wantCancel(row))).toMatchObject({
      row: { state: 'CANCELLING', parking: null },
      outbox: [{ kind: 'run' }, { kind: 'offer' }],
    });
  });

  it('of what was paused before it ever ran is over at once', () => {
    expect(changeOf(wantCancel(paused(request, { attempt: 0 }))).row.state).toBe('CANCELLED');
  });
});

describe('any two of parks, pauses, resumes, cancels and losses, in either order,', () => {
  const accepted = (decision: { readonly kind: string; readonly change?: Change | null }) => decision.change;
  const steps: ReadonlyArray<(row: ExecutionRow) => Change | null | undefined> = [
    ...[sleep, pause, request].map(
      (parked) => (row: ExecutionRow) => accepted(report({ ...row, checkpointSeq: 0 }, parkedEvent(parked))),
    ),
    (row) => accepted(wantPause(row)),
    (row) => accepted(resume(row)),
    (row) => accepted(wantCancel(row)),
    lose,
    (row) => decideDue(row, LIMITS, NOW + 2 * HOUR_MS),
  ];
  const starts = [executionRow(), asked, keeping, sleeping(), paused(), paused(request), cancellingRow()];

  it('leave nothing stuck', () => {
    for (const start of starts) {
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
