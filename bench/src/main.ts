import { parseArgs } from 'node:util';
import type { Benchmark, BenchmarkOptions } from './benchmark.js';
import { boot } from './benchmarks/boot.js';
import { bulk } from './benchmarks/bulk.js';
import { cancel } from './benchmarks/cancel.js';
import { floor } from './benchmarks/floor.js';
import { replay } from './benchmarks/replay.js';
import { sleepers } from './benchmarks/sleepers.js';
import { start } from './benchmarks/start.js';
import { tasks } from './benchmarks/tasks.js';
import { throughput } from './benchmarks/throughput.js';
import { waiting } from './benchmarks/waiting.js';
import { render, writeJson, type Report } from './report.js';

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  floor,
  start,
  cancel,
  throughput,
  tasks,
  replay,
  waiting,
  sleepers,
  bulk,
  boot,
};

const USAGE = `usage: pnpm bench NAME [options]

NAME              ${Object.keys(BENCHMARKS).join(' | ')}
--json FILE       also write the figures, with the facts of the machine
--count N         samples of each kind, over all rounds
--rounds N        turns of Flux and the floor (10)
--in-flight N     how many at once where there are many (256)
--seconds N       how long throughput is measured (10)
--warmup N        seconds of load before that (3)
--profile DIR     api and worker write CPU profiles there
`;

function positive(text: string, option: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${option} must be a number greater than 0`);
}

/** Runs one benchmark and undoes everything it set up, also on SIGINT and SIGTERM. */
async function run(benchmark: Benchmark, options: BenchmarkOptions): Promise<Report> {
  const undos: (() => Promise<unknown>)[] = [];
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => reject(new Error(`interrupted by ${signal}`)));
    }
  });
  try {
    return await Promise.race([benchmark(options, (undo) => undos.push(undo)), interrupted]);
  } finally {
    for (let undo = undos.pop(); undo; undo = undos.pop()) {
      await undo().catch((error: unknown) => process.stderr.write(`while cleaning up: ${String(error)}\n`));
    }
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      count: { type: 'string' },
      rounds: { type: 'string', default: '10' },
      'in-flight': { type: 'string', default: '256' },
      seconds: { type: 'string', default: '10' },
      warmup: { type: 'string', default: '3' },
      profile: { type: 'string' },
    },
  });
  const [name = '', ...rest] = positionals;
  const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (!benchmark || rest.length > 0) throw new Error(USAGE);
  const options: BenchmarkOptions = {
    rounds: positive(values.rounds, 'rounds'),
    count: values.count === undefined ? undefined : positive(values.count, 'count'),
    inFlight: positive(values['in-flight'], 'in-flight'),
    seconds: positive(values.seconds, 'seconds'),
    warmupSeconds: positive(values.warmup, 'warmup'),
    profileDir: values.profile,
  };
  const report = await run(benchmark, options);
  process.stdout.write(`${name}\n\n${render(report)}\n`);
  if (values.json !== undefined) await writeJson(values.json, name, options, report);
}

await main().catch((error: unknown) => {
  process.stderr.write(`flux bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
