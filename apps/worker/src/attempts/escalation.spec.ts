import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { CancelNotice, CheckpointEvent } from '@flux/contracts';
import { OWNERSHIP_STOP_MS } from '@flux/domain';
import { pino } from 'pino';
import type { Runner } from '../runners/runner.js';
import { notice } from '../testing/fake-api.js';
import type { ToRunner } from '../wire/protocol.js';
import { Attempt } from './attempt.js';
import { Escalation, killedEvent } from './escalation.js';

describe('the escalation of a cancel', () => {
  /** The messages to the runner and to the api, in order; `kill` or `kill at once` where the runner is killed. */
  let told: string[];
  let escalation: Escalation;

  beforeEach(() => {
    jest.useFakeTimers();
    told = [];
    const report = (attempt: Attempt, event: CheckpointEvent): void => {
      if (attempt.take('report')) told.push(event.type);
    };
    escalation = new Escalation(report, pino({ level: 'silent' }));
  });

  afterEach(() => void jest.useRealTimers());

  function attemptIn(kind: Runner['kind'], isSignalled = false): Attempt {
    const runner: Partial<Runner> = {
      kind,
      post: (message: ToRunner) => void told.push(message.kind),
      kill: async (urgent = false) => void told.push(urgent ? 'kill at once' : 'kill'),
    };
    const parts = { executionId: 'one', attempt: 1, workflowName: 'w', handle: 1, childrenHeard: 0 };
    return new Attempt({ ...parts, runner: runner as Runner, isSignalled });
  }

  it('signals once and kills at the nearest deadline, however often the cancel comes', () => {
    const attempt = attemptIn('shared');
    for (const remainingMs of [5_000, 1_000, 60_000]) escalation.cancel(attempt, notice('one', remainingMs));
    jest.advanceTimersByTime(999);
    expect(told).toEqual(['cancel', 'cancel_delivered']);
    jest.advanceTimersByTime(1);
    expect(told).toEqual(['cancel', 'cancel_delivered', 'kill']);
    escalation.cancel(attempt, notice('one', 0));
    jest.advanceTimersByTime(60_000);
    expect(told).toHaveLength(3);
  });

  describe('the grace period', () => {
    const graceful = (graceMs: number, latestMs: number): CancelNotice => {
      return { ...notice('one', graceMs), graceMs, latestMs };
    };

    it('begins when the input and the history are there, with whatever cancel came before; force waits for nothing', () => {
      const attempt = attemptIn('shared');
      escalation.arriving(attempt);
      escalation.cancel(attempt, graceful(1_000, 9_000));
      jest.advanceTimersByTime(5_000);
      expect(told).toEqual(['cancel']);
      escalation.arrived(attempt);
      jest.advanceTimersByTime(999);
      expect(told).toEqual(['cancel', 'cancel_delivered']);
      jest.advanceTimersByTime(1);
      expect(told).toEqual(['cancel', 'cancel_delivered', 'kill']);
      const forced = attemptIn('shared');
      escalation.arriving(forced);
      escalation.cancel(forced, notice('one', 0));
      jest.advanceTimersByTime(100);
      expect(told.slice(3)).toEqual(['cancel', 'cancel_delivered', 'kill']);
    });

    it('is shorter where the last moment comes before its end', () => {
      const attempt = attemptIn('shared');
      escalation.arriving(attempt);
      escalation.cancel(attempt, graceful(1_000, 9_000));
      jest.advanceTimersByTime(8_600);
      escalation.arrived(attempt);
      jest.advanceTimersByTime(400);
      expect(told).toEqual(['cancel', 'cancel_delivered', 'kill']);
    });

    it('of a body that is run to its cancel begins where it hears of that', () => {
      const attempt = attemptIn('shared', true);
      escalation.runToCancel(attempt, graceful(1_000, 9_000));
      jest.advanceTimersByTime(600);
      expect(told).toEqual([]);
      escalation.signalled(attempt);
      jest.advanceTimersByTime(999);
      expect(told).toEqual(['cancel_delivered']);
      jest.advanceTimersByTime(1);
      expect(told).toEqual(['cancel_delivered', 'kill']);
    });

    it('ends for one that is too busy to hear of it, and it is told that it had its time', () => {
      const attempt = attemptIn('shared', true);
      escalation.runToCancel(attempt, graceful(1_000, 9_000));
      jest.advanceTimersByTime(1_000);
      expect(told).toEqual(['kill']);
      escalation.announce(attempt);
      expect(told).toEqual(['kill', 'cancel_delivered']);
    });
  });

  it('tells nobody of a cancel that comes while a runner of its own dies after the end of the body', () => {
    const attempt = attemptIn('process');
    attempt.endBody(killedEvent());
    escalation.ended(attempt);
    escalation.cancel(attempt, notice('one', 0));
    jest.advanceTimersByTime(60_000);
    expect(told).toEqual([]);
  });

  it.each(['fence', 'lose_ownership'] as const)(
    'stops without a report on %s, and kills at once what goes on',
    (trigger) => {
      const attempt = attemptIn('process');
      escalation.cancel(attempt, notice('one', 100));
      expect(escalation.stop(attempt, trigger)).toBe(true);
      jest.advanceTimersByTime(OWNERSHIP_STOP_MS - 1);
      expect(told).toEqual(['cancel', 'stop']);
      jest.advanceTimersByTime(1);
      expect(told).toEqual(['cancel', 'stop', 'kill at once']);
      expect(escalation.stop(attempt, trigger)).toBe(false);
    },
  );
});
