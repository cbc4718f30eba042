import { describe, expect, it } from '@jest/globals';
import type { ExecutionResource } from '@flux/client';
import { eventResource } from '@flux/contracts';
import { cancelled, completed, events, execution } from '../testing/resources.js';
import { cancelTimelineOf, timelineOf } from './timeline.js';

const plain = (_: unknown, text: string): string => text;

/** The words, without the times beside them. */
const words = (lines: readonly string[]): string[] =>
  lines.map((line) => line.trim().replace(/^\S+ +\+[\d.]+ \S+( \d+ \S+)? {2}/, ''));

const wasCancelled = (
  changes: Partial<NonNullable<ExecutionResource['cancellation']>>,
  others: Partial<ExecutionResource> = {},
): ExecutionResource => ({
  ...cancelled,
  ...others,
  cancellation: { ...cancelled.cancellation!, ...changes },
});

const ends: readonly [string, ExecutionResource, string[]][] = [
  [
    'killed at its deadline',
    wasCancelled({ forced: true, cleanup: 'timed_out' }),
    [
      'stopped after 1.9 s: killed at the deadline, cleanup was cut off at the deadline',
      'CANCELLED, finalised after 2 s',
    ],
  ],
  [
    'whose cleanup failed',
    wasCancelled({ cleanup: 'failed', cleanupError: { name: 'TypeError', message: 'lock is gone' } }),
    ['stopped after 1.9 s: cleanup failed: TypeError: lock is gone', 'CANCELLED, finalised after 2 s'],
  ],
  [
    'that no worker could clean up after',
    wasCancelled({ deliveredAt: null, stoppedAt: null, cleanup: 'not_run' }),
    [
      'CANCELLING, cancel requested by cli:ada: wrong file',
      'CANCELLED, finalised after 2 s: cleanup not run: no worker could',
    ],
  ],
  [
    'before anything ran',
    wasCancelled({ cleanup: 'none' }, { attempt: 0, startedAt: null, workerId: null }),
    ['cancel requested by cli:ada: wrong file', 'CANCELLED at once: nothing of it had run'],
  ],
  [
    'that came too late',
    {
      ...completed,
      finishedAt: '2026-11-22T14:00:03.000Z',
      cancellation: {
        ...cancelled.cancellation!,
        deliveredAt: null,
        stoppedAt: null,
        cleanup: 'none',
        outcome: 'already_completed',
      },
    },
    [
      'CANCELLING, cancel requested by cli:ada: wrong file',
      'COMPLETED, finalised after 2 s: it had ended before the cancel reached it',
    ],
  ],
];

describe('the timeline of a cancel', () => {
  it.each(ends)('%s is told plainly, from the status as from its events', (_, ended, expected) => {
    expect(words(timelineOf(plain, ended)).slice(-2)).toEqual(expected);
    const type = `execution_${ended.state.toLowerCase()}`;
    const { attempt, finishedAt } = ended;
    const last = eventResource.parse({ seq: 6, type, at: finishedAt, attempt, data: {} });
    const delivered = ended.attempt > 0 && ended.cancellation?.deliveredAt;
    const history = events
      .filter((event) => delivered || event.type !== 'cancel_delivered')
      .map((event) =>
        eventResource.parse({ ...event, attempt, data: { ...event.data, reason: 'wrong file' } }),
      );
    const told = words(timelineOf(plain, { ...ended, events: [...history.slice(0, -1), last] }));
    expect(told.slice(-2)).toEqual(expected);
  });

  it('shown by itself counts from the request', () => {
    expect(cancelTimelineOf(plain, cancelled)).toEqual([
      '14:00:01.000       +0 ms  CANCELLING, cancel requested by cli:ada: wrong file',
      '14:00:01.012      +12 ms  cancel delivered to worker-a@0a1b2c3d',
      '14:00:02.900      +1.9 s  stopped: cleanup succeeded',
      '14:00:03.000        +2 s  CANCELLED, finalised',
    ]);
  });

  it('tells what a newer server has invented by its type and data', () => {
    const moved = { seq: 7, type: 'execution_moved', at: '2026-11-22T14:00:02.000Z', attempt: 1 };
    const invented = eventResource.parse({ ...moved, data: { to: 'elsewhere' } });
    const told = timelineOf(plain, { ...execution(), events: [...events.slice(0, 2), invented] });
    expect(words(told).at(-1)).toBe('execution_moved {"to":"elsewhere"}');
  });

  it('says which worker ran the cleanup of what its owner lost', () => {
    const lost = { seq: 6, type: 'worker_lost', at: '2026-11-22T14:00:01.500Z', attempt: 1 } as const;
    const again = { seq: 7, type: 'execution_started', at: '2026-11-22T14:00:01.600Z', attempt: 2 } as const;
    const told = timelineOf(plain, {
      ...execution({ ...cancelled, attempt: 2 }),
      events: [
        ...events.slice(0, 5),
        { ...lost, data: { workerId: 'worker-a@0a1b2c3d' } },
        { ...again, data: { workerId: 'worker-b@1' } },
        events[5]!,
      ],
    });
    expect(words(told)).toContain('RUNNING on worker-b@1, attempt 2, to run its cleanup');
  });
});
