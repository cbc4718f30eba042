import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDataSource, MEMORY_STATEMENTS } from '@flux/api/testing';
import { Client, type FieldDef } from 'pg';
import { spread } from './model/spread.js';
import type { Program } from './model/program.js';
import type { ChildStep } from './model/scripted-workflow.js';
import type { Trace, Traced } from './model/trace.js';
import { createSandbox, type Sandbox } from './support/sandbox.js';

/**
 * The simulation's database in memory against PostgreSQL: what random programs have it do is done again there, on the same
 * clock, and has to give the same rows and leave the same tables.
 */

const PROGRAMS = 14;

const manners = { end: 'returns', handler: false, cleanup: 'none', then: 'rethrows' } as const;
const called = (step: ChildStep['script']['steps'][number]): ChildStep => {
  return { do: 'call', script: { ...manners, steps: [step] }, onParentCancel: 'wait' };
};
/** Of what few programs have the database do. */
const RARE: Readonly<Record<string, Program>> = {
  'a caller waits while the api looks at what is waited for': {
    picks: [],
    settled: false,
    commands: [
      { do: 'start', script: { ...manners, steps: [{ do: 'busy', obeys: false }] } },
      { do: 'elapse', ms: 600 },
      { do: 'cancel', of: 0, force: false, syncMs: 1_500 },
      { do: 'elapse', ms: 1_500 },
    ],
  },
  'others have what a frozen worker owned': {
    picks: [],
    settled: false,
    commands: [
      { do: 'start', script: { ...manners, steps: [{ do: 'busy', obeys: true }] } },
      { do: 'elapse', ms: 100 },
      { do: 'freeze', place: 'owner 0' },
      { do: 'elapse', ms: 6_500 },
    ],
  },
  'the word of the end of a child is lost': {
    picks: [],
    settled: false,
    commands: [
      { do: 'start', script: { ...manners, steps: [called({ do: 'task', ms: 300, obeys: true })] } },
      { do: 'mishap', what: 'drop', to: 'child' },
      { do: 'elapse', ms: 2_500 },
    ],
  },
  'a child is cancelled with its parent': {
    picks: [],
    settled: false,
    commands: [
      { do: 'start', script: { ...manners, steps: [called({ do: 'busy', obeys: true })] } },
      { do: 'elapse', ms: 100 },
      { do: 'cancel', of: 0, force: false, syncMs: null },
      { do: 'elapse', ms: 100 },
    ],
  },
};

/** `json` and `jsonb`, as PostgreSQL numbers them. */
const JSON_TYPES = new Set([114, 3802]);

let sandbox: Sandbox;
let client: Client;

beforeAll(async () => {
  sandbox = await createSandbox();
  const dataSource = await createDataSource(sandbox.databaseUrl).initialize();
  await dataSource.runMigrations();
  await dataSource.destroy();
  client = new Client({ connectionString: sandbox.databaseUrl });
  await client.connect();
  // The statements' now() is the simulated clock.
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

it('answers and leaves what PostgreSQL does, for all that random programs have it do', async () => {
  const request = { programs: PROGRAMS, seed: 7, fixed: RARE, traced: true };
  const { traces, counterexamples } = await spread(request, 1);
  expect(counterexamples).toEqual([]);
  for (const trace of traces) {
    await client.query('TRUNCATE executions, execution_events, outbox, workers, workflows CASCADE');
    for (const step of trace.steps) await again(trace, step);
    for (const [table, rows] of Object.entries(trace.tables)) {
      const real = await client.query(`SELECT * FROM ${table}`);
      const present = rows.map((row) => like(row, real.fields));
      expect([table, inAnyOrder(real.rows.map(plain))]).toEqual([table, inAnyOrder(present)]);
    }
  }
  const asked = new Set(traces.flatMap(({ texts }) => Object.keys(texts)));
  expect(MEMORY_STATEMENTS.filter((name) => !asked.has(name))).toEqual([]);
}, 120_000);

async function again({ texts }: Trace, step: Traced): Promise<void> {
  if (step.do !== 'query') return void (await client.query(step.do));
  const { name, values, at, rows } = step;
  await client.query({
    name: 'clock',
    text: "SELECT set_config('simulated.now', $1, false)",
    values: [String(at)],
  });
  const real = await client.query({ name, text: texts[name] as string, values: values as unknown[] });
  const isOrdered = /ORDER BY [^()]*seq/.test(texts[name] as string);
  const order = isOrdered ? (all: readonly unknown[]) => all : inAnyOrder;
  expect([name, values, order(real.rows.map(plain))]).toEqual([name, values, order(rows)]);
}

/** A row of PostgreSQL as JSON has it, with times as epoch milliseconds. */
function plain(row: unknown): unknown {
  const entries = Object.entries(row as Readonly<Record<string, unknown>>);
  return Object.fromEntries(
    entries.map(([column, value]) => [column, value instanceof Date ? value.getTime() : value]),
  );
}

/** A row of the database in memory with all columns that the real one has; JSON is its text there. */
function like(row: Readonly<Record<string, unknown>>, fields: readonly FieldDef[]): unknown {
  return Object.fromEntries(
    fields.map(({ name, dataTypeID }) => {
      const value = row[name] ?? null;
      return [name, JSON_TYPES.has(dataTypeID) && value !== null ? JSON.parse(value as string) : value];
    }),
  );
}

function inAnyOrder(rows: readonly unknown[]): unknown[] {
  return [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
