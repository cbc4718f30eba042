import { writeFile } from 'node:fs/promises';
import { arch, cpus, platform, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { ensureServers } from '../support/servers.js';
import { isKept, scaleOf, type Figure, type Proof } from './proof.js';
import { PROOFS } from './proofs.js';

const USAGE = `usage: npm run test:promises -- [options]

Puts the eleven promises to the test at full size. Ends with the table; exits 1 when one is not kept.

--only N,N     these promises alone
--small        each at a small size, two minutes in all
--json FILE    also write the figures, with the facts of the machine
`;

interface Result {
  readonly proof: Proof;
  readonly figures: readonly Figure[];
  readonly seconds: number;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const spoken = ({ value, unit }: Figure): string => [value.toLocaleString('en'), unit].join(' ').trim();
const spokenBound = ({ bound, unit }: Figure): string =>
  unit === '' ? String(bound) : `≤ ${bound.toLocaleString('en')} ${unit}`;

async function prove(proof: Proof, full: boolean): Promise<Result> {
  say(`\n${proof.number}. ${proof.promise}`);
  const began = performance.now();
  let figures: Figure[];
  try {
    figures = await proof.play(scaleOf(full, (line) => say(`   ${line}`)));
  } catch (error) {
    say(`   ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    figures = [{ says: 'could not be put to the test', value: 1, bound: 0, unit: '' }];
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  say(`   ${seconds} s`);
  return { proof, figures, seconds };
}

function table(results: readonly Result[]): string[] {
  const rows = results.flatMap(({ proof, figures }) =>
    figures.map((figure, index) => [
      index === 0 ? `${proof.number}. ${proof.promise}` : '',
      figure.says,
      spoken(figure),
      spokenBound(figure),
      isKept(figure) ? '' : 'BROKEN',
    ]),
  );
  const all = [['promise', '', 'figure', 'bound', ''], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) =>
        column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

async function writeResults(file: string, full: boolean, results: readonly Result[]): Promise<void> {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${platform()} ${arch()}`,
    node: process.version,
  };
  const promises = results.map(({ proof, figures, seconds }) => ({
    ...{ number: proof.number, promise: proof.promise, seconds },
    figures: figures.map((figure) => ({ ...figure, kept: isKept(figure) })),
  }));
  const json = { at: new Date().toISOString(), size: full ? 'full' : 'small', machine, promises };
  await writeFile(file, `${JSON.stringify(json, null, 2)}\n`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      small: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const only = values.only?.split(',').map(Number);
  const proofs = PROOFS.filter(({ number }) => only?.includes(number) ?? true);
  const servers = await ensureServers();
  process.env.FLUX_TEST_DATABASE_URL = servers.databaseUrl;
  process.env.FLUX_TEST_AMQP_URL = servers.amqpUrl;
  process.env.FLUX_TEST_AMQP_MANAGEMENT_URL = servers.managementUrl ?? '';
  try {
    const results: Result[] = [];
    for (const proof of proofs) results.push(await prove(proof, !values.small));
    if (values.json !== undefined) await writeResults(values.json, !values.small, results);
    say('');
    for (const line of table(results)) say(line);
    return results.length > 0 && results.every(({ figures }) => figures.every(isKept)) ? 0 : 1;
  } finally {
    await servers.stop();
  }
}

process.exitCode = await main();
