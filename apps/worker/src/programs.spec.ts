import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { isAlive, timed, until } from '@flux/testing';
import { WAYS } from './testing/fixtures/programs.js';
import { KINDS } from './testing/in-each-kind.js';
import { Harness, KILL_MS } from './testing/worker-harness.js';

/** Between SIGTERM and SIGKILL. */
const TERM_MS = 300;

let harness: Harness;
let api: Harness['api'];
const directory = mkdtempSync(join(tmpdir(), 'flux-programs-'));
const files: string[] = [];

beforeAll(async () => {
  harness = await Harness.start({ prepare: (each) => (each.takesPrograms = true) });
  api = harness.api;
});

afterEach(() => {
  // A test that failed leaves nothing behind either.
  for (const pid of files.splice(0).flatMap(pidsIn)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
});

afterAll(async () => {
  await harness.close();
  rmSync(directory, { recursive: true });
});

const pidsIn = (file: string): number[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1).map(Number) : [];

function newFile(): string {
  const file = join(directory, crypto.randomUUID());
  files.push(file);
  return file;
}

/** Resolves once `count` programs have noted their pids. */
async function noted(file: string, count = 1): Promise<number[]> {
  await until('the programs', () => pidsIn(file).length >= count, 20_000, 5);
  const pids = pidsIn(file);
  expect(pids.filter((pid) => !isAlive(pid))).toEqual([]);
  return pids;
}

/** The programs of an execution that history tells of. */
function told(executionId: string) {
  return api.events(executionId).flatMap((event) => (event.type === 'program_ended' ? [event] : []));
}

describe.each(KINDS)('a program of an execution in a %s runner', (kind) => {
  test.each(Object.keys(WAYS))('%s is dead before CANCELLED is told', async (way) => {
    const file = newFile();
    const id = await api.begin(`programs_${kind}`, { file, way, then: 'wait' });
    const [pid] = await noted(file);
    await api.cancel(id, 10_000);
    expect(await api.finished(id)).toMatchObject({ outcome: 'cancelled', forced: false });
    expect(isAlive(pid!)).toBe(false);
    expect(told(id)).toContainEqual(
      expect.objectContaining({ pid, how: way === 'that hears no SIGTERM' ? 'SIGKILL' : 'SIGTERM' }),
    );
  });

  test.each(['return', 'park'] as const)('ends with its execution, and its place (%s)', async (then) => {
    const file = newFile();
    const id = await api.begin(`programs_${kind}`, { file, way: 'in a session of its own', then });
    await api.event(id, then === 'park' ? 'parked' : 'finished');
    expect(pidsIn(file).filter(isAlive)).toEqual([]);
    expect(told(id)).toMatchObject([{ name: 'sleep', how: 'SIGTERM' }]);
  });

  test('is dead, and told of, when its runner has crashed', async () => {
    const file = newFile();
    const id = await api.run(`programs_${kind}`, { file, way: 'plain', then: 'crash' });
    expect(await api.event(id, 'handed_back')).toMatchObject({ cause: { code: 'SIGSEGV' } });
    const pids = pidsIn(file);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(told(id)).toMatchObject([{ name: 'sleep', pid: pids[0] }]);
  });

  test('that its task waits for is dead before CANCELLED (elsewhere: CANCELLED while the program runs on)', async () => {
    const file = newFile();
    const id = await api.begin(`programs_${kind}`, { file, way: 'plain', then: 'hang' });
    const pids = await noted(file, 2);
    await api.cancel(id, 200);
    // Its body may come to its end before the runner is killed, once the program that it waits for is dead.
    expect(await api.finished(id)).toMatchObject({ outcome: 'cancelled' });
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test.each(['execSync', 'execFileSync', 'spawnSync'])(
    'that %s waits for ends at the deadline',
    async (call) => {
      const file = newFile();
      const id = await api.run(`blocked_${kind}`, { file, call });
      const [pid] = await noted(file);
      const { tookMs, heldUpMs } = await timed(async () => {
        await api.cancel(id, 200);
        expect(await api.finished(id)).toMatchObject({ outcome: 'cancelled' });
      });
      expect(tookMs - heldUpMs).toBeLessThan(200 + KILL_MS + TERM_MS);
      expect(isAlive(pid!)).toBe(false);
    },
  );

  test('is gone when another attempt owns the execution', async () => {
    const file = newFile();
    const id = await api.begin(`programs_${kind}`, { file, way: 'in a session of its own', then: 'wait' });
    const [pid] = await noted(file);
    await api.tell('fence', { executionId: id, attempt: 1 });
    await until('the end of the program', () => !isAlive(pid!), 5_000, 5);
  });

  test('lives on when it is detached, and so does what it has started; nothing else does', async () => {
    const file = newFile();
    const id = await api.begin(`detaching_${kind}`, file);
    const pids = await noted(file, 3);
    const pid = told(id)[0]?.pid;
    expect(told(id)).toMatchObject([{ name: 'sh', how: 'detached' }]);
    await api.cancel(id, 10_000);
    await api.finished(id);
    const alive = pids.filter(isAlive);
    expect(alive).toHaveLength(2);
    expect(alive).toContain(pid);
    expect(told(id)).toMatchObject([{ how: 'detached' }, { how: 'SIGTERM' }]);
  });
});

test('ctx.detach refuses what would end with the runner, and what is no program of the execution', async () => {
  const id = await api.begin('detaching_shared', newFile(), 'task_completed');
  const done = await api.event(id, 'task_completed');
  const { refused } = done.output as { refused: string[] };
  expect(refused).toHaveLength(3);
  expect(refused[0]).toContain('{ detached: true }');
  expect(refused[1]).toBe(refused[2]);
  await api.cancel(id, 10_000);
  await api.finished(id);
});

test('code that goes on after its execution starts no program any more', async () => {
  const file = newFile();
  const id = await api.run('late', file);
  expect(await api.finished(id)).toMatchObject({ outcome: 'completed' });
  const refusal = /^the execution has ended: its code starts no program/;
  await harness.until('the refusal', () => harness.logs.some(({ msg }) => refusal.test(String(msg))));
  expect(existsSync(file)).toBe(false);
});

test('an api of a version before is told of no program', async () => {
  const old = await Harness.start();
  const file = newFile();
  const id = await old.api.begin('programs_shared', { file, way: 'plain', then: 'return' }, 'finished');
  expect(old.api.story(id)).toEqual(['task_completed', 'finished:completed']);
  expect(pidsIn(file).filter(isAlive)).toEqual([]);
  await old.close();
});
