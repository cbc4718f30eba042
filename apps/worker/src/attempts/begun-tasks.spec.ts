import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { CheckpointEvent } from '@flux/contracts';
import type { BegunTask } from '../wire/protocol.js';
import { Attempt } from './attempt.js';
import { BegunTasks } from './begun-tasks.js';

const task = (callId: string): BegunTask => ({
  callId,
  name: 'charge',
  startedAt: 1,
  inCleanup: false,
  rollback: true,
});

describe('the tasks that have begun', () => {
  let told: Array<[type: string, callId: string]>;
  let events: CheckpointEvent[];
  let tasks: BegunTasks;
  let attempt: Attempt;

  beforeEach(() => {
    jest.useFakeTimers();
    [told, events] = [[], []];
    tasks = new BegunTasks((_attempt, event) => {
      events.push(event);
      told.push([event.type, 'callId' in event ? (event.callId ?? '') : '']);
    });
    tasks.isTaken = true;
    attempt = new Attempt({
      executionId: 'e1',
      attempt: 1,
      workflowName: 'order',
      handle: 1,
      runner: undefined,
      childrenHeard: 0,
      isSignalled: false,
    });
  });
  afterEach(() => void jest.useRealTimers());

  test('are told of when they last, not when they end soon', () => {
    tasks.begin(attempt, task('quick#0'));
    tasks.begin(attempt, task('slow#0'));
    attempt.begunTasks.delete('quick#0');
    jest.advanceTimersByTime(60);
    tasks.begin(attempt, task('slow#1'));
    expect(told).toEqual([]);
    jest.advanceTimersByTime(50);
    expect(told).toEqual([['task_started', 'slow#0']]);
    jest.advanceTimersByTime(60);
    expect(told).toEqual([
      ['task_started', 'slow#0'],
      ['task_started', 'slow#1'],
    ]);
  });

  test('and are cut off are told of, each once, whether their start was or not', () => {
    tasks.begin(attempt, task('slow#0'));
    jest.advanceTimersByTime(150);
    tasks.begin(attempt, task('new#0'));
    tasks.cut(attempt, { how: 'killed', runner: 'process' });
    tasks.cut(attempt, { how: 'killed', runner: 'process' });
    jest.advanceTimersByTime(500);
    expect(told).toEqual([
      ['task_started', 'slow#0'],
      ['task_interrupted', 'slow#0'],
      ['task_interrupted', 'new#0'],
    ]);
    expect(events[2]).toMatchObject({ startedAt: 1, rollback: true, how: 'killed', runner: 'process' });
  });

  test('and whose large result is left out after a cancel are told of as cut off in its place', () => {
    const json = new Uint8Array(1);
    const result = { type: 'task_completed', signalled: false, isMoot: true, json } as const;
    tasks.begin(attempt, task('large#0'));
    expect(tasks.ended(attempt, { ...result, callId: 'large#0' })).toMatchObject({
      instead: { type: 'task_interrupted', callId: 'large#0', how: 'rejected', settled: 'returned' },
    });
    expect(tasks.ended(attempt, { ...result, callId: 'untold#0' })).not.toHaveProperty('instead');
    jest.advanceTimersByTime(500);
    expect(told).toEqual([]);
  });

  test('are kept from an api of a version before', () => {
    tasks.isTaken = false;
    tasks.begin(attempt, task('slow#0'));
    jest.advanceTimersByTime(500);
    tasks.cut(attempt, { how: 'killed' });
    expect(told).toEqual([]);
  });
});
