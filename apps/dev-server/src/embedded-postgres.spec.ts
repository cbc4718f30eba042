import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { leftAfter, processesIn, queryOnce } from '@flux/testing';
import { defaultDataDir, startEmbeddedPostgres } from './embedded-postgres.js';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

/** A folder in which a boot has been before: a first one takes four times the work of another. */
let booted: string;
let dataDir: string;

const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'flux-embedded-'));

const expectRefused = (folder: string, code: string): Promise<void> =>
  expect(startEmbeddedPostgres({ dataDir: folder })).rejects.toMatchObject({ code });

beforeAll(async () => {
  booted = await makeFolder();
  await (await startEmbeddedPostgres({ dataDir: booted })).stop();
});

afterAll(() => rm(booted, { recursive: true }));

beforeEach(async () => {
  dataDir = await makeFolder();
});

afterEach(async () => {
  // The supervisor's watcher is told to end in the moment in which the supervisor itself does.
  const left = async (): Promise<unknown[]> => [
    ...(await processesIn(dataDir)),
    ...(await processesIn(booted)),
  ];
  expect(await leftAfter(10_000, left)).toEqual([]);
  await rm(dataDir, { recursive: true });
});

describe('startEmbeddedPostgres', () => {
  it('boots an empty folder to a durable database named flux', async () => {
    const server = await startEmbeddedPostgres({ dataDir });
    try {
      expect(new URL(server.url).pathname).toBe('/flux');
      expect(await queryOnce(server.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
      expect((await stat(join(dataDir, 'postgres.password'))).mode & 0o777).toBe(0o600);
      const wrong = new URL(server.url);
      wrong.password = 'guess';
      await expect(queryOnce(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    } finally {
      await server.stop();
    }
  });

  it('keeps its data from one start to the next, and stops twice as well as once', async () => {
    const first = await startEmbeddedPostgres({ dataDir: booted });
    await queryOnce(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await Promise.all([first.stop(), first.stop()]);
    const second = await startEmbeddedPostgres({ dataDir: booted });
    try {
      expect(await queryOnce(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
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
      expect(await queryOnce(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
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
    await expectRefused(file, 'DATA_DIR_NOT_WRITABLE');
    await expectRefused(join(file, 'below'), 'DATA_DIR_NOT_WRITABLE');
    if (!isRoot) return;
    await expectRefused(dataDir, 'DATA_DIR_UNREACHABLE');
  });

  it("refuses another major version's cluster and one whose password is lost", async () => {
    await rename(join(booted, 'postgres'), join(dataDir, 'postgres'));
    await chmod(dataDir, 0o711);
    await expectRefused(dataDir, 'DATA_DIR_PASSWORD_MISSING');
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '9\n');
    await expectRefused(dataDir, 'DATA_DIR_VERSION_MISMATCH');
  });
});

it('data is kept where the account of the server can reach it', () => {
  expect(defaultDataDir()).toBe(isRoot ? '/var/lib/flux' : join(process.cwd(), '.flux'));
});
