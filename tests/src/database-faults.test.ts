import { describe, expect, it } from '@jest/globals';
import { createLogger } from '@flux/api';
import type { ExecutionResource } from '@flux/contracts';
import { createMemoryBroker } from '@flux/messaging';
import { queryOnce, until, withClient } from '@flux/testing';
import { usePlayedApi } from './support/played-api.js';
import { finished, taskCompleted } from './support/played-worker.js';

/** The api on a PostgreSQL that cannot do its work. */

const broker = createMemoryBroker();
const log: { readonly level: number; readonly msg: string }[] = [];
const logger = createLogger('warn', { write: (line) => log.push(JSON.parse(line) as (typeof log)[0]) });
const played = usePlayedApi({ namespace: 'faults', broker, logger });
const { rest, worker } = played;

const body = (answer: { body: unknown }): ExecutionResource => answer.body as ExecutionResource;

describe('a database that is down', () => {
  it('is told to callers, and waited for by checkpoints', async () => {
    const grant = await worker.claim(await rest.start('plain'));
    const ref = { workflowName: 'plain', executionId: grant.executionId };
    await withDatabaseDown(async () => {
      await worker.checkpoint(grant, [finished('completed', false)]);
      expect(await rest.cancel(ref)).toMatchObject({ status: 503, body: { code: 'DATABASE_UNAVAILABLE' } });
    });
    await completed(ref.executionId);
  });
});

describe('a database that takes no writes', () => {
  it.each([
    ['is read-only', '25006', /read-only/],
    ['has a full disk', '53100', /no room left/],
    ['has no memory', '53200', /cannot do it now/],
    ['has its rights taken away', '42501', /refuses the user/],
  ])(
    "since it %s: 503, not ready, and no checkpoint is given up (elsewhere: a failover to a read-only standby is taken for the message's fault)",
    async (_what, sqlState, why) => {
      const grant = await worker.claim(await rest.start('plain'));
      const path = `/workflows/plain/executions`;
      const refused = {
        status: 503,
        body: { code: 'DATABASE_UNAVAILABLE', detail: expect.stringMatching(why), sqlState },
      };
      log.length = 0;
      await withWritesRefused(sqlState, async () => {
        for (const [index, callId] of ['a#0', 'b#0', 'c#0'].entries()) {
          await worker.checkpoint(grant, [taskCompleted(callId, index)]);
        }
        await worker.checkpoint(grant, [finished('completed', false)]);
        for (const asked of [path, `${path}/${grant.executionId}/cancel`]) {
          const answer = await rest.request('POST', asked, { body: {} });
          expect(answer).toMatchObject(refused);
          expect(answer.headers.get('retry-after')).toBe('1');
        }
        expect(await rest.request('GET', '/health/ready')).toMatchObject({
          status: 503,
          body: { reasons: { database: expect.stringMatching(why) } },
        });
        expect((await rest.request('GET', '/metrics')).body).toContain('flux_database_up 0');
        // What reads goes on.
        expect((await rest.status('plain', grant.executionId)).state).toBe('RUNNING');
      });
      const types = await completed(grant.executionId);
      expect(types.filter((type) => type === 'task_completed')).toHaveLength(3);
      // Many statements have failed: the first one tells it, unless the outage before was not over yet.
      const told = log.filter(({ msg }) => msg.endsWith('work waits until that is over'));
      expect(told.length).toBeLessThanOrEqual(1);
      const waited = log.filter(({ msg }) => msg === 'checkpoints wait for the database');
      expect([...told, ...waited]).toEqual(log);
    },
    60_000,
  );
});

describe('a lease that no database could renew', () => {
  it('is vouched for, unless the worker was asked by an api that can write', async () => {
    const asked = await withWritesRefused('25006', async () => {
      expect(await worker.heartbeat([], false)).toMatchObject({ known: true, vouchedMs: 3_000 });
      return { answer: worker.heartbeat([], true) };
    });
    const answer = await asked.answer;
    expect([answer.known, answer.vouchedMs]).toEqual([true, undefined]);
  });

  it('is vouched for while the database does not answer at all', async () => {
    await withClient(played.sandbox.databaseUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('LOCK TABLE workers');
      expect(await worker.heartbeat([], false)).toMatchObject({ known: true, vouchedMs: 3_000 });
      await client.query('ROLLBACK');
    });
  });

  it('is not found run out before the worker was asked', async () => {
    const asks = () => worker.heard.filter(({ body }) => (body as { asks?: boolean }).asks);
    const seen = asks().length;
    // A heartbeat comes every second.
    await until('being asked', async () => {
      await played.sandbox.query("UPDATE workers SET lease_until = now() - interval '1 minute'");
      return asks().length > seen;
    });
    expect(await worker.heartbeat([], true)).toMatchObject({ known: true });
    const left = 'SELECT state, asked_at, lease_until > now() AS renewed FROM workers';
    expect(await played.sandbox.query(left)).toEqual([{ state: 'running', asked_at: null, renewed: true }]);
  });
});

describe('a database that is slow to read', () => {
  it('has a connection left for what workers and operators need: many readers do not take them all', async () => {
    const { executionId } = await rest.start('plain');
    const path = `/workflows/plain/executions/${executionId}/events`;
    const ready = () => rest.request('GET', '/health/ready');
    await until('a database that is up', async () => (await ready()).status === 200);
    let reads: Promise<unknown>[] = [];
    await withClient(played.sandbox.databaseUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('LOCK TABLE execution_events IN ACCESS EXCLUSIVE MODE');
      reads = Array.from({ length: 40 }, () => rest.request('GET', path));
      const waiting = `
        SELECT count(*)::int AS count FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
        WHERE NOT l.granted AND c.relname = 'execution_events'`;
      await until('that readers wait', async () => (await client.query(waiting)).rows[0].count >= 8);
      for (let times = 0; times < 3; times += 1) {
        expect(await ready()).toMatchObject({ status: 200 });
      }
      expect((await client.query(waiting)).rows[0].count).toBeGreaterThan(0);
      await client.query('ROLLBACK');
    });
    for (const answer of await Promise.all(reads)) expect(answer).toMatchObject({ status: 200 });
  }, 30_000);
});

/** Resolves with the types of its history once it is COMPLETED, without a letter that is dead. */
async function completed(executionId: string): Promise<string[]> {
  const path = `/workflows/plain/executions/${executionId}`;
  await until('its end', async () => body(await rest.request('GET', path)).state === 'COMPLETED');
  expect(broker.deadLetters()).toEqual([]);
  const done = await rest.expectLegal(await rest.status('plain', executionId));
  return rest.typesOf(done);
}

/** Runs statements on the server of the sandbox, which may be about its database `name`. */
async function onServer(...statements: ((name: string) => string)[]): Promise<void> {
  const url = new URL(played.sandbox.databaseUrl);
  const name = url.pathname.slice(1);
  url.pathname = '/postgres';
  for (const statement of statements) await queryOnce(url.href, statement(name));
}

const endSessions = (name: string): string =>
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND application_name = 'flux-api'`;

/** Refuses the api's connections while `work` runs. */
async function withDatabaseDown(work: () => Promise<void>): Promise<void> {
  const allow = (yes: boolean) => (name: string) => `ALTER DATABASE ${name} ALLOW_CONNECTIONS ${yes}`;
  try {
    await onServer(allow(false), endSessions);
    await work();
  } finally {
    await onServer(allow(true));
  }
}

/** Refuses what the api writes to its executions with `sqlState` while `work` runs; a standby refuses all writes. */
async function withWritesRefused<T>(sqlState: string, work: () => Promise<T>): Promise<T> {
  if (sqlState === '25006') {
    const readOnly = (to: string) => (name: string) =>
      `ALTER DATABASE ${name} SET default_transaction_read_only = ${to}`;
    try {
      await onServer(readOnly('on'), endSessions);
      return await work();
    } finally {
      await onServer(readOnly('off'), endSessions);
    }
  }
  const { sandbox } = played;
  await sandbox.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '${sqlState}'; END $$`);
  await sandbox.query(
    'CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON executions EXECUTE FUNCTION refuse()',
  );
  try {
    return await work();
  } finally {
    await sandbox.query('DROP FUNCTION refuse CASCADE');
  }
}
