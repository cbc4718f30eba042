#!/usr/bin/env bash
# pg 8.23.1, pg-query-stream 4.17.0, postgres 3.4.9, knex 3.3.0 and typeorm 1.1.1 with PostgreSQL 15: what the server
# goes on with after each way to stop.
#
# Behaviour: a statement ends when the server is told: `statement_timeout`, `pg_cancel_backend`, `cancel()` of
# postgres, knex's timeout with `cancel`. pg takes no signal and says nothing of one. Its `query_timeout`,
# `release(true)` and knex's timeout reject, while the statement runs on to its end and commits. pg-query-stream has
# the server make a whole batch before the first row is seen. typeorm's `release()` gives a connection back with its
# transaction open: what its next user writes is in there, and lost with it.
# Why it matters: an error says "timeout" or "terminated", and the row is written a second later.
#
# Output seen:
#   pg, query with a signal: waits, then resolves; the statement goes on, its row is written
#   pg, release(true): rejects Error  'Connection terminated'; the statement goes on, its row is written
#   pg, query_timeout: rejects Error  'Query read timeout'; the statement goes on, its row is written
#   pg, statement_timeout: rejects DatabaseError 57014 'canceling statement due to statement timeout'; the statement ends, no row is written
#   pg, pg_cancel_backend: rejects DatabaseError 57014 'canceling statement due to user request'; the statement ends, no row is written
#   postgres, cancel(): rejects PostgresError 57014 'canceling statement due to user request'; the statement ends, no row is written
#   knex, timeout: rejects KnexTimeoutError  'Defined query timeout of 300ms exceeded when running query.'; the statement goes on, its row is written
#   knex, timeout with cancel: rejects KnexTimeoutError  'Defined query timeout of 300ms exceeded when running query.'; the statement ends, no row is written
#   pg-query-stream, destroy() after a row: 100 of 1000 rows were made by the server, and their effects are kept
#   typeorm, release() in a transaction: 0 rows of the two users of the connection are there
set -euo pipefail
script=$(realpath "$0")
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
[ -x "$bin/initdb" ] && [ "$(id -u)" = 0 ] || { echo 'needs root and an installed PostgreSQL: not run here'; exit 0; }
work=$(mktemp -d)
server() { runuser -u postgres -- "$bin/$1" "${@:2}" >/dev/null; }
trap 'server pg_ctl -D "$work/data" -m immediate stop || true; rm -rf "$work"' EXIT
cd "$work"
chmod 711 "$work"
mkdir data
chown postgres data
npm install --loglevel=error --no-audit --no-fund pg@8.23.1 pg-query-stream@4.17.0 postgres@3.4.9 knex@3.3.0 typeorm@1.1.1 >/dev/null
server initdb -D "$work/data" -A trust
server pg_ctl -D "$work/data" -o "-c listen_addresses= -k $work/data" -l "$work/data/log" -w start

cat >database.mjs <<'JS'
import { setTimeout as sleep } from 'node:timers/promises';
import knex from 'knex';
import pg from 'pg';
import QueryStream from 'pg-query-stream';
import postgres from 'postgres';
import { DataSource } from 'typeorm';

const host = `${process.cwd()}/data`;
const base = { host, user: 'postgres', database: 'postgres' };
const watch = new pg.Client(base);
await watch.connect();
await watch.query('create table done (what text)');
const MARK = '/* long */';
const LONG = `${MARK} with slept as (select pg_sleep(2)) insert into done select 'x' from slept`;

async function runs() {
  const { rows } = await watch.query(`select 1 from pg_stat_activity where query like '${MARK}%' and state = 'active'`);
  return rows.length > 0;
}

async function until(condition) {
  for (const end = Date.now() + 10_000; Date.now() < end && !(await condition()); ) await sleep(20);
}

/** What the promise of a statement does that is stopped, and whether the server goes on with it, and writes. */
async function stopped(name, begin) {
  await watch.query('truncate done');
  const controller = new AbortController();
  const end = begin(controller.signal).then(() => 'resolves', (error) => `rejects ${error.constructor.name} ${error.code ?? ''} '${error.message.split('\n')[0].slice(0, 60)}'`);
  await until(runs);
  controller.abort();
  const first = await Promise.race([end, sleep(500, 'waits')]);
  const on = await runs();
  const how = first === 'waits' ? `waits, then ${await Promise.race([end, sleep(4_000, 'for ever')])}` : first;
  await until(async () => !(await runs()));
  const { rows } = await watch.query('select * from done');
  console.log(`${name}: ${how}; the statement ${on ? 'goes on' : 'ends'}, ${rows.length > 0 ? 'its row is written' : 'no row is written'}`);
}

const pool = new pg.Pool(base);
pool.on('error', () => undefined);
const when = (signal, stop) => signal.addEventListener('abort', () => void Promise.resolve(stop()).catch(() => undefined));
await stopped('pg, query with a signal', (signal) => pool.query({ text: LONG, signal }));
await stopped('pg, release(true)', async (signal) => {
  const client = await pool.connect();
  client.on('error', () => undefined);
  when(signal, () => client.release(true));
  return client.query(LONG);
});
await stopped('pg, query_timeout', () => pool.query({ text: LONG, query_timeout: 300 }));
await stopped('pg, statement_timeout', async () => {
  const client = new pg.Client({ ...base, statement_timeout: 300 });
  await client.connect();
  return client.query(LONG).finally(() => client.end());
});
await stopped('pg, pg_cancel_backend', async (signal) => {
  const client = await pool.connect();
  when(signal, () => watch.query('select pg_cancel_backend($1)', [client.processID]));
  return client.query(LONG).finally(() => client.release());
});
const sql = postgres({ ...base, host, path: `${host}/.s.PGSQL.5432` });
await stopped('postgres, cancel()', async (signal) => {
  const query = sql.unsafe(LONG);
  when(signal, () => query.cancel());
  return query;
});
const db = knex({ client: 'pg', connection: base, log: { error() {}, warn() {} } });
await stopped('knex, timeout', () => db.raw(LONG).timeout(300));
await stopped('knex, timeout with cancel', () => db.raw(LONG).timeout(300, { cancel: true }));

await watch.query('create sequence pulled');
const client = await pool.connect();
const stream = client.query(new QueryStream("select nextval('pulled') from generate_series(1, 1000)", [], { batchSize: 100 }));
stream.once('data', () => stream.destroy());
await new Promise((resolve) => stream.once('close', resolve));
const next = await client.query('select last_value from pulled').then(({ rows }) => rows[0].last_value, (error) => error.message);
client.release();
console.log(`pg-query-stream, destroy() after a row: ${next} of 1000 rows were made by the server, and their effects are kept`);

const source = new DataSource({ type: 'postgres', host, username: 'postgres', database: 'postgres', extra: { max: 1 } });
await source.initialize();
await watch.query('truncate done');
const runner = source.createQueryRunner();
await runner.startTransaction();
await runner.query("insert into done values ('of the first')");
await runner.release();
await source.query("insert into done values ('of the second')");
await source.destroy();
const { rows } = await watch.query('select * from done');
console.log(`typeorm, release() in a transaction: ${rows.length} rows of the two users of the connection are there`);
process.exit();
JS
node database.mjs | tee seen
sed -n 's/^#   //p' "$script" | diff - seen || { echo 'changed: a stop leaves something else of a statement'; exit 1; }
