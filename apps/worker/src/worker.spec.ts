import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createMemoryBroker } from '@flux/messaging';
import { timed } from '@flux/testing';
import { pino } from 'pino';
import { workerSettings, type WorkerSettings } from './settings.js';
import { FakeApi, notice } from './testing/fake-api.js';
import { Harnesses } from './testing/harnesses.js';
import { deferred } from './testing/trial.js';
import { countProcesses, FIXTURES, Harness, KILL_MS, KILLED, TIDIED } from './testing/worker-harness.js';
import { startWorker } from './worker.js';

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
    expect(await api.finished(id)).toMatchObject({ outcome: 'completed', output: 42, signalled: false });
    expect(api.story(id)).toEqual(['task_completed', 'finished:completed']);
    const records = api.records.filter(({ executionId }) => executionId === id);
    expect(records.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test('fails when its output is more than the worker’s limit', async () => {
    const { api } = await workers.own({ FLUX_MAX_INPUT: 1000 });
    const id = await api.run('large', 2000);
    expect(await api.finished(id)).toMatchObject({
      outcome: 'failed',
      error: { code: 'PAYLOAD_TOO_LARGE', message: expect.stringContaining('2002 bytes') },
    });
  });

  test('tells an api that takes it of a task that lasts, and of one that is cut off', async () => {
    const { api } = await workers.own({ prepare: (api) => (api.takesTaskStarts = true) });
    const id = await api.begin('waiting', null, 'task_started');
    await api.cancel(id, 5000);
    await api.finished(id);
    expect(api.story(id)).toEqual([
      ...['task_completed', 'task_started', 'cancel_delivered', 'task_interrupted', 'finished:cancelled'],
    ]);
    expect(await api.event(id, 'task_interrupted')).toMatchObject({
      callId: 'linger#0',
      name: 'linger',
      how: 'rejected',
      settled: 'threw',
      rollback: false,
    });
  });

  test('redelivery of a run that is under way is ignored', async () => {
    const { api } = await workers.usual();
    const id = await api.begin('waiting');
    await api.queue(id, 'waiting');
    await api.until('the second claim', () => claimsOf(api, id) === 2);
    await api.cancel(id, 5000);
    await api.finished(id);
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
    await api.finished(id);
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
    await Promise.all(ids.map((id) => api.finished(id)));
    expect(Math.max(...api.heartbeats.map(({ running }) => running.length))).toBeLessThanOrEqual(2);
    expect(broker.deadLetters()).toEqual([]);
  });
});

describe('code that misbehaves', () => {
  test.each([
    ['an error nobody can catch', 'thrower', 'out of reach'],
    ['process.exit()', 'quitter', 'process.exit(3) was called in a workflow'],
  ])('%s fails its own execution, and no neighbour', async (_, workflowName, message) => {
    const { api } = await workers.usual();
    const neighbour = await api.run('waiting');
    const id = await api.run(workflowName);
    expect(await api.finished(id)).toMatchObject({ outcome: 'failed', error: { message } });
    expect(api.story(neighbour)).toEqual(['task_completed']);
  });

  test('a forgotten rejection is logged and harms nobody', async () => {
    const harness = await workers.usual();
    const { api } = harness;
    const id = await api.run('forgetful');
    expect((await api.finished(id)).outcome).toBe('completed');
    expect(harness.logged('a promise was rejected and nobody handled it')).toMatchObject({
      executionId: id,
      error: { message: 'forgotten' },
    });
  });

  test('a runner that dies hands back what it ran, and another one starts', async () => {
    const { api } = await workers.usual();
    const neighbour = await api.begin('nap', 60_000, 'timer_started');
    const id = await api.run('crash_shared');
    expect(await api.event(id, 'handed_back')).toMatchObject({ reason: 'runner_lost' });
    await api.event(neighbour, 'handed_back');
    const next = await api.run('quick', 1);
    expect((await api.finished(next)).output).toBe(2);
  });
});

test('a runner of one execution that cannot load is told of, and the next one is tried after a pause', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flux-worker-'));
  const [dep, away] = [join(folder, 'node_modules/dep'), join(folder, 'away')] as const;
  mkdirSync(dep, { recursive: true });
  writeFileSync(join(dep, 'index.js'), 'module.exports = 1;');
  const own = `workflow('own', async () => 'ran', { runner: 'process' })`;
  writeFileSync(
    join(folder, 'own.mjs'),
    `import 'dep'; import { workflow } from '@flux/sdk'; export const own = ${own};`,
  );
  const harness = await workers.own({ FLUX_WORKFLOWS: folder });
  const { api } = harness;
  try {
    renameSync(dep, away);
    const id = await api.run('own');
    const { reason, died } = await api.event(id, 'handed_back');
    expect([reason, died]).toEqual(['runner_lost', undefined]);
    expect(harness.logged('a runner cannot load the workflows')).toMatchObject({
      runner: 'process',
      err: { message: expect.stringMatching(/own\.mjs: .*'dep'/) },
    });
    renameSync(away, dep);
    expect((await api.finished(await api.run('own'))).output).toBe('ran');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('a cancel', () => {
  test('is delivered at once, and its cleanup runs before the end is told (elsewhere: cancel waits for a heartbeat)', async () => {
    const { api } = await workers.own({ prepare: (fake) => (fake.heartbeatMs = 60_000) });
    const id = await api.run('tidy', { cleanupMs: 20 });
    await api.until('the start', () => api.claims.length === 1);
    await wait(50);
    await api.cancel(id, 5000);
    expect(await api.finished(id)).toMatchObject({ ...TIDIED, signalled: true });
    expect(api.story(id)).toEqual(['cancel_delivered', 'task_completed', 'finished:cancelled']);
    const [delivered] = api.records;
    expect(delivered?.event.at).toBeLessThan(Date.now());
  });

  test('kills a cleanup at its deadline, told as timed out (elsewhere: a cleanup that never ends makes the run uncancellable)', async () => {
    const { api } = await workers.usual();
    const id = await api.run('tidy', { cleanupMs: 60_000 });
    await wait(100);
    await api.cancel(id, 200);
    expect(await api.finished(id)).toMatchObject(KILLED);
  });

  test('a rollback that never ends is killed and told as timed out', async () => {
    const { api } = await workers.usual();
    const id = await api.begin('booking');
    await api.cancel(id, 200);
    expect(await api.finished(id)).toMatchObject(KILLED);
    expect(api.story(id)).toEqual(['task_completed', 'cancel_delivered', 'finished:cancelled']);
  });

  test('a second cancel does not restart the cleanup; force brings the deadline nearer', async () => {
    const { api } = await workers.usual();
    const id = await api.run('tidy', { cleanupMs: 60_000 });
    await wait(100);
    await api.cancel(id, 60_000);
    await api.event(id, 'cancel_delivered');
    await api.cancel(id, 60_000);
    const { tookMs, heldUpMs } = await timed(async () => {
      await api.cancel(id, 0);
      expect(await api.finished(id)).toMatchObject({ forced: true });
    });
    expect(tookMs - heldUpMs).toBeLessThan(KILL_MS);
    expect(api.story(id)).toEqual(['cancel_delivered', 'finished:cancelled']);
  });

  test('force lets a body that listens end by itself', async () => {
    const { api } = await workers.usual();
    const id = await api.begin('waiting');
    await api.cancel(id, 0);
    expect(await api.finished(id)).toMatchObject({ outcome: 'cancelled', forced: false, cleanup: 'none' });
  });

  test('a cancel meant for one does not hit its neighbours', async () => {
    const { api } = await workers.usual();
    const [one, other] = [await api.begin('waiting'), await api.begin('waiting')];
    await api.cancel(one, 5000);
    await api.finished(one);
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
    expect(await api.finished(id)).toMatchObject({ outcome: 'cancelled', signalled: true });
  });

  test('may come with a granted claim: run-to-cancel', async () => {
    const { api } = await workers.usual();
    const executionId = crypto.randomUUID();
    const cancel = { ...notice(executionId, 5000), attempt: 2 };
    await api.run('tidy', { cleanupMs: 1 }, { executionId, attempt: 2, cancel });
    expect(await api.finished(executionId)).toMatchObject(TIDIED);
    expect(api.story(executionId)).toEqual(['cancel_delivered', 'task_completed', 'finished:cancelled']);
  });

  test('that comes with a heartbeat is obeyed too', async () => {
    const { api } = await workers.usual();
    const id = await api.begin('waiting');
    api.cancels = [notice(id, 5000)];
    expect((await api.finished(id)).outcome).toBe('cancelled');
  });

  test('for what does not run here is ignored', async () => {
    const { api } = await workers.usual();
    await api.cancel(crypto.randomUUID(), 0);
    const id = await api.run('quick', 1);
    expect((await api.finished(id)).outcome).toBe('completed');
  });
});

describe('ownership', () => {
  test('a fenced execution ends without a report, busy or not', async () => {
    const { api } = await workers.usual();
    const [idle, busy] = [await api.begin('waiting'), await api.begin('busy_shared')];
    api.fenced = [idle, busy].map((executionId) => ({ executionId, attempt: 1 }));
    await api.until('the fence', () => api.heartbeats.at(-1)?.running.length === 0);
    await wait(1200);
    expect([idle, busy].map((id) => api.story(id))).toEqual([['task_completed'], ['task_completed']]);
    expect((await api.finished(await api.run('quick', 1))).output).toBe(2);
  });

  test('a worker that lost its lease stops its executions itself, and begins anew', async () => {
    const harness = await workers.own();
    const { api } = harness;
    const ids = [await api.run('busy_shared'), await api.run('waiting')];
    await api.event(ids[0] ?? '', 'task_completed');
    // The worker has a short lease once, and none that a busy machine could have it lose before or after.
    const usualMs = api.leaseMs;
    Object.assign(api, { leaseMs: 400, known: false });
    await api.until('the short lease', () => api.registrations.length === 2);
    Object.assign(api, { leaseMs: usualMs, mute: true });
    const { tookMs, heldUpMs } = await timed(() =>
      harness.until('the lost lease', () => harness.logged(LEASE_LOST) !== undefined),
    );
    expect(tookMs - heldUpMs).toBeLessThan(400 + KILL_MS);
    await harness.until('the killed runner', () => harness.logs.filter(isRunnerUp).length === 2);
    const told = api.records.length;
    api.mute = false;
    await harness.until('the api', () => harness.logged('the api answers again') !== undefined);
    const next = await api.run('quick', 1);
    expect((await api.finished(next)).output).toBe(2);
    expect(api.records.slice(told).map(({ executionId }) => executionId)).toEqual([next, next]);
    const stopped = api.registrations.flatMap((each) => each.stopped.map(({ executionId }) => executionId));
    expect(stopped.sort()).toEqual([...ids].sort());
    const beats = api.heartbeats.length;
    await api.until('a heartbeat', () => api.heartbeats.length > beats);
    expect(ids.filter((id) => api.isHeld(id))).toEqual([]);
  });

  test('a busy execution is stopped after a connection loss, and told of on the return (elsewhere: the un-ackable task goes on)', async () => {
    const harness = await workers.own();
    const { api } = harness;
    const ids = [await api.run('busy_shared'), await api.run('waiting')];
    await Promise.all(ids.map((id) => api.event(id, 'task_completed')));
    const told = api.records.length;
    // The network swallows what the worker publishes to its own control queue.
    const network = deferred();
    const control = api.topology.control(harness.worker.workerId).name;
    const publish = harness.bus.publish.bind(harness.bus);
    const held = jest.spyOn(harness.bus, 'publish').mockImplementation(async (address, ...rest) => {
      if (address.name === control) await network.promise;
      await publish(address, ...rest);
    });
    await harness.until('the lost link', () => harness.logged(LINK_LOST) !== undefined);
    await api.until('its return', () => api.registrations.some(({ stopped }) => stopped.length === 2));
    expect(harness.logged('the api answers again')).toBeUndefined();
    held.mockRestore();
    network.resolve();
    const next = await api.run('quick', 1);
    expect((await api.finished(next)).output).toBe(2);
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
  // Processes are counted.
  beforeAll(() => workers.closeUsual());

  const settings = (FLUX_WORKFLOWS: string): WorkerSettings =>
    workerSettings.parse({ FLUX_WORKFLOWS, FLUX_WORKER_DRAIN: '1s' });
  const logger = pino({ level: 'silent' });

  test('that fails leaves nothing behind', async () => {
    const bus = createMemoryBroker().connect();
    const before = await countProcesses();
    await expect(startWorker({ bus, logger, settings: settings('/nowhere') })).rejects.toMatchObject({
      code: 'INVALID_WORKFLOWS',
    });
    expect(await countProcesses()).toBeLessThanOrEqual(before);
  });

  test('ends with the reason when the api refuses a workflow, and leaves nothing behind', async () => {
    const broker = createMemoryBroker();
    const api = await FakeApi.start(broker.connect(), 'flux');
    api.refused = ["the input schema of workflow 'quick' is not valid: no"];
    const before = await countProcesses();
    await expect(
      startWorker({ bus: broker.connect(), logger, settings: settings(FIXTURES) }),
    ).rejects.toMatchObject({
      code: 'INVALID_WORKFLOWS',
      message: expect.stringContaining("workflow 'quick' is not valid: no"),
    });
    expect(api.registrations).toHaveLength(1);
    expect(await countProcesses()).toBeLessThanOrEqual(before);
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
  // Processes are counted.
  beforeAll(() => workers.closeUsual());

  test('lets what runs come to its end', async () => {
    const { api, worker } = await workers.own({ FLUX_WORKER_DRAIN: 5000 });
    const id = await api.begin('nap', 300, 'timer_started');
    await worker.close();
    expect(api.story(id)).toEqual(['timer_started', 'finished:completed']);
    expect(api.departed).toEqual([worker.workerId]);
  });

  test('hands over what still runs (elsewhere: a deploy past its drain timeout writes CANCELLED instead of handing the work over)', async () => {
    const { api, worker } = await workers.own({ FLUX_WORKER_DRAIN: 100 });
    const ids = [await api.run('nap', 60_000), await api.run('busy_shared')];
    await api.event(ids[1] ?? '', 'task_completed');
    await worker.close();
    expect(ids.map((id) => api.story(id).at(-1))).toEqual(['handed_back:drain', 'handed_back:drain']);
  });

  test('takes nothing new, and still obeys cancels (elsewhere: a paused or unhealthy worker gets no cancels)', async () => {
    const { api, worker } = await workers.own({ FLUX_WORKER_DRAIN: 5000 });
    const id = await api.begin('waiting');
    const closed = worker.close();
    await api.until('the drain', () => api.heartbeats.at(-1)?.state === 'draining');
    const late = await api.run('quick', 1);
    await api.cancel(id, 2000, worker.workerId);
    await closed;
    expect(api.story(id)).toEqual(['task_completed', 'cancel_delivered', 'finished:cancelled']);
    expect(api.story(late)).toEqual([]);
  });

  test('leaves no process behind', async () => {
    await Harness.start().then((each) => each.close());
    const before = await countProcesses();
    const { api, worker } = await workers.own({ FLUX_WORKER_RUNNERS: 3 });
    await api.begin('busy_shared');
    expect(await countProcesses()).toBeGreaterThan(before);
    await worker.close();
    expect(await countProcesses()).toBeLessThanOrEqual(before);
  });
});

function claimsOf({ claims }: Harness['api'], id: string): number {
  return claims.filter(({ executionId }) => executionId === id).length;
}
