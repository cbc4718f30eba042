import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Delivery, Outcome } from '@flux/messaging';
import { freePort, isAlive, timed, until } from '@flux/testing';
import { notice } from './testing/fake-api.js';
import { KINDS } from './testing/in-each-kind.js';
import { Harness, KILL_MS, KILLED, SLOW_FIXTURES, TIDIED } from './testing/worker-harness.js';

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

describe.each(KINDS)('a runner of kind %s', (kind) => {
  test('runs tasks, logs, and tells progress', async () => {
    const heard: unknown[] = [];
    const listener = harness.broker.connect();
    const keep = async ({ type, body }: Delivery): Promise<Outcome> => {
      heard.push([type, body]);
      return { kind: 'ack' };
    };
    await listener.subscribe(api.topology.updates, keep, { prefetch: 10 });
    const executionId = await api.run(`talk_${kind}`, { name: kind });
    const { outcome, output } = await api.finished(executionId);
    expect(outcome).toBe('completed');
    const { pid, ...rest } = output as { pid: number };
    expect(rest).toEqual({ doubled: 42, attempt: 1 });
    expect(pid).not.toBe(process.pid);
    expect(api.story(executionId).sort()).toEqual(['finished:completed', 'task_completed', 'task_completed']);
    await harness.until('the progress', () => heard.length > 0);
    const update = { executionId, attempt: 1, callId: 'tell#0', name: 'tell', value: { pid } };
    expect(heard).toEqual([['progress', { ...update, at: expect.any(Number) }]]);
    const logged = harness.logs.find((line) => line.msg === 'talking' && line.executionId === executionId);
    expect(logged).toMatchObject({ workflowName: `talk_${kind}`, attempt: 1, level: 30, name: kind });
    listener.kill();
  });

  test('what its code posts to its parent harms nobody', async () => {
    const id = await api.run(`post_${kind}`);
    expect(await api.finished(id)).toMatchObject({ outcome: 'completed', output: 42 });
  });

  test('parks, and replays what is recorded', async () => {
    const id = await api.run(`park_${kind}`);
    expect(await api.event(id, 'parked')).toMatchObject({ kind: 'pause', name: 'approval' });
    await api.until('its place is free', () => !api.isHeld(id));
    const resumed = { type: 'resumed', callId: '$pause#0', name: 'approval', value: 'yes' } as const;
    const { callId } = await api.event(id, 'parked');
    const history = [{ ...resumed, callId: callId ?? '' }];
    await api.run(`park_${kind}`, null, { executionId: id, attempt: 2, history });
    expect((await api.finished(id)).output).toEqual({ resumed: 'yes' });
  });

  test('hears a cancel at once and runs handlers and cleanup', async () => {
    const id = await api.begin(`tidy_${kind}`);
    await api.cancel(id, 5000);
    expect(await api.finished(id)).toMatchObject(TIDIED);
    expect(api.events(id).filter(({ type }) => type === 'task_completed')).toHaveLength(3);
  });

  test('run-to-cancel replays, then throws', async () => {
    const executionId = crypto.randomUUID();
    const cancel = { ...notice(executionId, 8000), attempt: 2 };
    const history = [{ type: 'task_completed', callId: 'double#0', name: 'double', output: 2 } as const];
    await api.run(`tidy_${kind}`, null, { executionId, attempt: 2, history, cancel });
    expect(await api.finished(executionId)).toMatchObject(TIDIED);
  });

  test('is killed in while (true) {}, and no other execution is lost (elsewhere: the code runs to its end after the cancel)', async () => {
    const neighbour = await api.begin('tidy_shared');
    const id = await api.begin(`busy_${kind}`);
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
    const beats = api.heartbeats.length;
    await api.until('heartbeats meanwhile', () => api.heartbeats.length - beats > 5);
    const { tookMs, heldUpMs } = await timed(async () => {
      await api.cancel(id, 600);
      expect(await api.finished(id)).toMatchObject(KILLED);
    });
    expect(tookMs).toBeGreaterThanOrEqual(600);
    expect(tookMs - heldUpMs).toBeLessThan(600 + KILL_MS);
    expect(api.story(id)).toEqual(['task_completed', 'cancel_delivered', 'finished:cancelled']);
    if (kind === 'shared') {
      // The neighbour goes back as it is, and is no suspect.
      const { reason, died } = await api.event(neighbour, 'handed_back');
      expect([reason, died]).toEqual(['runner_lost', undefined]);
    } else {
      expect(api.story(neighbour)).toEqual(['task_completed']);
      await api.cancel(neighbour, 5000);
      expect((await api.finished(neighbour)).cleanup).toBe('succeeded');
    }
    await api.until('nothing is blocked', () => api.heartbeats.at(-1)?.blocked.length === 0);
  });

  test('holds nothing of a killed run any more once its end is told (elsewhere: a killed run leaves a file handle or lock behind)', async () => {
    const port = await freePort();
    const id = await api.begin(`lock_${kind}`, port);
    await expect(freePort(port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await api.cancel(id, 100);
    expect(await api.finished(id)).toMatchObject({ forced: true });
    await freePort(port);
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
      const busy = await slow.api.begin('busy_slow');
      await slow.api.cancel(busy, 0);
      await slow.api.finished(busy);
    }
    const id = await slow.api.run(`slow_${kind}`);
    await slow.api.until('it is held', () => slow.api.isHeld(id));
    return id;
  }

  const begun = (id: string): unknown =>
    slow.logs.find(({ executionId, msg }) => executionId === id && msg === 'begins');

  test.each(KINDS)(
    'begins no task once it was told of a cancel (%s; elsewhere: tasks go on after the stop command)',
    async (kind) => {
      const id = await give(kind);
      await slow.api.cancel(id, 10_000);
      expect(await slow.api.finished(id)).toMatchObject({ outcome: 'cancelled', cleanup: 'none' });
      expect(slow.api.story(id)).toEqual(['cancel_delivered', 'finished:cancelled']);
      expect(begun(id)).toBeUndefined();
    },
  );

  test.each(KINDS)('begins nothing that another attempt owns meanwhile (%s)', async (kind) => {
    const id = await give(kind);
    await slow.api.tell('fence', { executionId: id, attempt: 1 });
    await slow.api.until('it is let go', () => !slow.api.isHeld(id));
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
    expect(await slow.api.finished(id)).toMatchObject({ outcome: 'completed' });
  });
});

test('a cancel handler that never ends is killed at the deadline, and told as timed out (elsewhere: exit handler skipped or stuck)', async () => {
  const id = await api.begin('endless_handler');
  await api.cancel(id, 200);
  expect(await api.finished(id)).toMatchObject(KILLED);
});

describe('a suspect', () => {
  test('runs away from others: their shared runner does not die with it', async () => {
    const neighbour = await api.begin('tidy_shared');
    const id = await api.run('crash_shared', null, { isolate: true });
    expect(await api.event(id, 'handed_back')).toMatchObject({ died: 'alone' });
    expect(api.story(neighbour)).toEqual(['task_completed']);
    await api.cancel(neighbour, 5000);
    await api.finished(neighbour);
  });
});

describe('a process and what it has started', () => {
  async function start(then: 'busy' | 'return' | 'wait'): Promise<{ id: string; pids: () => number[] }> {
    const file = join(directory, crypto.randomUUID());
    const id = await api.begin('family', { file, then });
    return { id, pids: () => readFileSync(file, 'utf8').trim().split('\n').map(Number) };
  }

  test('end at the deadline of a cancel, all of them (elsewhere: blocking or multi-process tasks cannot be cancelled at all)', async () => {
    const { id, pids } = await start('busy');
    expect(pids()).toHaveLength(4);
    expect(pids().filter(isAlive)).toHaveLength(4);
    const { tookMs, heldUpMs } = await timed(async () => {
      await api.cancel(id, 200);
      expect(await api.finished(id)).toMatchObject(KILLED);
    });
    expect(tookMs - heldUpMs).toBeLessThan(200 + 300 + KILL_MS);
    expect(pids().filter(isAlive)).toEqual([]);
  });

  test.each(['return', 'wait'] as const)('are gone when the workflow ends by itself (%s)', async (then) => {
    const { id, pids } = await start(then);
    if (then === 'wait') await api.cancel(id, 5000);
    expect(await api.finished(id)).toMatchObject({ forced: false });
    expect(pids().filter(isAlive)).toEqual([]);
  });

  test('are ended when the process leaves the worker’s channel, and the execution is given back', async () => {
    const id = await api.run('disconnect');
    expect(await api.event(id, 'handed_back')).toMatchObject({ reason: 'runner_lost', died: 'alone' });
  });

  test('are gone at once when another attempt owns the execution', async () => {
    const { id, pids } = await start('busy');
    api.fenced = [{ executionId: id, attempt: 1 }];
    await until('the end of the group', () => !pids().some(isAlive), 5_000);
    api.fenced = [];
    expect(api.story(id)).toEqual(['task_completed']);
  });
});
