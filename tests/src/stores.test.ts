import { afterAll, beforeAll } from '@jest/globals';
import { connectDatabase, postgresStores, type Database } from '@flux/api/testing';
import { describeStores } from '@flux/api/testing/store-contract';
import { Client } from 'pg';
import { createSandbox, type Sandbox } from '@flux/testing';

/** When each test begins; milliseconds since 1970. */
const BEGINNING = 1_800_000_000_000;

let sandbox: Sandbox;
let client: Client;

beforeAll(async () => {
  sandbox = await createSandbox();
  const { dataSource } = await connectDatabase(sandbox.databaseUrl);
  await dataSource.runMigrations();
  await dataSource.destroy();
  client = new Client({ connectionString: sandbox.databaseUrl });
  await client.connect();
  // The statements' now() is the test's clock.
  await client.query(`
    CREATE SCHEMA simulated;
    CREATE FUNCTION simulated.now() RETURNS timestamptz STABLE LANGUAGE sql
      AS $$ SELECT to_timestamp(current_setting('simulated.now')::float8 / 1000) $$;
    SET search_path = simulated, pg_catalog, public`);
}, 60_000);

afterAll(async () => {
  await client.end();
  await sandbox.close();
}, 60_000);

/** A database of one connection, on a clock of its own. */
function databaseAt(now: () => number): Database {
  const query = async <Row>({ text }: { readonly text: string }, values: readonly unknown[]) => {
    await client.query("SELECT set_config('simulated.now', $1, false)", [String(now())]);
    return (await client.query(text, values as unknown[])).rows as Row[];
  };
  return {
    query,
    transaction: async (work) => {
      await client.query('BEGIN');
      try {
        const result = await work({ query });
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    },
    now,
    fault: () => undefined,
    close: async () => undefined,
  };
}

describeStores('stores on PostgreSQL', async () => {
  await client.query(
    'TRUNCATE executions, execution_events, outbox, value_pieces, workers, workflows CASCADE',
  );
  let now = BEGINNING;
  return {
    stores: postgresStores(databaseAt(() => now)),
    pass: (milliseconds) => void (now += milliseconds),
  };
});
