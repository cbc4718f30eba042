import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { CancelNotice } from '@flux/contracts';
import type { Bus, ConnectionState } from '@flux/messaging';
import { AlarmGrace } from './alarm-grace.js';

let setState: (state: ConnectionState) => void;
let grace: AlarmGrace;
const notice = (remainingMs: number, graceMs?: number): CancelNotice => ({
  executionId: '0192f3c4-8a51-7c3e-9d2b-5f1e6a7b8c9d',
  attempt: 1,
  requestedAt: 0,
  requestedBy: 'cli:ada',
  reason: null,
  cause: 'request',
  remainingMs,
  ...(graceMs !== undefined && { graceMs }),
});
const left = (...parts: Parameters<typeof notice>): number => grace.restore(notice(...parts)).remainingMs;

beforeEach(() => {
  jest.useFakeTimers();
  const bus: Pick<Bus, 'onStateChange'> = {
    onStateChange: (listener: typeof setState) => {
      setState = listener;
      return () => undefined;
    },
  };
  grace = new AlarmGrace(bus as Bus, () => 15_000);
  setState('connected');
});
afterEach(() => {
  jest.useRealTimers();
});

test('without an alarm a cancel has what is left of its time', () => {
  expect([left(2_000, 5_000), left(0, 5_000), left(5_000, 5_000)]).toEqual([2_000, 0, 5_000]);
});

test('an alarm gives back what it took, for as long as a cancel may come late by it', () => {
  setState('blocked');
  jest.advanceTimersByTime(8_000);
  expect(left(0, 5_000)).toBe(5_000);
  setState('connected');
  setState('partial');
  expect([left(0, 5_000), left(0, 20_000), left(4_000, 5_000)]).toEqual([5_000, 8_000, 5_000]);
  jest.advanceTimersByTime(59_000);
  expect(left(0, 5_000)).toBe(5_000);
  jest.advanceTimersByTime(2_000);
  expect(left(0, 5_000)).toBe(0);
});

test('a long alarm gives no more back than a lease, and a forced cancel gets nothing', () => {
  setState('blocked');
  jest.advanceTimersByTime(40_000);
  setState('connected');
  expect([left(0, 60_000), left(0)]).toEqual([15_000, 0]);
});
