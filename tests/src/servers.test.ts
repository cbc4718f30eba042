import { afterEach, describe, expect, it } from '@jest/globals';
import { connect } from 'amqplib';
import { Client } from 'pg';
import { createSandbox, isAlive, type Sandbox, SandboxLeakError, type SandboxOptions } from '@flux/testing';

const open: Sandbox[] = [];
/** A leak does not end by itself, so it need not be waited for. */
const SOON = { settleMs: 500 };

async function sandbox(options?: SandboxOptions): Promise<Sandbox> {
  const created = await createSandbox(options);
  open.push(created);
  return created;
}

/** The complaints of `close`. */
async function leaksOf(leaking: Sandbox): Promise<readonly string[]> {
  open.splice(open.indexOf(leaking), 1);
  const error: unknown = await leaking.close().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SandboxLeakError);
  return (error as SandboxLeakError).leaks;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

describe('a sandbox', () => {
  it('has a database and a namespace of its own', async () => {
    const [a, b] = await Promise.all([sandbox(), sandbox()]);
    await a.query('CREATE TABLE mine (id int)');
    await a.query('INSERT INTO mine VALUES ($1)', [7]);
    expect(await a.query('SELECT id FROM mine')).toEqual([{ id: 7 }]);
    await expect(b.query('SELECT id FROM mine')).rejects.toThrow('does not exist');
    expect(a.namespace).not.toBe(b.namespace);
    expect(a.env).toMatchObject({ FLUX_NAMESPACE: a.namespace, FLUX_DATABASE_URL: a.databaseUrl });
  });

  it('drops its database, queues and exchanges, and nobody else’s', async () => {
    const [closing, staying] = [await createSandbox(), await sandbox()];
    const connection = await connect(closing.amqpUrl);
    try {
      const channel = await connection.createChannel();
      for (const { namespace } of [closing, staying]) {
        await channel.assertExchange(`${namespace}.events`, 'topic', { durable: true });
        await channel.assertQueue(`${namespace}.run`, {
          durable: true,
          arguments: { 'x-queue-type': 'quorum' },
        });
      }
      await closing.close();
      await channel.checkQueue(`${staying.namespace}.run`);
      await channel.checkExchange(`${staying.namespace}.events`);
      for (const check of ['checkQueue', 'checkExchange'] as const) {
        const probe = await connection.createChannel();
        probe.on('error', () => undefined);
        const name = `${closing.namespace}.${check === 'checkQueue' ? 'run' : 'events'}`;
        await expect(probe[check](name)).rejects.toThrow('NOT_FOUND');
      }
    } finally {
      await connection.close();
    }
    const databases = await staying.query('SELECT 1 FROM pg_database WHERE datname = $1', [
      closing.namespace,
    ]);
    expect(databases).toEqual([]);
  });

  it('runs processes in its environment, with their output and end', async () => {
    const mine = await sandbox();
    const child = mine.spawnNode([
      '-e',
      `process.on('SIGTERM', () => { console.error('bye'); process.exit(3); });
       setInterval(() => {}, 1000);
       console.log('namespace', process.env.FLUX_NAMESPACE);`,
    ]);
    const [, namespace] = await child.waitFor(/namespace (\S+)\n/);
    expect(namespace).toBe(mine.namespace);
    expect(await child.stop()).toEqual({ code: 3, signal: null });
    expect(child.stderr).toBe('bye\n');
    await expect(child.waitFor(/never/)).rejects.toThrow('ended without writing /never/');
  });

  it('stops a well-behaved process on close without a complaint', async () => {
    const mine = await createSandbox();
    const child = mine.spawnNode(['-e', 'setInterval(() => {}, 1000); console.log("up")']);
    await child.waitFor(/up/);
    await mine.close();
    expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });
});

describe('a leak fails the test file:', () => {
  it('a database connection', async () => {
    const leaking = await sandbox(SOON);
    const client = new Client({ connectionString: leaking.databaseUrl, application_name: 'forgotten' });
    client.on('error', () => undefined);
    await client.connect();
    const leaks = await leaksOf(leaking);
    expect(leaks).toEqual([expect.stringMatching(/database connection still open: forgotten idle/)]);
    await client.end();
  });

  it('a broker connection, by its exclusive queue or by its consumer', async () => {
    const leaking = await sandbox(SOON);
    const connection = await connect(leaking.amqpUrl);
    const channel = await connection.createChannel();
    await channel.assertQueue(`${leaking.namespace}.control`, { exclusive: true });
    await channel.assertQueue(`${leaking.namespace}.run`, { durable: true });
    await channel.consume(`${leaking.namespace}.run`, () => undefined);
    const leaks = await leaksOf(leaking);
    await connection.close();
    expect([...leaks].sort()).toEqual([
      expect.stringMatching(/^exclusive queue \S+\.control is still held/),
      expect.stringMatching(/^queue \S+\.run still has 1 consumer/),
    ]);
  });

  it('a process that ignores SIGTERM, and is killed', async () => {
    const leaking = await sandbox({ ...SOON, stopTimeoutMs: 500 });
    const child = leaking.spawnNode([
      '-e',
      'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")',
    ]);
    await child.waitFor(/up/);
    const leaks = await leaksOf(leaking);
    expect(leaks).toEqual([expect.stringContaining('still runs 500 ms after SIGTERM')]);
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('a grandchild that outlives its parent', async () => {
    const leaking = await sandbox(SOON);
    const child = leaking.spawnNode([
      '-e',
      `const { spawn } = require('node:child_process');
       const grandchild = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
       console.log('grandchild', grandchild.pid);`,
    ]);
    const [, pid] = await child.waitFor(/grandchild (\d+)\n/);
    await child.kill();
    expect(isAlive(Number(pid))).toBe(true);
    const leaks = await leaksOf(leaking);
    expect(leaks).toEqual([`process ${pid} outlived its parent: sleep 600`]);
  });
});
