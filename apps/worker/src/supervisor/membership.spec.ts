import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { createTopology } from '@flux/contracts';
import { createMemoryBroker } from '@flux/messaging';
import { pino } from 'pino';
import { FakeApi } from '../testing/fake-api.js';
import { ApiClock } from './api-clock.js';
import { Membership } from './membership.js';

describe('taking leave', () => {
  test('does not wait longer than it may for an api that has gone while it was asked', async () => {
    const broker = createMemoryBroker();
    const api = await FakeApi.start(broker.connect(), 'test');
    // The heartbeat after the first would wait for its answer for 5 s.
    api.heartbeatMs = 60_000;
    const bus = broker.connect();
    let asked = 0;
    const membership = new Membership({
      bus,
      topology: createTopology('test'),
      workerId: 'worker-a@1',
      log: pino({ level: 'silent' }),
      clock: new ApiClock(),
      registration: async () => ({
        ...{ name: 'worker-a', hostname: 'here', pid: 1, concurrency: 1, workflows: [] },
        ...{ stopped: [], unanswered: [], runners: 1, startedAt: 0, version: '0.1.0' },
      }),
      onRegistered: () => undefined,
      heartbeat: () => {
        asked += 1;
        return { state: 'running', running: [], blocked: [], claiming: [] };
      },
      onReply: () => undefined,
      onLeaseLost: () => undefined,
      onLease: () => undefined,
    });
    await membership.start();
    api.mute = true;
    membership.beatNow();
    while (asked < 2) await turn();
    const began = performance.now();
    await membership.leave(300);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(api.departed).toEqual(['worker-a@1']);
    await bus.close();
    api.bus.kill();
  });
});
