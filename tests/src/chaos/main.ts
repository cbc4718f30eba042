import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { inColumns, machineFacts, startOwnPostgres, startOwnRabbit } from '@flux/testing';
import { isKept } from '../promises/proof.js';
import { chaos } from './chaos.js';

const USAGE = `usage: npm run test:chaos -- [options]

Cancels executions at random moments while workers are killed and frozen, apis killed, and the broker and the database
cut off and restarted, on servers of its own. Ends with what was wrong; exits 1 if anything was.

--seconds N    how long (600)
--seed N       of the choices, as an earlier run has named it
--json FILE    also write the figures, with the facts of the machine
`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '600' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const [seed, seconds] = [Number(values.seed), Number(values.seconds)];
  say(`flux chaos: ${seconds} s from seed ${seed}`);
  const [database, broker] = await Promise.all([startOwnPostgres(), startOwnRabbit()]);
  process.env.FLUX_TEST_DATABASE_URL = database.databaseUrl;
  process.env.FLUX_TEST_AMQP_URL = broker.amqpUrl;
  process.env.FLUX_TEST_AMQP_MANAGEMENT_URL = broker.managementUrl;
  try {
    const servers = { databaseUrl: database.databaseUrl, ctl: broker.ctl };
    const figures = await chaos({ seed, seconds, servers, log: (line) => say(`   ${line}`) });
    const rows = figures.map((figure) => [isKept(figure) ? '' : 'BROKEN', String(figure.value), figure.says]);
    for (const line of inColumns(rows, [1])) say(line);
    if (values.json !== undefined) {
      const json = { at: new Date().toISOString(), seed, seconds, machine: machineFacts(), figures };
      await writeFile(values.json, `${JSON.stringify(json, null, 2)}\n`);
    }
    return figures.every(isKept) ? 0 : 1;
  } finally {
    await Promise.all([database.stop(), broker.stop()]);
  }
}

process.exitCode = await main();
