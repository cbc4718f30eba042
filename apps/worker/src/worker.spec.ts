import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { CancelNotice } from '@flux/contracts';
import { createMemoryBroker } from '@flux/messaging';
import { pino } from 'pino';
import { workerSettings, type WorkerSettings } from './settings.js';
import { notice } from './testing/fake-api.js';
import { Harnesses } from './testing/harnesses.js';
import { countThreads, FIXTURES, Harness } from './testing/worker-harness.js';
import { startWorker } from './worker.js';

/** What a kill may take beyond the grace period. */
const KILL_MS = 500;

const LEASE_LOST = 'no heartbeat got through for a whole lease: everything here is stopped';
const LINK_LOST = 'no word from the broker for 900 ms: everything here is stopped';
const isRunnerUp = (line: Record<string, unknown>): boolean => line.msg === 'a runner is up';

const workers = new Harnesses();
afterEach(() => workers.clear());
afterAll(() => workers.closeUsual());

describe('a run', () => {
  test('is claimed, recorded in order and finished', async () => {
    const { api, worker } = await workers.usual();
    expect(api.registrations).toMatchObject([{ workerId: worker.workerId, name: 'worker-a' }]);
    expect(worker.workerId).toMatch(/^worker-a@[0-9a-f]{8}$/);
    expect(worker.workflows).toContain('quick');
    const id = await api.run('quick', 21);
    expect(await api.event(id, 'finished')).toMatchObject({
      outcome: 'completed',
      output: 42,
      signalled: false,
    });
    expect(api.story(id)).toEqual(['task_completed', 'finished:completed']);
    const records = api.records.filter(({ executionId }) => executionId === id);
    expect(records.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test('tells the progress of its tasks to whoever listens, and records none', async () => {
    const harness = await workers.usual();
    const { api, broker } = harness;
    const heard: unknown[] = [];
    const listener = broker.connect();
    await listener.subscribe(
      api.topology.updates,
      async ({ type, body }) => {
        heard.push([type, body]);
        return { kind: 'ack' };
      },
      { prefetch: 10 },
    );
    const executionId = await api.run('reporting');
    await harness.until('the progress', () => heard.length > 0);
    const update = { executionId, attempt: 1, callId: 'report#0', name: 'report', value: { share: 0.5 } };
    expect(heard).toEqual([['progress', { ...update, at: expect.any(Number) }]]);
    expect(api.events(executionId)).toEqual([]);
    listener.kill();
  });

  test('fails when its output is more than the worker’s limit', async () => {
    const { api } = await workers.own({ FLUX_MAX_INPUT: 1000 });
    const id = await api.run('large', 2000);
    expect(await api.event(id, 'finished')).toMatchObject({
      outcome: 'failed',
      error: { code: 'PAYLOAD_TOO_LARGE', message: expect.stringContaining('2002 bytes') },
    });
  });

  test('redelivery of a run that is under way is ignored', async () => {
    const { api } = await workers.usual();
    const id = await api.run('waiting');
    await api.event(id, 'task_completed');
    await api.queue(id, 'waiting');
    await api.until('the second claim', () => claimsOf(api, id) === 2);
    await api.cancel(id, 5000);
    await api.event(id, 'finished');
    expect(api.story(id)).toEqual(['task_completed', 'cancel_delivered', 'finished:cancelled']);
  });

  test('a later attempt starts where the record ends, and stops the earlier one here', async () => {
    const { api } = await workers.usual();
    const id = await api.run('waiting');
    const { output } = await api.event(id, 'task_completed');
    const history = [{ type: 'task_completed', callId: 'double#0', name: 'double', output } as const];
    await api.run('waiting', null, { executionId: id, attempt: 2, history });
    await api.until('the second claim', () => claimsOf(api, id) === 2);
    await api.cancel(id, 5000, undefined, 2);
    await api.event(id, 'finished');
    const records = api.records.filter(({ executionId }) => executionId === id);
    expect(records.filter(({ attempt }) => attempt === 2).map(({ event }) => event.type)).toEqual([
      'cancel_delivered',
      'finished',
    ]);
    expect(records.filter(({ attempt }) => attempt === 1)).toHaveLength(1);
  });

  test('executions beyond the worker’s places wait in the queue', async () => {
    const { api, broker } = await workers.own({ FLUX_WORKER_CONCURRENCY: 2 });
    const ids = await Promise.all(Array.from({ length: 12 }, () => api.run('nap', 150)));
    await Promise.all(ids.map((id) => api.event(id, 'finished')));
    expect(Math.max(...api.heartbeats.map(({ running }) => running.length))).toBeLessThanOrEqual(2);
    expect(broker.deadLetters()).toEqual([]);
  });

  test('logs of a workflow carry its execution', async () => {
    const harness = await workers.usual();
    const { api } = harness;
    const id = await api.run('talker');
    await api.event(id, 'finished');
    expect(harness.logged('hello')).toMatchObject({
      executionId: id,
      workflowName: 'talker',
      attempt: 1,
      level: 30,
      to: 'you',
    });
  });
});

describe('code that misbehaves', () => {
  test('an error nobody can catch fails its own execution, and no neighbour', async () => {
    const { api } = await workers.usual();
    const neighbour = await api.run('waiting');
    const id = await api.run('thrower');
    expect(await api.event(id, 'finished')).toMatchObject({
      outcome: 'failed',
      error: { message: 'out of reach' },
    });
    expect(api.story(neighbour)).toEqual(['task_completed']);
  });

  test('process.exit() ends its own execution, and no neighbour', async () => {
    const { api } = await workers.usual();
    const neighbour = await api.run('waiting');
    const id = await api.run('quitter');
    const { outcome, error } = await api.event(id, 'finished');
    expect([outcome, error?.message]).toEqual(['failed', 'process.exit(3) was called in a workflow']);
    expect(api.story(neighbour)).toEqual(['task_completed']);
  });

  test('a forgotten rejection is logged and harms nobody', async () => {
    const harness = await workers.usual();
    const { api } = harness;
    const id = await api.run('forgetful');
    expect((await api.event(id, 'finished')).outcome).toBe('completed');
    expect(harness.logged('a promise was rejected and nobody handled it')).toMatchObject({
      executionId: id,
      error: { message: 'forgotten' },
    });
  });

  test('a runner that dies hands back what it ran, and another one starts', async () => {
    const { api } = await workers.usual();
    const neighbour = await api.run('nap', 60_000);
    await api.event(neighbour, 'timer_started');
    const id = await api.run('crasher');
    expect(await api.event(id, 'handed_back')).toMatchObject({ reason: 'runner_lost' });
    await api.event(neighbour, 'handed_back');
    const next = await api.run('quick', 1);
    expect((await api.event(next, 'finished')).output).toBe(2);
  });
});

describe('a cancel', () => {
  test('cancel waits for a heartbeat: here it is delivered at once, and cleanup runs before the end is told', async () => {
    const { api } = await workers.own({ prepare: (fake) => (fake.heartbeatMs = 60_000) });
    const id = await api.run('tidy', { cleanupMs: 20 });
    await api.until('the start', () => api.claims.length === 1);
    await wait(50);
    await api.cancel(id, 5000);
    expect(await api.event(id, 'finished')).toMatchObject({
      outcome: 'cancelled',
      signalled: true,
      cleanup: 'succeeded',
      forced: false,
    });
    expect(api.story(id)).toEqual(['cancel_delivered', 'task_completed', 'finished:cancelled']);
    const [delivered] = api.records;
    expect(delivered?.event.at).toBeLessThan(Date.now());
  });

  test('blocking tasks cannot be cancelled at all: while (true) {} is killed, its neighbour handed back', async () => {
    const { api } = await workers.usual();
    const neighbour = await api.run('nap', 60_000);
    await api.event(neighbour, 'timer_started');
    const id = await api.run('busy');
    await api.event(id, 'task_completed');
    await wait(50);
    const beats = api.heartbeats.length;
    const sentAt = performance.now();
    await api.cancel(id, 600);
    expect(await api.event(id, 'finished')).toMatchObject({
      outcome: 'cancelled',
      forced: true,
      cleanup: 'timed_out',
    });
    const tookMs = performance.now() - sentAt;
    expect(tookMs).toBeGreaterThanOrEqual(600);
    expect(tookMs).toBeLessThan(600 + KILL_MS);
    expect(api.heartbeats.length - beats).toBeGreaterThan(5);
    expect(api.story(id)).toEqual(['task_completed', 'cancel_delivered', 'finished:cancelled']);
    expect(await api.event(neighbour, 'handed_back')).toMatchObject({ reason: 'runner_lost' });
  });

  test('a cleanup that never ends makes the run uncancellable: it is killed and told as timed out', async () => {
    const { api } = await workers.usual();
    const id = await api.run('tidy', { cleanupMs: 60_000 });
    await wait(100);
    await api.cancel(id, 200);
    expect(await api.event(id, 'finished')).toMatchObject({ forced: true, cleanup: 'timed_out' });
  });

  test('a rollback that never ends is killed and told as timed out', async () => {
    const { api } = await workers.usual();
    const id = await api.run('booking');
    await api.event(id, 'task_completed');
    await api.cancel(id, 200);
    expect(await api.event(id, 'finished')).toMatchObject({
      outcome: 'cancelled',
      forced: true,
      cleanup: 'timed_out',
    });
    expect(api.story(id)).toEqual(['task_completed', 'cancel_delivered', 'finished:cancelled']);
  });

  test('a second cancel does not restart the cleanup; force brings the deadline nearer', async () => {
    const { api } = await workers.usual();
    const id = await api.run('tidy', { cleanupMs: 60_000 });
    await wait(100);
    await api.cancel(id, 60_000);
    await api.event(id, 'cancel_delivered');
    await api.cancel(id, 60_000);
    const forcedAt = performance.now();
    await api.cancel(id, 0);
    expect(await api.event(id, 'finished')).toMatchObject({ forced: true });
    expect(performance.now() - forcedAt).toBeLessThan(KILL_MS);
    expect(api.story(id)).toEqual(['cancel_delivered', 'finished:cancelled']);
  });

  test('force lets a body that listens end by itself', async () => {
    const { api } = await workers.usual();
    const id = await api.run('waiting');
    await api.event(id, 'task_completed');
    await api.cancel(id, 0);
    expect(await api.event(id, 'finished')).toMatchObject({
      outcome: 'cancelled',
      forced: false,
      cleanup: 'none',
    });
  });

  test('a cancel meant for one does not hit its neighbours', async () => {
    const { api } = await workers.usual();
    const [one, other] = [await api.run('waiting'), await api.run('waiting')];
    await Promise.all([one, other].map((id) => api.event(id, 'task_completed')));
    await api.cancel(one, 5000);
    await api.event(one, 'finished');
    await wait(50);
    expect(api.story(other)).toEqual(['task_completed']);
  });

  test('a cancel during the claim is not lost', async () => {
    const { api } = await workers.usual();
    let open: () => void = () => undefined;
    api.claimGate = new Promise((resolve) => (open = resolve));
    const id = await api.run('tidy', { cleanupMs: 1 });
    await wait(50);
    await api.cancel(id, 5000);
    await wait(20);
    open();
    expect(await api.event(id, 'finished')).toMatchObject({ outcome: 'cancelled', signalled: true });
  });

  test('a granted claim may bring its cancel: run-to-cancel', async () => {
    const { api } = await workers.usual();
    const executionId = crypto.randomUUID();
    const cancel: CancelNotice = { ...notice(executionId, 5000), attempt: 2 };
    await api.run('tidy', { cleanupMs: 1 }, { executionId, attempt: 2, cancel });
    expect(await api.event(executionId, 'finished')).toMatchObject({
      outcome: 'cancelled',
      cleanup: 'succeeded',
    });
    expect(api.story(executionId)).toEqual(['cancel_delivered', 'task_completed', 'finished:cancelled']);
  });

  test('that comes with a heartbeat is obeyed too', async () => {
    const { api } = await workers.usual();
    const id = await api.run('waiting');
    await api.event(id, 'task_completed');
    api.cancels = [notice(id, 5000)];
    expect((await api.event(id, 'finished')).outcome).toBe('cancelled');
  });

  test('for what does not run here is ignored', async () => {
    const { api } = await workers.usual();
    await api.cancel(crypto.randomUUID(), 0);
    const id = await api.run('quick', 1);
    expect((await api.event(id, 'finished')).outcome).toBe('completed');
  });
});

describe('ownership', () => {
  test('a fenced execution ends without a report, busy or not', async () => {
    const { api } = await workers.usual();
    const [idle, busy] = [await api.run('waiting'), await api.run('busy')];
    await Promise.all([idle, busy].map((id) => api.event(id, 'task_completed')));
    api.fenced = [idle, busy].map((executionId) => ({ executionId, attempt: 1 }));
    await api.until('the fence', () => api.heartbeats.at(-1)?.running.length === 0);
    await wait(1200);
    expect([idle, busy].map((id) => api.story(id))).toEqual([['task_completed'], ['task_completed']]);
    expect((await api.event(await api.run('quick', 1), 'finished')).output).toBe(2);
  });

  test('a worker that lost its lease stops its executions itself, and begins anew', async () => {
    const harness = await workers.own({ prepare: (api) => (api.leaseMs = 400) });
    const { api } = harness;
    const ids = [await api.run('busy'), await api.run('waiting')];
    await api.event(ids[0] ?? '', 'task_completed');
    api.mute = true;
    const mutedAt = performance.now();
    await harness.until('the lost lease', () => harness.logged(LEASE_LOST) !== undefined);
    expect(performance.now() - mutedAt).toBeLessThan(400 + KILL_MS);
    await harness.until('the killed runner', () => harness.logs.filter(isRunnerUp).length === 2);
    const told = api.records.length;
    // So short a lease would be lost again on a busy machine.
    api.leaseMs = 15_000;
    api.mute = false;
    await harness.until('the api', () => harness.logged('the api answers again') !== undefined);
    const next = await api.run('quick', 1);
    expect((await api.event(next, 'finished')).output).toBe(2);
    expect(api.records.slice(told).map(({ executionId }) => executionId)).toEqual([next, next]);
    const stopped = api.registrations.flatMap((each) => each.stopped.map(({ executionId }) => executionId));
    expect(stopped.sort()).toEqual([...ids].sort());
    const beats = api.heartbeats.length;
    await api.until('a heartbeat', () => api.heartbeats.length > beats);
    const listed = api.heartbeats.at(-1)?.running.map(({ executionId }) => executionId);
    expect(ids.filter((id) => listed?.includes(id))).toEqual([]);
  });

  test('the un-ackable task goes on after a connection loss: it is stopped, and told of on the return', async () => {
    const harness = await workers.own();
    const { api } = harness;
    const ids = [await api.run('busy'), await api.run('waiting')];
    await Promise.all(ids.map((id) => api.event(id, 'task_completed')));
    const told = api.records.length;
    harness.bus.hold(api.topology.control(harness.worker.workerId).name);
    await harness.until('the lost link', () => harness.logged(LINK_LOST) !== undefined);
    await api.until('its return', () => api.registrations.some(({ stopped }) => stopped.length === 2));
    expect(harness.logged('the api answers again')).toBeUndefined();
    harness.bus.letGo();
    const next = await api.run('quick', 1);
    expect((await api.event(next, 'finished')).output).toBe(2);
    expect(api.records.slice(told).map(({ executionId }) => executionId)).toEqual([next, next]);
  });

  test('an api that has forgotten the worker is told again', async () => {
    const { api } = await workers.own();
    api.known = false;
    await api.until('another registration', () => api.registrations.length === 2);
    expect(api.registrations[1]).toEqual(api.registrations[0]);
    expect(api.registrations[1]).toMatchObject({ stopped: [], unanswered: [] });
  });
});

describe('a start', () => {
  // Threads are counted.
  beforeAll(() => workers.closeUsual());

  const settings = (FLUX_WORKFLOWS: string): WorkerSettings =>
    workerSettings.parse({ FLUX_WORKFLOWS, FLUX_WORKER_DRAIN: '1s' });
  const logger = pino({ level: 'silent' });

  test('that fails leaves nothing behind', async () => {
    const bus = createMemoryBroker().connect();
    const before = countThreads();
    await expect(startWorker({ bus, logger, settings: settings('/nowhere') })).rejects.toMatchObject({
      code: 'INVALID_WORKFLOWS',
    });
    expect(countThreads()).toBeLessThanOrEqual(before);
  });

  test('waits for the api, until it is given up', async () => {
    const bus = createMemoryBroker().connect();
    const controller = new AbortController();
    const { signal } = controller;
    const starting = startWorker({ bus, logger, settings: settings(FIXTURES), signal });
    setTimeout(() => controller.abort(new Error('never mind')), 800);
    await expect(starting).rejects.toThrow('never mind');
  });
});

describe('closing', () => {
  // Threads are counted.
  beforeAll(() => workers.closeUsual());

  test('lets what runs come to its end', async () => {
    const { api, worker } = await workers.own({ FLUX_WORKER_DRAIN: 5000 });
    const id = await api.run('nap', 300);
    await api.event(id, 'timer_started');
    await worker.close();
    expect(api.story(id)).toEqual(['timer_started', 'finished:completed']);
    expect(api.departed).toEqual([worker.workerId]);
  });

  test('a deploy past its drain timeout writes CANCELLED instead of handing the work over: here it is handed over', async () => {
    const { api, worker } = await workers.own({ FLUX_WORKER_DRAIN: 100 });
    const ids = [await api.run('nap', 60_000), await api.run('busy')];
    await api.event(ids[1] ?? '', 'task_completed');
    await worker.close();
    expect(ids.map((id) => api.story(id).at(-1))).toEqual(['handed_back:drain', 'handed_back:drain']);
  });

  test('a paused or unhealthy worker gets no cancels: one that drains takes nothing new, and still obeys', async () => {
    const { api, worker } = await workers.own({ FLUX_WORKER_DRAIN: 5000 });
    const id = await api.run('waiting');
    await api.event(id, 'task_completed');
    const closed = worker.close();
    await api.until('the drain', () => api.heartbeats.at(-1)?.state === 'draining');
    const late = await api.run('quick', 1);
    await api.cancel(id, 2000, worker.workerId);
    await closed;
    expect(api.story(id)).toEqual(['task_completed', 'cancel_delivered', 'finished:cancelled']);
    expect(api.story(late)).toEqual([]);
  });

  test('leaves no thread behind', async () => {
    await Harness.start().then((each) => each.close());
    const before = countThreads();
    const { api, worker } = await workers.own({ FLUX_WORKER_RUNNERS: 3 });
    await api.event(await api.run('busy'), 'task_completed');
    expect(countThreads()).toBeGreaterThan(before);
    await worker.close();
    expect(countThreads()).toBeLessThanOrEqual(before);
  });
});

function claimsOf({ claims }: Harness['api'], id: string): number {
  return claims.filter(({ executionId }) => executionId === id).length;
}
