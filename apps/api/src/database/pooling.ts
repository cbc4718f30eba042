import pg, { type Client } from 'pg';

/**
 * The pooler between the api and PostgreSQL: `none`, one that gives each connection a session of the server for as long
 * as it stands, or one that gives each transaction another session. With the last, what a session knows is lost: its
 * settings, its locks, the statements that it has prepared.
 */
export type Pooling = 'none' | 'session' | 'transaction';

/** A pooler that is busy may give back the same session by chance. */
const ROUNDS = 5;

/**
 * Asks the database which it is, on two connections of its own.
 * @throws the error of pg
 */
export async function findPooling(databaseUrl: string): Promise<Pooling> {
  const [one, other] = [clientOf(databaseUrl), clientOf(databaseUrl)];
  try {
    await one.connect();
    // A pooler cancels queries itself, so it tells another process id than the server's.
    if ((await pidOf(one)) === (one as Client & { readonly processID: number }).processID) return 'none';
    await other.connect();
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = await pidOf(one);
      await other.query('BEGIN');
      const taken = await pidOf(other);
      const after = await pidOf(one);
      await other.query('ROLLBACK');
      if (taken === before || after !== before) return 'transaction';
    }
    return 'session';
  } finally {
    await Promise.allSettled([one.end(), other.end()]);
  }
}

function clientOf(connectionString: string): Client {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000, query_timeout: 20_000 });
  // A broken connection shows at the next query.
  client.on('error', () => undefined);
  return client;
}

async function pidOf(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid;
}
