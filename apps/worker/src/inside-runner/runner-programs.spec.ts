import childProcess, { exec, execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DetachedMarks } from '../programs/detached.js';
import { MARK_VARIABLE } from '../programs/marks.js';
import { MessageBatch } from '../wire/message-batch.js';
import type { FromRunner } from '../wire/protocol.js';
import { RunnerPrograms } from './runner-programs.js';

// Jest keeps the names that it has imported as they were. Tests of workers have them by name.
const sync = childProcess;
const cjs = createRequire(import.meta.url)('node:child_process') as typeof childProcess;
const SHOW = `printf %s "$${MARK_VARIABLE}"`;
const directory = mkdtempSync(join(tmpdir(), 'flux-runner-programs-'));
const folder = join(directory, 'detached');
const OWNER = { handle: 7, executionId: '0192', attempt: 2 };
const OWN = 'w@1~2~3~4:0192:2:';
const RUNNERS = 'w@1~2~3~4:runner:ab:';

let told: FromRunner[];
let programs: RunnerPrograms;
let unhook: () => void;

beforeEach(() => {
  told = [];
  const outbox = new MessageBatch<FromRunner>((messages) => void told.push(...messages));
  const detached = new DetachedMarks(() => undefined, folder);
  programs = new RunnerPrograms({ incarnation: 'w@1~2~3~4', runnerId: 'ab', detached }, outbox);
  programs.ownerNow = () => OWNER;
  unhook = programs.hook();
});

afterEach(() => unhook());

afterAll(() => rmSync(directory, { recursive: true }));

const text = (value: unknown): string => String(value);

async function forked(): Promise<string> {
  const file = join(directory, 'child.cjs');
  writeFileSync(file, `process.send(process.env.${MARK_VARIABLE}); process.disconnect();`);
  const [mark] = (await once(fork(file, { execArgv: [] }), 'message')) as [string];
  return mark;
}

async function spawned(start: typeof spawn, env?: NodeJS.ProcessEnv): Promise<string> {
  const child = start('sh', ['-c', SHOW], { ...(env && { env }), stdio: ['ignore', 'pipe', 'inherit'] });
  const [mark] = (await once(child.stdout, 'data')) as [Buffer];
  return text(mark);
}

/** Every public way to start a program, by both module systems. */
const WAYS: Readonly<Record<string, () => string | Promise<string>>> = {
  spawn: () => spawned(spawn),
  'spawn of CommonJS': () => spawned(cjs.spawn),
  'spawn with an environment of its own': () => spawned(spawn, { PATH: process.env.PATH }),
  exec: async () => (await promisify(exec)(SHOW)).stdout,
  execFile: async () => (await promisify(execFile)('sh', ['-c', SHOW])).stdout,
  fork: forked,
  execSync: () => text(sync.execSync(SHOW)),
  'execSync with options': () => text(cjs.execSync(SHOW, { env: { PATH: process.env.PATH } })),
  execFileSync: () => text(sync.execFileSync('sh', ['-c', SHOW])),
  'execFileSync with options': () => text(sync.execFileSync('sh', ['-c', SHOW], { encoding: 'utf8' })),
  spawnSync: () => text(sync.spawnSync('sh', ['-c', SHOW]).stdout),
  'spawnSync with options alone': () => text(sync.spawnSync(SHOW, { shell: true }).stdout),
  'spawnSync of CommonJS': () => text(cjs.spawnSync('sh', ['-c', SHOW], { env: process.env }).stdout),
};

describe('a program that the code of a runner starts', () => {
  test.each(Object.entries(WAYS))('is marked by %s', async (_, start) => {
    const mark = await start();
    expect(mark).toMatch(new RegExp(`^${OWN}\\d+$`));
    expect(told).toEqual([{ kind: 'program', handle: 7 }]);
  });

  test('has a mark of its own, and only the first of an execution is told of, before it begins', async () => {
    const marks = [await spawned(spawn), await spawned(spawn), text(sync.execSync(SHOW))];
    expect(new Set(marks).size).toBe(3);
    expect(told).toHaveLength(1);
    programs.ended(7);
    await spawned(spawn);
    expect(told).toHaveLength(2);
  });

  test("is the runner's where no execution's code runs", async () => {
    programs.ownerNow = () => undefined;
    expect(await spawned(spawn)).toMatch(new RegExp(`^${RUNNERS}\\d+$`));
    expect(told).toEqual([{ kind: 'program', handle: null }]);
  });

  test('does not begin once its execution has ended', () => {
    programs.ownerNow = () => {
      throw new Error('the execution has ended');
    };
    for (const start of [() => spawn('true'), () => sync.execSync('true'), () => cjs.spawnSync('true')])
      expect(start).toThrow('the execution has ended');
  });

  test('gets what this process was marked with as well', async () => {
    unhook();
    process.env[MARK_VARIABLE] = 'outer@1~1~1~1:x:1:1';
    const outbox = new MessageBatch<FromRunner>(() => undefined);
    const nested = new RunnerPrograms({ incarnation: 'w@1~2~3~4', runnerId: 'ab' }, outbox);
    unhook = nested.hook();
    nested.ownerNow = () => OWNER;
    expect(await spawned(spawn)).toBe(`outer@1~1~1~1:x:1:1,${OWN}1`);
    unhook();
    expect(process.env[MARK_VARIABLE]).toBe('outer@1~1~1~1:x:1:1');
    delete process.env[MARK_VARIABLE];
    unhook = () => undefined;
  });

  test('is refused by Node as it was before, and leaves what it was given as it is', async () => {
    expect(() => sync.spawnSync('true', 5 as never)).toThrow('"args"');
    expect(() => sync.execSync('true', { cwd: 5 as never })).toThrow('"options.cwd"');
    expect(sync.spawnSync('/no/such/program').error).toMatchObject({ code: 'ENOENT' });
    expect(await once(spawn('/no/such/program'), 'error')).toMatchObject([{ code: 'ENOENT' }]);
    const env = { PATH: process.env.PATH };
    sync.execSync('true', { env });
    expect(env).toEqual({ PATH: process.env.PATH });
  });

  test('is another one’s to detach only where it was started for it, and in a group of its own', async () => {
    const child = spawn('sleep', ['600'], { detached: true });
    const grouped = spawn('sleep', ['600']);
    expect(() => programs.detach(8, child)).toThrow(TypeError);
    expect(() => programs.detach(7, grouped)).toThrow('{ detached: true }');
    programs.detach(7, child);
    expect(told.at(-1)).toEqual({
      kind: 'detached',
      handle: 7,
      mark: expect.stringMatching(new RegExp(`^${OWN}\\d+$`)),
      name: 'sleep',
      pid: child.pid,
    });
    const [kept] = told.flatMap((each) => (each.kind === 'detached' ? [each.mark] : []));
    expect(readdirSync(folder)).toEqual([kept]);
    const exits = [child, grouped].map((each) => once(each, 'exit'));
    for (const each of [child, grouped]) each.kill();
    await Promise.all(exits);
    expect(() => programs.detach(7, child)).toThrow('still runs');
  });

  test('is nobody’s business any more once the runner leaves off', async () => {
    unhook();
    unhook = () => undefined;
    expect(await promisify(exec)(SHOW)).toMatchObject({ stdout: '' });
    expect(text(sync.execSync(SHOW))).toBe('');
  });
});
