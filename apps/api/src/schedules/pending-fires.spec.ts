import { describe, expect, it } from '@jest/globals';
import { intervalTimes, type ExecutionState, type OverlapPolicy } from '@flux/domain';
import fc from 'fast-check';
import { PendingFires, type FireContext } from './pending-fires.js';
import type { FireRow, ScheduleRow } from './schedule-row.js';

const NOW = 1_800_000_000_000;
const SECOND = 1_000;
const next = intervalTimes(NOW - 3_600_000, SECOND);

function schedule(overlap: OverlapPolicy, changes: Partial<ScheduleRow> = {}): ScheduleRow {
  const spec = {
    workflowName: 'crawl',
    input: {},
    labels: {},
    timeout: null,
    cron: null,
    every: '1s',
    at: null,
  };
  return {
    id: 'nightly',
    spec: { ...spec, timeZone: null, overlap, catchUp: '10s', note: null },
    paused: false,
    createdAt: NOW - 3_600_000,
    createdBy: 'ada',
    updatedAt: NOW - 3_600_000,
    updatedBy: 'ada',
    anchorAt: NOW - 3_600_000,
    nextFireAt: NOW,
    lastPlannedAt: NOW - SECOND,
    fireSeq: 7,
    waiting: null,
    lastFire: null,
    lastExecutionId: 'e0',
    ...changes,
  };
}

function draftOf(row: ScheduleRow, context: Partial<FireContext> = {}): PendingFires {
  let count = 0;
  const newExecutionId = (): string => `e${(count += 1)}`;
  return new PendingFires(row, { now: NOW, lastState: null, refusal: undefined, newExecutionId, ...context });
}

/** What has come due, fired. */
function dueOf(row: ScheduleRow, context: Partial<FireContext> = {}): PendingFires {
  const pending = draftOf(row, context);
  pending.fireDue(next);
  return pending;
}

const brief = ({ seq, outcome, executionId }: FireRow): unknown[] => [seq, outcome, executionId];

const waiting: FireRow = {
  seq: 5,
  plannedAt: NOW - 3 * SECOND,
  firedAt: NOW - 3 * SECOND,
  triggeredBy: null,
  outcome: 'queued',
  executionId: null,
  reason: 'it waits',
  code: null,
  count: 1,
  lastPlannedAt: null,
};

it.each([
  ['passed', NOW, [[8, 'missed', null]], null],
  ['is to come', NOW + 1, [], NOW + 1],
])(
  'the single time of a paused schedule that %s is told, and fires nothing',
  (_what, nextFireAt, fires, left) => {
    const pending = draftOf(schedule('skip', { paused: true, nextFireAt }));
    pending.missPaused();
    pending.fireDue(next);
    expect(pending.fires.map(brief)).toEqual(fires);
    expect(pending.row).toMatchObject({ nextFireAt: left, paused: true });
  },
);

describe('a fire', () => {
  it('starts an execution, and the next planned time is the next of the grid', () => {
    const pending = dueOf(schedule('skip'), { lastState: 'COMPLETED' });
    expect(pending.fires.map(brief)).toEqual([[8, 'started', 'e1']]);
    expect(pending.started).toEqual(['e1']);
    expect(pending.row).toMatchObject({
      nextFireAt: NOW + SECOND,
      lastPlannedAt: NOW,
      fireSeq: 8,
      lastExecutionId: 'e1',
    });
  });

  it.each([
    ['skip', ['skipped', null], false],
    ['queue', ['queued', null], false],
    ['cancel', ['queued', null], true],
    ['allow', ['started', 'e1'], false],
  ] as const)('%s: what a running execution makes of it', (policy, [outcome, id], cancels) => {
    const pending = dueOf(schedule(policy), { lastState: 'RUNNING' });
    expect(pending.fires.map(brief)).toEqual([[8, outcome, id]]);
    expect(pending.cancels).toBe(cancels);
    expect(pending.row.waiting?.seq).toBe(outcome === 'queued' ? 8 : undefined);
  });

  it.each(['PAUSED', 'SLEEPING', 'SCHEDULED', 'CANCELLING'] as const)(
    'an execution that is %s goes on',
    (lastState) => {
      const pending = dueOf(schedule('skip'), { lastState });
      expect(pending.fires.map(brief)).toEqual([[8, 'skipped', null]]);
      expect(pending.fires[0]?.reason).toContain('e0');
    },
  );

  it('a cancel that is under way is not asked for again', () => {
    const pending = dueOf(schedule('cancel'), { lastState: 'CANCELLING' });
    expect(pending.fires.map(brief)).toEqual([[8, 'queued', null]]);
    expect(pending.cancels).toBe(false);
  });

  it('that waited starts under its own number once nothing goes on, before what is due', () => {
    const pending = dueOf(schedule('queue', { waiting }), { lastState: 'CANCELLED' });
    expect(pending.fires.map(brief)).toEqual([
      [5, 'started', 'e1'],
      [8, 'queued', null],
    ]);
    expect(pending.fires[0]).toMatchObject({ plannedAt: waiting.plannedAt, firedAt: NOW });
  });

  it('that waits is given up with a reason when the schedule is paused', () => {
    const pending = draftOf(schedule('queue', { waiting }), { lastState: 'RUNNING' });
    pending.dropWaiting('paused');
    expect(pending.fires.map(brief)).toEqual([[5, 'skipped', null]]);
    expect(pending.fires[0]?.reason).toBe('paused');
    expect(pending.row.waiting).toBeNull();
  });

  it('that cannot start is recorded with its error, and the schedule goes on', () => {
    const refusal = { code: 'INVALID_INPUT', reason: 'the input does not fit' } as const;
    const pending = dueOf(schedule('skip', { nextFireAt: NOW - SECOND }), { refusal });
    expect(pending.fires.map(brief)).toEqual([
      [8, 'failed', null],
      [9, 'failed', null],
    ]);
    expect(pending.fires[0]).toMatchObject({ code: 'INVALID_INPUT', reason: 'the input does not fit' });
    expect(pending.started).toEqual([]);
    expect(pending.row.nextFireAt).toBe(NOW + SECOND);
  });

  it('by hand moves no planned time, and says who asked', () => {
    const pending = draftOf(schedule('skip', { paused: true, nextFireAt: null }));
    expect(pending.trigger('cli:ada')).toMatchObject({
      outcome: 'started',
      triggeredBy: 'cli:ada',
      plannedAt: NOW,
    });
    expect(pending.row).toMatchObject({ nextFireAt: null, lastPlannedAt: NOW - SECOND });
  });
});

describe('times that passed while no api ran', () => {
  it('are missed as one before the window, and made up within it', () => {
    const pending = dueOf(schedule('allow', { nextFireAt: NOW - 60 * SECOND }));
    const [missed, ...others] = pending.fires;
    expect(missed).toMatchObject({
      outcome: 'missed',
      count: 50,
      plannedAt: NOW - 60_000,
      lastPlannedAt: NOW - 11_000,
    });
    expect(others).toHaveLength(11);
    expect(others.every(({ outcome }) => outcome === 'started')).toBe(true);
  });

  it('one is made up where executions may not overlap: the others find it running', () => {
    const pending = dueOf(schedule('skip', { nextFireAt: NOW - 2 * SECOND }));
    expect(pending.fires.map(({ outcome }) => outcome)).toEqual(['started', 'skipped', 'skipped']);
  });

  it('under the policy cancel the last one alone is made up: each would cancel the one before', () => {
    const pending = dueOf(schedule('cancel', { nextFireAt: NOW - 2 * SECOND }));
    expect(pending.fires.map(({ outcome }) => outcome)).toEqual(['skipped', 'skipped', 'started']);
    expect(pending.cancels).toBe(false);
  });
});

/** The things that may happen between two looks at a schedule. */
interface Step {
  readonly passes: number;
  readonly ends: boolean;
  readonly triggered: boolean;
}

it('in any order of looks, triggers and ends: each time once, at most one waits, no two go on that must not', () => {
  const steps = fc.array(
    fc.record<Step>({
      passes: fc.integer({ min: 0, max: 30_000 }),
      ends: fc.boolean(),
      triggered: fc.boolean(),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(
      fc.constantFrom('skip', 'queue', 'cancel', 'allow'),
      steps,
      (overlap: OverlapPolicy, played) => {
        let row = schedule(overlap, { fireSeq: 0, lastExecutionId: null, lastPlannedAt: null });
        const fires = new Map<number, FireRow>();
        let now = NOW;
        let lastState: ExecutionState | null = null;
        let ids = 0;
        for (const { passes, ends, triggered } of played) {
          now += passes;
          if (ends && lastState !== null) lastState = 'COMPLETED';
          const wasRunning: boolean = lastState === 'RUNNING';
          const pending = draftOf(row, { now, lastState, newExecutionId: () => `e${(ids += 1)}` });
          if (triggered) pending.trigger('ada');
          else pending.fireDue(next);
          if (overlap !== 'allow')
            expect(pending.started.length + (wasRunning ? 1 : 0)).toBeLessThanOrEqual(1);
          for (const fire of pending.fires) fires.set(fire.seq, fire);
          if (pending.started.length > 0) lastState = 'RUNNING';
          row = pending.row;
        }
        const all = [...fires.values()];
        expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
        expect(all.filter(({ outcome }) => outcome === 'queued')).toEqual(row.waiting ? [row.waiting] : []);
        const planned = all.filter(({ triggeredBy }) => triggeredBy === null);
        const count = planned.reduce((sum, fire) => sum + fire.count, 0);
        expect(row.nextFireAt).toBe(NOW + count * SECOND);
        expect(new Set(planned.map(({ plannedAt }) => plannedAt)).size).toBe(planned.length);
      },
    ),
  );
});
