import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { notice } from './testing/fake-api.js';
import { Harness, SLOW_FIXTURES } from './testing/worker-harness.js';

/** What a kill may take beyond the grace period. */
const KILL_MS = 500;
const KINDS = ['shared', 'thread', 'process'] as const;

let harness: Harness;
let api: Harness['api'];
const directory = mkdtempSync(join(tmpdir(), 'flux-kinds-'));

beforeAll(async () => {
  harness = await Harness.start();
  api = harness.api;
});

afterAll(async () => {
  await harness.close();
  rmSync(directory, { recursive: true });
});

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const isHeld = (executionId: string): boolean =>
  api.heartbeats.at(-1)?.running.some((held) => held.executionId === executionId) ?? false;

/** Listens on a port, and lets it go; 0 takes any. Resolves with the port. */
async function bind(port: number): Promise<number> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const taken = (server.address() as AddressInfo).port;
  server.close();
  await once(server, 'close');
  return taken;
}

const freePort = (): Promise<number> => bind(0);

describe.each(KINDS)('a runner of kind %s', (kind) => {
  test('runs tasks, logs, and tells progress', async () => {
    const heard: unknown[] = [];
    const listener = harness.broker.connect();
    const keep = async ({ body }: { body: unknown }): Promise<{ kind: 'ack' }> => {
      heard.push(body);
      return { kind: 'ack' };
    };
    await listener.subscribe(api.topology.updates, keep, { prefetch: 10 });
    const id = await api.run(`talk_${kind}`, { name: kind });
    const { outcome, output } = await api.event(id, 'finished');
    expect(outcome).toBe('completed');
    const { pid, ...rest } = output as { pid: number };
    expect(rest).toEqual({ doubled: 42, attempt: 1 });
    expect(pid === process.pid).toBe(kind !== 'process');
    expect(api.story(id).sort()).toEqual(['finished:completed', 'task_completed', 'task_completed']);
    await harness.until('the progress', () => heard.length > 0);
    expect(heard).toContainEqual(expect.objectContaining({ executionId: id, name: 'tell', value: { pid } }));
    const logged = harness.logs.find((line) => line.msg === 'talking' && line.executionId === id);
    expect(logged).toMatchObject({ workflowName: `talk_${kind}`, attempt: 1, name: kind });
    listener.kill();
  });

  test('what its code posts to its parent harms nobody', async () => {
    const id = await api.run(`post_${kind}`);
    expect(await api.event(id, 'finished')).toMatchObject({ outcome: 'completed', output: 42 });
  });

  test('parks, and replays what is recorded', async () => {
    const id = await api.run(`park_${kind}`);
    expect(await api.event(id, 'parked')).toMatchObject({ kind: 'pause', name: 'approval' });
    await api.until('its place is free', () => !isHeld(id));
    const resumed = { type: 'resumed', callId: '$pause#0', name: 'approval', value: 'yes' } as const;
    const { callId } = await api.event(id, 'parked');
    const history = [{ ...resumed, callId: callId ?? '' }];
    await api.run(`park_${kind}`, null, { executionId: id, attempt: 2, history });
    expect((await api.event(id, 'finished')).output).toEqual({ resumed: 'yes' });
  });

  test('hears a cancel at once and runs handlers and cleanup', async () => {
    const id = await api.run(`tidy_${kind}`);
    await api.event(id, 'task_completed');
    await api.cancel(id, 5000);
    expect(await api.event(id, 'finished')).toMatchObject({
      outcome: 'cancelled',
      cleanup: 'succeeded',
      forced: false,
    });
    expect(api.events(id).filter(({ type }) => type === 'task_completed')).toHaveLength(3);
  });

  test('run-to-cancel replays, then throws', async () => {
    const executionId = crypto.randomUUID();
    const cancel = { ...notice(executionId, 8000), attempt: 2 };
    const history = [{ type: 'task_completed', callId: 'double#0', name: 'double', output: 2 } as const];
    await api.run(`tidy_${kind}`, null, { executionId, attempt: 2, history, cancel });
    expect(await api.event(executionId, 'finished')).toMatchObject({
      outcome: 'cancelled',
      cleanup: 'succeeded',
    });
  });

  test('the code runs to its end after the cancel: while (true) {} is killed, and no other execution lost', async () => {
    const neighbour = await api.run('tidy_shared');
    await api.event(neighbour, 'task_completed');
    const id = await api.run(`busy_${kind}`);
    await api.event(id, 'task_completed');
    await harness.until('the warning', () =>
      harness.logs.some((line) => /^a runner is blocked/.test(String(line.msg)) && line.executionId === id),
    );
    expect(harness.logs.find((line) => line.executionId === id && line.runner === kind)).toMatchObject({
      workflowName: `busy_${kind}`,
    });
    await api.until('the report', () =>
      api.heartbeats.some(({ blocked }) =>
        blocked.some((each) => each.executionId === id && each.forMs >= 300),
      ),
    );
    const sentAt = performance.now();
    await api.cancel(id, 400);
    expect(await api.event(id, 'finished')).toMatchObject({
      outcome: 'cancelled',
      forced: true,
      cleanup: 'timed_out',
    });
    const tookMs = performance.now() - sentAt;
    expect(tookMs).toBeGreaterThanOrEqual(400);
    expect(tookMs).toBeLessThan(400 + KILL_MS);
    expect(api.story(id)).toEqual(['task_completed', 'cancel_delivered', 'finished:cancelled']);
    if (kind === 'shared') {
      // It goes back as it is, and is no suspect.
      const { reason, died } = await api.event(neighbour, 'handed_back');
      expect([reason, died]).toEqual(['runner_lost', undefined]);
    } else {
      expect(api.story(neighbour)).toEqual(['task_completed']);
      await api.cancel(neighbour, 5000);
      expect((await api.event(neighbour, 'finished')).cleanup).toBe('succeeded');
    }
    await api.until('nothing is blocked', () => api.heartbeats.at(-1)?.blocked.length === 0);
  });

  test('a killed run leaves a file handle or lock behind: what it held is free once its end is told', async () => {
    const port = await freePort();
    const id = await api.run(`lock_${kind}`, port);
    await api.event(id, 'task_completed');
    await expect(bind(port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await api.cancel(id, 100);
    expect(await api.event(id, 'finished')).toMatchObject({ forced: true });
    await bind(port);
  });

  test('that crashes gives its execution back as the only one it had', async () => {
    const id = await api.run(`crash_${kind}`);
    expect(await api.event(id, 'handed_back')).toMatchObject({ reason: 'runner_lost', died: 'alone' });
    await harness.until('the log', () => harness.logs.some((line) => line.msg === 'a runner died'));
  });
});

describe('a runner that still loads its code', () => {
  let slow: Harness;

  beforeAll(async () => {
    slow = await Harness.start({ FLUX_WORKFLOWS: SLOW_FIXTURES });
  });

  afterAll(() => slow.close());

  /** Resolves once a new runner of that kind has been given the execution, long before it can begin. */
  async function give(kind: (typeof KINDS)[number]): Promise<string> {
    if (kind === 'shared') {
      const busy = await slow.api.run('busy_slow');
      await slow.api.event(busy, 'task_completed');
      await slow.api.cancel(busy, 0);
      await slow.api.event(busy, 'finished');
    }
    const id = await slow.api.run(`slow_${kind}`);
    const beats = slow.api.heartbeats.length;
    await slow.api.until('it is held', () =>
      slow.api.heartbeats.slice(beats).some(({ running }) => running.some((held) => held.executionId === id)),
    );
    return id;
  }

  const begun = (id: string): unknown =>
    slow.logs.find(({ executionId, msg }) => executionId === id && msg === 'begins');

  test.each(KINDS)(
    'tasks go on after the stop command: told of a cancel, it begins none (%s)',
    async (kind) => {
      const id = await give(kind);
      await slow.api.cancel(id, 10_000);
      expect(await slow.api.event(id, 'finished')).toMatchObject({ outcome: 'cancelled', cleanup: 'none' });
      expect(slow.api.story(id)).toEqual(['cancel_delivered', 'finished:cancelled']);
      expect(begun(id)).toBeUndefined();
    },
  );

  test.each(KINDS)('begins nothing that another attempt owns meanwhile (%s)', async (kind) => {
    const id = await give(kind);
    await slow.api.tell('fence', { executionId: id, attempt: 1 });
    await slow.api.until('it is let go', () => {
      return slow.api.heartbeats.at(-1)?.running.every((held) => held.executionId !== id) ?? false;
    });
    // A runner that takes longer to load than such an execution may take to end is killed, and gives back the next one.
    let story: string[] = [];
    while (!story.includes('finished:completed')) {
      const next = await slow.api.run('slow_shared');
      await slow.api.until('the next', () => /finished|handed_back/.test(slow.api.story(next).join()));
      story = slow.api.story(next);
    }
    expect(slow.api.story(id)).toEqual([]);
    expect(begun(id)).toBeUndefined();
  });

  test.each(KINDS)('begins what it was given once it has loaded (%s)', async (kind) => {
    const id = await give(kind);
    expect(await slow.api.event(id, 'finished')).toMatchObject({ outcome: 'completed' });
  });
});

test('exit handler skipped or stuck: one that never ends is killed at the deadline, and told as timed out', async () => {
  const id = await api.run('endless_handler');
  await api.event(id, 'task_completed');
  await api.cancel(id, 200);
  expect(await api.event(id, 'finished')).toMatchObject({
    outcome: 'cancelled',
    forced: true,
    cleanup: 'timed_out',
  });
});

describe('a suspect', () => {
  test('runs away from others: their shared runner does not die with it', async () => {
    const neighbour = await api.run('tidy_shared');
    await api.event(neighbour, 'task_completed');
    const id = await api.run('crash_shared', null, { isolate: true });
    expect(await api.event(id, 'handed_back')).toMatchObject({ died: 'alone' });
    expect(api.story(neighbour)).toEqual(['task_completed']);
    await api.cancel(neighbour, 5000);
    await api.event(neighbour, 'finished');
  });
});

describe('a process and what it has started', () => {
  async function start(then: 'busy' | 'return' | 'wait'): Promise<{ id: string; pids: () => number[] }> {
    const file = join(directory, crypto.randomUUID());
    const id = await api.run('family', { file, then });
    await api.event(id, 'task_completed');
    return { id, pids: () => readFileSync(file, 'utf8').trim().split('\n').map(Number) };
  }

  test('blocking or multi-process tasks cannot be cancelled at all: the whole group ends at the deadline', async () => {
    const { id, pids } = await start('busy');
    expect(pids()).toHaveLength(4);
    expect(pids().filter(isAlive)).toHaveLength(4);
    const sentAt = performance.now();
    await api.cancel(id, 200);
    expect(await api.event(id, 'finished')).toMatchObject({ forced: true, cleanup: 'timed_out' });
    expect(performance.now() - sentAt).toBeLessThan(200 + 300 + KILL_MS);
    expect(pids().filter(isAlive)).toEqual([]);
  });

  test.each(['return', 'wait'] as const)(
    'none is left when its workflow ends by itself (%s)',
    async (then) => {
      const { id, pids } = await start(then);
      if (then === 'wait') await api.cancel(id, 5000);
      expect(await api.event(id, 'finished')).toMatchObject({ forced: false });
      expect(pids().filter(isAlive)).toEqual([]);
    },
  );

  test('one that leaves the worker’s channel is ended, and its execution given back', async () => {
    const id = await api.run('disconnect');
    expect(await api.event(id, 'handed_back')).toMatchObject({ reason: 'runner_lost', died: 'alone' });
  });

  test('another attempt owns it: the whole group is gone at once', async () => {
    const { id, pids } = await start('busy');
    api.fenced = [{ executionId: id, attempt: 1 }];
    const limit = performance.now() + 5000;
    while (pids().some(isAlive) && performance.now() < limit) await wait(20);
    api.fenced = [];
    expect(pids().filter(isAlive)).toEqual([]);
    expect(api.story(id)).toEqual(['task_completed']);
  });
});
