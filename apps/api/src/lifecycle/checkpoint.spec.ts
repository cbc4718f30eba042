import { describe, expect, it } from '@jest/globals';
import type { CheckpointEvent } from '@flux/contracts';
import { EXECUTION_STATES, isTerminal, OUT_OF_MEMORY } from '@flux/domain';
import type { Cancellation, ExecutionRow } from './execution.js';
import {
  cancellation,
  cancellingRow,
  changeOf,
  executionRow,
  finished,
  NOW,
} from '../testing/execution-rows.js';
import { decideCheckpoint } from './checkpoint.js';

const TASK: CheckpointEvent = {
  type: 'task_completed',
  callId: 'fetch#0',
  name: 'fetch',
  output: 1,
  tries: 2,
  startedAt: NOW - 50,
  at: NOW,
  inCleanup: false,
};
const DRAINED: CheckpointEvent = { type: 'handed_back', reason: 'drain', at: NOW };
const DELIVERED: CheckpointEvent = { type: 'cancel_delivered', at: NOW - 500 };

function apply(row: ExecutionRow | undefined, events: CheckpointEvent[], changes = {}) {
  const { workerId, ...checkpoint } = { workerId: 'worker-a', attempt: 1, seq: 1, ...changes };
  return decideCheckpoint(row, workerId, { executionId: row?.id ?? 'none', events, ...checkpoint }, NOW);
}

const applied = (row: ExecutionRow, ...events: CheckpointEvent[]) => changeOf(apply(row, events));

describe('a checkpoint of a stale owner', () => {
  it.each([
    ['of an earlier attempt', executionRow({ attempt: 2 }), {}],
    ['of a later attempt than there is', executionRow(), { attempt: 2 }],
    ['of another worker', executionRow(), { workerId: 'worker-b' }],
    ['of one that gave it back', executionRow({ state: 'SCHEDULED', workerId: null }), {}],
    ['of an execution that does not exist', undefined, {}],
  ])('is refused: %s', (_name, row, changes) => {
    expect(apply(row, [TASK], changes)).toEqual({ kind: 'late' });
  });

  it.each(EXECUTION_STATES.filter(isTerminal))(
    'overwrites nothing in %s (elsewhere: the worker finishes and overwrites CANCELLED with success)',
    (state) => {
      const row = cancellingRow({ state });
      for (const event of [TASK, DELIVERED, finished('completed', false), finished('cancelled', true)]) {
        expect(apply(row, [event])).toEqual({ kind: 'late' });
      }
    },
  );
});

describe('what a replay needs again', () => {
  it('is recorded as it came: values, and what was undone', () => {
    const value = { callId: '$uuid#0', name: '$uuid', value: 'a' };
    const undone = { callId: 'fetch#0', name: 'fetch', error: { name: 'Error', message: 'no refund' } };
    const { events } = applied(
      executionRow(),
      { type: 'value_recorded', ...value, at: NOW - 9 },
      { ...TASK, fallbackFor: { name: 'Error', message: 'down' } },
      { type: 'rollback_finished', ...undone, at: NOW - 1 },
    );
    expect(events).toMatchObject([
      { type: 'value_recorded', at: NOW, data: value },
      { type: 'task_completed', data: { output: 1, fallbackFor: { message: 'down' } } },
      { type: 'rollback_finished', at: NOW, data: undone },
    ]);
  });
});

describe('the order of checkpoints', () => {
  it('applies each once and waits for one that is missing', () => {
    const row = executionRow({ checkpointSeq: 4 });
    expect(apply(row, [TASK], { seq: 4 })).toEqual({ kind: 'duplicate' });
    expect(changeOf(apply(row, [TASK], { seq: 5 })).row.checkpointSeq).toBe(5);
    expect(apply(row, [TASK], { seq: 6 })).toEqual({ kind: 'gap', expected: 5 });
  });

  it('knows what ended an attempt when it comes again', () => {
    const ended = executionRow({ state: 'COMPLETED', checkpointSeq: 1 });
    expect(apply(ended, [finished('completed', false)])).toEqual({ kind: 'duplicate' });
    const returned = executionRow({ state: 'SCHEDULED', workerId: null, checkpointSeq: 1 });
    expect(apply(returned, [DRAINED])).toEqual({ kind: 'duplicate' });
  });
});

describe('the end of a body', () => {
  it('records its results and its output', () => {
    expect(applied(executionRow(), TASK, finished('completed', false))).toMatchObject({
      row: { state: 'COMPLETED', finishedAt: NOW, cancellation: null },
      events: [{ type: 'task_completed', data: { tries: 2, output: 1 } }, { type: 'execution_completed' }],
      result: { output: 'value' },
    });
  });

  it.each([
    ['completed', 'COMPLETED', { bodyOutput: 'value' }],
    ['failed', 'FAILED', { bodyError: { message: 'broken' } }],
  ] as const)(
    '%s before the signal is the truth; after it is CANCELLED, and that is kept',
    (outcome, state, kept) => {
      expect(applied(cancellingRow(), finished(outcome, false)).row).toMatchObject({
        state,
        cancellation: { outcome: 'already_completed', finalizedAt: NOW, stoppedAt: null },
      });
      expect(applied(cancellingRow(), DELIVERED, finished(outcome, true)).row).toMatchObject({
        state: 'CANCELLED',
        cancellation: { outcome: 'cancelled', ...kept },
      });
    },
  );

  it('counts the grace period from the delivery, up to the last moment, and from force no more', () => {
    const latestAt = NOW + 20_000;
    const told = { graceMs: 10_000, deadlineAt: latestAt, latestAt };
    const deadlineOf = (changes: Partial<Cancellation>) =>
      applied(cancellingRow({ cancellation: cancellation(changes) }), DELIVERED);
    expect(deadlineOf(told)).toMatchObject({
      row: { cancellation: { deliveredAt: NOW - 500, deadlineAt: NOW + 9_500 } },
      events: [{ data: { deadlineAt: new Date(NOW + 9_500).toISOString() } }],
    });
    const late = deadlineOf({ ...told, graceMs: 30_000 });
    expect(late.row.cancellation?.deadlineAt).toBe(latestAt);
    const forced = deadlineOf({ ...told, graceMs: undefined, deadlineAt: NOW });
    expect(forced.row.cancellation?.deadlineAt).toBe(NOW);
    // An owner before has delivered it: the cleanup that this one runs has a grace period of its own.
    const again = deadlineOf({ ...told, deliveredAt: NOW - 900 });
    expect(again.row.cancellation).toMatchObject({ deliveredAt: NOW - 900, deadlineAt: NOW + 9_500 });
  });

  it('without a cancel cannot be one', () => {
    expect(apply(executionRow(), [finished('cancelled', true)])).toEqual({ kind: 'refused' });
  });

  it.each([
    ['behind', -1e9],
    ['ahead', 1e9],
  ])('has its steps in order though the clock of the worker is %s', (_name, skew) => {
    const delivered = { ...DELIVERED, at: NOW - 500 + skew };
    const ended = finished('cancelled', true, { at: NOW - 5 + skew });
    const steps = applied(cancellingRow(), delivered, ended).row.cancellation;
    const times = [steps?.requestedAt, steps?.deliveredAt, steps?.stoppedAt, steps?.finalizedAt].map(Number);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBe(NOW);
  });
});

describe('an execution given back', () => {
  it('waits for the next worker', () => {
    expect(applied(executionRow(), DRAINED)).toMatchObject({
      row: { state: 'SCHEDULED', workerId: null, attempt: 1 },
      outbox: [{ kind: 'run', target: 'crawl' }],
    });
  });

  it('under cancel stays CANCELLING, for its cleanup', () => {
    const row = cancellingRow({ cancellation: cancellation({ deliveredAt: NOW - 500 }) });
    expect(applied(row, DRAINED)).toMatchObject({
      row: { state: 'CANCELLING', workerId: null },
      outbox: [{ kind: 'run' }, { kind: 'offer' }],
    });
  });
});

describe('an execution whose runners die', () => {
  const died = (how?: 'alone' | 'in_company', code?: string): CheckpointEvent => ({
    type: 'handed_back',
    reason: 'runner_lost',
    ...(how ? { died: how } : {}),
    ...(code ? { cause: { code, message: 'heap out of memory' } } : {}),
    at: NOW,
  });
  const after = (losses: number, event: CheckpointEvent): number =>
    applied(executionRow({ runnerLosses: losses }), event).row.runnerLosses;

  it('counts alone each time, in company once at most, and not at all where the worker killed it', () => {
    expect([0, 1, 3].map((losses) => after(losses, died('alone')))).toEqual([1, 2, 4]);
    expect([0, 1, 3].map((losses) => after(losses, died('in_company')))).toEqual([1, 1, 3]);
    expect([0, 4].map((losses) => after(losses, died()))).toEqual([0, 4]);
    expect(after(4, DRAINED)).toBe(4);
  });

  it('of a full memory fails the second time, with its cause, be it in company or alone before', () => {
    const full = died('alone', OUT_OF_MEMORY);
    expect([0, 1, 200].map((losses) => after(losses, full))).toEqual([4, 5, 204]);
    expect(after(0, died('in_company', OUT_OF_MEMORY))).toBe(1);
    for (const runnerLosses of [1, 4, 201]) {
      expect(apply(executionRow({ runnerLosses }), [full])).toMatchObject({
        change: {
          row: { state: 'FAILED' },
          events: [{ type: 'execution_handed_back', data: { cause: { code: OUT_OF_MEMORY } } }, {}],
          result: { error: { code: 'RUNNER_LOST', message: expect.stringContaining(OUT_OF_MEMORY) } },
        },
      });
    }
  });

  it('is forgiven with its next result', () => {
    expect(after(4, TASK)).toBe(0);
    expect(applied(cancellingRow({ runnerLosses: 4 }), DELIVERED).row.runnerLosses).toBe(4);
  });

  it('fails the fifth time in a row', () => {
    expect(applied(executionRow({ runnerLosses: 4 }), died('alone'))).toMatchObject({
      row: { state: 'FAILED', finishedAt: NOW },
      events: [{ type: 'execution_handed_back' }, { type: 'execution_failed' }],
      outbox: [],
      result: { error: { code: 'RUNNER_LOST' } },
    });
  });

  it('under cancel is CANCELLED the fifth time, with its cleanup failed', () => {
    const failed = { outcome: 'cancelled', cleanup: 'failed', cleanupError: { code: 'RUNNER_LOST' } };
    expect(applied(cancellingRow({ runnerLosses: 4 }), died('alone'))).toMatchObject({
      row: { state: 'CANCELLED', cancellation: failed },
      events: [{ type: 'execution_handed_back' }, { type: 'execution_cancelled' }],
      outbox: [],
    });
  });
});
