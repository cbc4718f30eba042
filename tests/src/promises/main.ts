import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ensureServers, inColumns, machineFacts } from '@flux/testing';
import { isKept, scaleOf, type Figure, type Proof } from './proof.js';
import { PROOFS } from './proofs.js';

const USAGE = `usage: npm run test:promises -- [options]

Puts the twelve promises to the test at full size. Ends with the table; exits 1 when one is not kept.

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
  return inColumns(all, [2]);
}

async function writeResults(file: string, full: boolean, results: readonly Result[]): Promise<void> {
  const promises = results.map(({ proof, figures, seconds }) => ({
    number: proof.number,
    promise: proof.promise,
    seconds,
    figures: figures.map((figure) => ({ ...figure, kept: isKept(figure) })),
  }));
  const size = full ? 'full' : 'small';
  const json = { at: new Date().toISOString(), size, machine: machineFacts(), promises };
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
