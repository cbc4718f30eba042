import { describe, expect, it } from '@jest/globals';
import type { CheckpointEvent } from '@flux/contracts';
import { EXECUTION_STATES, isTerminal } from '@flux/domain';
import type { ExecutionRow } from '../executions/execution-row.js';
import { cancellation, cancellingRow, executionRow, finished, NOW } from '../testing/execution-rows.js';
import { decideCheckpoint } from './decide-checkpoint.js';

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
const DELIVERED: CheckpointEvent = { type: 'cancel_delivered', at: NOW - 500 };

function apply(row: ExecutionRow | undefined, events: CheckpointEvent[], changes = {}) {
  const { workerId, ...checkpoint } = { workerId: 'worker-a', attempt: 1, seq: 1, ...changes };
  return decideCheckpoint(row, workerId, { executionId: row?.id ?? 'none', events, ...checkpoint }, NOW);
}

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
    'the worker finishes and overwrites CANCELLED with success: here nothing is overwritten in %s',
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
    const verdict = apply(executionRow(), [
      { type: 'value_recorded', ...value, at: NOW - 9 },
      { ...TASK, fallbackFor: { name: 'Error', message: 'down' } },
      { type: 'rollback_finished', ...undone, at: NOW - 1 },
    ]);
    expect(verdict).toMatchObject({
      kind: 'applied',
      change: {
        events: [
          { type: 'value_recorded', at: NOW, data: value },
          { type: 'task_completed', data: { output: 1, fallbackFor: { message: 'down' } } },
          { type: 'rollback_finished', at: NOW, data: undone },
        ],
      },
    });
  });
});

describe('the order of checkpoints', () => {
  it('applies each once and waits for one that is missing', () => {
    const row = executionRow({ checkpointSeq: 4 });
    expect(apply(row, [TASK], { seq: 4 })).toEqual({ kind: 'duplicate' });
    expect(apply(row, [TASK], { seq: 5 })).toMatchObject({
      kind: 'applied',
      change: { row: { checkpointSeq: 5 } },
    });
    expect(apply(row, [TASK], { seq: 6 })).toEqual({ kind: 'gap', expected: 5 });
  });

  it('knows what ended an attempt when it comes again', () => {
    const ended = executionRow({ state: 'COMPLETED', checkpointSeq: 1 });
    expect(apply(ended, [finished('completed', false)])).toEqual({ kind: 'duplicate' });
    const returned = executionRow({ state: 'SCHEDULED', workerId: null, checkpointSeq: 1 });
    expect(apply(returned, [{ type: 'handed_back', reason: 'drain', at: NOW }])).toEqual({
      kind: 'duplicate',
    });
  });
});

describe('the end of a body', () => {
  it('records its results and its output', () => {
    expect(apply(executionRow(), [TASK, finished('completed', false)])).toMatchObject({
      change: {
        row: { state: 'COMPLETED', finishedAt: NOW, cancellation: null },
        events: [{ type: 'task_completed', data: { tries: 2, output: 1 } }, { type: 'execution_completed' }],
        result: { output: 'value' },
      },
    });
  });

  it.each(['completed', 'failed'] as const)('%s before the signal reached it is the truth', (outcome) => {
    expect(apply(cancellingRow(), [finished(outcome, false)])).toMatchObject({
      change: {
        row: {
          state: outcome === 'completed' ? 'COMPLETED' : 'FAILED',
          cancellation: { outcome: 'already_completed', finalizedAt: NOW, stoppedAt: null },
        },
      },
    });
  });

  it('after the signal is CANCELLED, whatever the body did, and that is kept', () => {
    expect(apply(cancellingRow(), [DELIVERED, finished('completed', true)])).toMatchObject({
      change: { row: { state: 'CANCELLED', cancellation: { outcome: 'cancelled', bodyOutput: 'value' } } },
    });
    expect(apply(cancellingRow(), [DELIVERED, finished('failed', true)])).toMatchObject({
      change: { row: { state: 'CANCELLED', cancellation: { bodyError: { message: 'broken' } } } },
    });
  });

  it('without a cancel cannot be one', () => {
    expect(apply(executionRow(), [finished('cancelled', true)])).toEqual({ kind: 'refused' });
  });

  it.each([
    ['behind', -1e9],
    ['ahead', 1e9],
  ])('has its steps in order though the clock of the worker is %s', (_name, skew) => {
    const events = [
      { ...DELIVERED, at: NOW - 500 + skew },
      finished('cancelled', true, { at: NOW - 5 + skew }),
    ] as CheckpointEvent[];
    const verdict = apply(cancellingRow(), events);
    const steps = verdict.kind === 'applied' ? verdict.change.row.cancellation : null;
    const times = [steps?.requestedAt, steps?.deliveredAt, steps?.stoppedAt, steps?.finalizedAt].map(Number);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBe(NOW);
  });
});

describe('an execution given back', () => {
  const event: CheckpointEvent = { type: 'handed_back', reason: 'drain', at: NOW };

  it('waits for the next worker', () => {
    expect(apply(executionRow(), [event])).toMatchObject({
      change: {
        row: { state: 'SCHEDULED', workerId: null, attempt: 1 },
        outbox: [{ kind: 'run', target: 'crawl' }],
      },
    });
  });

  it('under cancel stays CANCELLING, for its cleanup', () => {
    const row = cancellingRow({ cancellation: cancellation({ deliveredAt: NOW - 500 }) });
    expect(apply(row, [event])).toMatchObject({
      change: { row: { state: 'CANCELLING', workerId: null }, outbox: [{ kind: 'run' }] },
    });
  });
});

describe('an execution whose runners die', () => {
  const died = (how?: 'alone' | 'in_company'): CheckpointEvent => ({
    type: 'handed_back',
    reason: 'runner_lost',
    ...(how ? { died: how } : {}),
    at: NOW,
  });
  const after = (losses: number, event: CheckpointEvent): number | undefined => {
    const verdict = apply(executionRow({ runnerLosses: losses }), [event]);
    return verdict.kind === 'applied' ? verdict.change.row.runnerLosses : undefined;
  };

  it('counts alone each time, in company once at most, and not at all where the worker killed it', () => {
    expect([0, 1, 3].map((losses) => after(losses, died('alone')))).toEqual([1, 2, 4]);
    expect([0, 1, 3].map((losses) => after(losses, died('in_company')))).toEqual([1, 1, 3]);
    expect([0, 4].map((losses) => after(losses, died()))).toEqual([0, 4]);
    expect(after(4, { type: 'handed_back', reason: 'drain', at: NOW })).toBe(4);
  });

  it('is forgiven with its next result', () => {
    expect(apply(executionRow({ runnerLosses: 4 }), [TASK])).toMatchObject({
      change: { row: { runnerLosses: 0 } },
    });
    expect(apply(cancellingRow({ runnerLosses: 4 }), [DELIVERED])).toMatchObject({
      change: { row: { runnerLosses: 4 } },
    });
  });

  it('fails the fifth time in a row', () => {
    expect(apply(executionRow({ runnerLosses: 4 }), [died('alone')])).toMatchObject({
      change: {
        row: { state: 'FAILED', finishedAt: NOW },
        events: [{ type: 'execution_handed_back' }, { type: 'execution_failed' }],
        outbox: [],
        result: { error: { code: 'RUNNER_LOST' } },
      },
    });
  });

  it('under cancel is CANCELLED the fifth time, with its cleanup failed', () => {
    expect(apply(cancellingRow({ runnerLosses: 4 }), [died('alone')])).toMatchObject({
      change: {
        row: {
          state: 'CANCELLED',
          cancellation: { outcome: 'cancelled', cleanup: 'failed', cleanupError: { code: 'RUNNER_LOST' } },
        },
        events: [{ type: 'execution_handed_back' }, { type: 'execution_cancelled' }],
        outbox: [],
      },
    });
  });
});
