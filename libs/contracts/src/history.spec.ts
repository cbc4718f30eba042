import { describe, expect, it } from '@jest/globals';
import { eventResource, historyEvent } from './history.js';

const at = '2026-11-22T14:00:00.000Z';
const event = (type: string, data: object) => ({ seq: 4, type, at, attempt: 1, data });

describe('an event', () => {
  const later = [
    ['a type', event('execution_moved', { to: 'elsewhere' })],
    ['a field', event('worker_lost', { workerId: 'worker-a@1', zone: 'b' })],
    ['a value', event('execution_handed_back', { workerId: 'worker-a@1', reason: 'moved' })],
  ] as const;

  it.each(later)('with %s that a newer server has invented reaches a client whole', (_, invented) => {
    expect(eventResource.parse(invented)).toEqual(invented);
    expect(Object.keys(eventResource.parse(invented))).toEqual(['seq', 'type', 'at', 'attempt', 'data']);
    expect(historyEvent.safeParse(invented).success).toBe(false);
  });

  it.each([
    ['execution_started', { workerId: 'worker-a@1' }],
    ['cancel_delivered', { workerId: 'worker-a@1' }],
    ['execution_sleeping', { callId: '$sleep#0', dueAt: at }],
    ['execution_woken', {}],
    ['execution_cancelled', { cleanup: 'none', forced: false, cleanupError: null }],
  ])('%s of the first version is one still', (type, data) => {
    expect(historyEvent.parse(event(type, data))).toEqual(event(type, data));
  });

  it('has its number, its time and its data', () => {
    for (const field of ['seq', 'type', 'at', 'attempt', 'data']) {
      const without = { ...event('worker_lost', { workerId: 'worker-a@1' }), [field]: undefined };
      expect(eventResource.safeParse(without).success).toBe(false);
    }
  });
});
