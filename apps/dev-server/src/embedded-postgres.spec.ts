import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Client } from 'pg';
import { defaultDataDir, startEmbeddedPostgres } from './embedded-postgres.js';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
jest.setTimeout(30_000);

/** Where a boot has been before: a first one takes four times the work of another. */
let booted: string;
let dataDir: string;

const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'flux-embedded-'));

beforeAll(async () => {
  booted = await makeFolder();
  await (await startEmbeddedPostgres({ dataDir: booted })).stop();
});

afterAll(() => rm(booted, { recursive: true }));

beforeEach(async () => {
  dataDir = await makeFolder();
});

afterEach(async () => {
  for (const folder of [dataDir, booted]) expect(await processesIn(folder)).toEqual([]);
  await rm(dataDir, { recursive: true });
});

async function query<T extends object>(url: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Of every process that works below `folder` or was given it as an argument. */
async function processesIn(folder: string): Promise<string[]> {
  const { stdout } = await run('ps', ['-axwwo', 'pid=,command=']);
  const pids = stdout.split('\n').map((line) => line.trim());
  const below = await Promise.all(
    pids.map((line) => readlink(`/proc/${line.split(' ')[0]}/cwd`).catch(() => '')),
  );
  return pids.filter((line, index) => line.includes(folder) || below[index]?.startsWith(folder));
}

describe('startEmbeddedPostgres', () => {
  it('boots an empty folder to a durable database named flux', async () => {
    const server = await startEmbeddedPostgres({ dataDir });
    try {
      expect(new URL(server.url).pathname).toBe('/flux');
      expect(await query(server.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
      expect((await stat(join(dataDir, 'postgres.password'))).mode & 0o777).toBe(0o600);
      const wrong = new URL(server.url);
      wrong.password = 'guess';
      await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    } finally {
      await server.stop();
    }
  });

  it('keeps its data from one start to the next, and stops twice as well as once', async () => {
    const first = await startEmbeddedPostgres({ dataDir: booted });
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await Promise.all([first.stop(), first.stop()]);
    const second = await startEmbeddedPostgres({ dataDir: booted });
    try {
      expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    } finally {
      await second.stop();
    }
    const left = (await readdir(booted)).filter((name) => !name.startsWith('postgresql-')).sort();
    expect(left).toEqual(['postgres', 'postgres.password']);
  });

  it('stops with a client still connected', async () => {
    const server = await startEmbeddedPostgres({ dataDir: booted });
    const client = new Client({ connectionString: server.url });
    const ended = new Promise<Error>((resolve) => client.on('error', resolve));
    await client.connect();
    await server.stop();
    expect(await ended).toBeInstanceOf(Error);
  });

  it('refuses a second boot of a folder in use and leaves the first alone', async () => {
    const first = await startEmbeddedPostgres({ dataDir: booted });
    try {
      await expect(startEmbeddedPostgres({ dataDir: booted })).rejects.toMatchObject({
        code: 'DATA_DIR_IN_USE',
        hint: expect.stringContaining('--data'),
      });
      expect(await query(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      await first.stop();
    }
  });

  it('lets one of two simultaneous first boots win', async () => {
    const boots = await Promise.allSettled([
      startEmbeddedPostgres({ dataDir }),
      startEmbeddedPostgres({ dataDir }),
    ]);
    const won = boots.filter((boot) => boot.status === 'fulfilled');
    await Promise.all(won.map((boot) => boot.value.stop()));
    expect(won).toHaveLength(1);
    expect(boots.find((boot) => boot.status === 'rejected')?.reason).toMatchObject({
      code: 'DATA_DIR_IN_USE',
    });
  });

  it('removes what an interrupted first boot left', async () => {
    await run('cp', ['-a', join(booted, 'postgres.password'), dataDir]);
    await run('mkdir', [join(dataDir, 'postgres.unfinished-0')]);
    await chmod(dataDir, 0o711);
    await (await startEmbeddedPostgres({ dataDir })).stop();
    expect(await readdir(dataDir)).not.toContain('postgres.unfinished-0');
  });

  it('tells clearly why a folder will not do', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    await expect(startEmbeddedPostgres({ dataDir: file })).rejects.toMatchObject({
      code: 'DATA_DIR_NOT_WRITABLE',
    });
    await expect(startEmbeddedPostgres({ dataDir: join(file, 'below') })).rejects.toMatchObject({
      code: 'DATA_DIR_NOT_WRITABLE',
    });
    if (!isRoot) return;
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
      code: 'DATA_DIR_UNREACHABLE',
    });
  });

  it("refuses another major version's cluster and one whose password is lost", async () => {
    await rename(join(booted, 'postgres'), join(dataDir, 'postgres'));
    await chmod(dataDir, 0o711);
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
      code: 'DATA_DIR_PASSWORD_MISSING',
    });
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '9\n');
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
      code: 'DATA_DIR_VERSION_MISMATCH',
    });
  });
});

it('keeps data where the account of the server can reach it', () => {
  expect(defaultDataDir()).toBe(isRoot ? '/var/lib/flux' : join(process.cwd(), '.flux'));
});
