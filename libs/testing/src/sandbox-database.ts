import { Client, Pool, type ClientConfig } from 'pg';
import { leftAfter } from './wait.js';

/** A database of a test file's own. */
export class SandboxDatabase {
  readonly url: string;
  private readonly pool: Pool;

  private constructor(
    private readonly serverUrl: string,
    private readonly name: string,
  ) {
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    this.url = url.href;
    this.pool = new Pool({ connectionString: this.url, max: 4 });
    // Tests stop and restart what they like; a broken idle connection is made anew.
    this.pool.on('error', () => undefined);
  }

  /** `name` must be a plain identifier: it is not quoted. */
  static async create(serverUrl: string, name: string): Promise<SandboxDatabase> {
    await withClient(serverUrl, (client) => client.query(`CREATE DATABASE ${name}`));
    return new SandboxDatabase(serverUrl, name);
  }

  async query<Row extends object>(sql: string, params: readonly unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(sql, [...params])).rows;
  }

  /** Drops the database. Returns a line for each foreign connection that is still open `settleMs` after the call. */
  async drop(settleMs: number): Promise<string[]> {
    await this.pool.end();
    return withClient(this.serverUrl, async (client) => {
      const leaks = await leftAfter(settleMs, () => this.connections(client));
      await client.query(`DROP DATABASE ${this.name} WITH (FORCE)`);
      return leaks;
    });
  }

  private async connections(client: Client): Promise<string[]> {
    const { rows } = await client.query<{ application: string; state: string; query: string }>(
      `SELECT application_name AS application, coalesce(state, '') AS state, left(query, 200) AS query
         FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`,
      [this.name],
    );
    return rows.map((row) => `database connection still open: ${row.application} ${row.state}: ${row.query}`);
  }
}

/** Runs `use` with a connection of its own. */
export async function withClient<T>(
  url: string | ClientConfig,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client(url);
  // A broken connection shows at the next query.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end();
  }
}

/** The rows of one query. */
export const queryOnce = <Row extends object>(url: string, sql: string): Promise<Row[]> =>
  withClient(url, async (client) => (await client.query<Row>(sql)).rows);
