import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { createTopology } from '@flux/contracts';
import { createMemoryBroker, type MemoryBus } from '@flux/messaging';
import { pino } from 'pino';
import { FakeApi } from '../testing/fake-api.js';
import { ApiClock } from './api-clock.js';
import { Membership, type MembershipOptions } from './membership.js';

function membershipOf(bus: MemoryBus, told: Partial<MembershipOptions> = {}): Membership {
  return new Membership({
    bus,
    topology: createTopology('test'),
    workerId: 'worker-a@1',
    log: pino({ level: 'silent' }),
    clock: new ApiClock(),
    registration: async () => ({
      name: 'worker-a',
      concurrency: 1,
      workflows: [],
      stopped: [],
      unanswered: [],
      runners: 1,
      startedAt: 0,
    }),
    onRegistered: () => undefined,
    heartbeat: () => ({ state: 'running', running: [], blocked: [], claiming: [] }),
    onReply: () => undefined,
    onWish: () => undefined,
    onLeaseLost: () => undefined,
    onLease: () => undefined,
    ...told,
  });
}

describe('a lease that the api cannot renew', () => {
  test('goes on as long as the api vouches for it, and no longer once somebody who can write has asked', async () => {
    const broker = createMemoryBroker();
    const api = await FakeApi.start(broker.connect(), 'test');
    Object.assign(api, { leaseMs: 60_000, heartbeatMs: 5 });
    const bus = broker.connect();
    const leases: number[] = [];
    const membership = membershipOf(bus, { onLease: (until) => leases.push(until - performance.now()) });
    await membership.join();
    const beats = async (count: number): Promise<void> => {
      for (const seen = api.heartbeats.length; api.heartbeats.length < seen + count;) {
        membership.beatNow();
        await sleep(5);
      }
    };
    /** The leases of the next heartbeats, in tens of seconds. */
    const leasesWith = async (vouchedMs: number | undefined): Promise<Set<number>> => {
      api.vouchedMs = vouchedMs;
      await beats(2);
      leases.length = 0;
      await beats(2);
      return new Set(leases.map((lease) => Math.round(lease / 10_000)));
    };
    expect(await leasesWith(90_000)).toEqual(new Set([9]));
    expect(await leasesWith(30_000)).toEqual(new Set());
    membership.asked();
    expect(await leasesWith(500_000)).toEqual(new Set());
    expect(api.heartbeats.at(-1)).toMatchObject({ asked: true });
    expect(await leasesWith(undefined)).toEqual(new Set([6]));
    expect(api.heartbeats.at(-1)).toMatchObject({ asked: false });
    expect(api.registrations).toHaveLength(1);
    await membership.leave(1_000);
    await bus.close();
    api.bus.kill();
  });
});

const registrationOf = (workflowNames: readonly string[]) => ({
  name: 'worker-a',
  concurrency: 1,
  runners: 1,
  startedAt: 0,
  stopped: [],
  unanswered: [],
  workflows: workflowNames.map((workflowName) => ({
    workflowName,
    version: null,
    inputSchema: { type: 'object', description: workflowName.repeat(10) },
    gracePeriodMs: null,
    timeoutMs: null,
    runner: 'shared' as const,
  })),
});

describe('a registration and a heartbeat', () => {
  test('may have more workflows and executions than a message holds', async () => {
    const broker = createMemoryBroker();
    const api = await FakeApi.start(broker.connect(), 'test');
    const bus = broker.connect();
    const running = Array.from({ length: 2_000 }, () => ({ executionId: crypto.randomUUID(), attempt: 1 }));
    const registration = registrationOf(Array.from({ length: 1_100 }, (_, index) => `workflow-${index}`));
    const membership = membershipOf(bus, {
      registration: async () => registration,
      heartbeat: () => ({ state: 'running', running, blocked: [], claiming: [] }),
    });
    await membership.join();
    expect(api.registrations).toEqual([{ workerId: 'worker-a@1', ...registration }]);
    expect(api.heartbeats[0]?.running).toEqual(running);
    await membership.leave(300);
    await bus.close();
    api.bus.kill();
  });
});

describe('taking leave', () => {
  test('does not wait longer than it may for an api that has gone while it was asked', async () => {
    const broker = createMemoryBroker();
    const api = await FakeApi.start(broker.connect(), 'test');
    // The heartbeat after the first would wait for its answer for 5 s.
    api.heartbeatMs = 60_000;
    const bus = broker.connect();
    let asked = 0;
    const membership = membershipOf(bus, {
      heartbeat: () => {
        asked += 1;
        return { state: 'running', running: [], blocked: [], claiming: [] };
      },
    });
    await membership.join();
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
