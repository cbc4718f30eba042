import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { FluxProcess } from '@flux/testing';
import { builtWorkflows } from '../support/deployment.js';
import { Faults } from '../promises/faults.js';
import { Lab } from '../promises/lab.js';
import { count, type Figure } from '../promises/proof.js';
import { ask } from '../promises/random-cancels.js';
import { Away } from './away.js';
import { blowsOf, LEASE_MS, type OwnServers, type Thaw } from './blows.js';
import { BOUND_MS, verdictOf, type Leniency, type Wish } from './judge.js';
import { oneOf, randomFrom, type Random } from './random.js';

/** Shorter and longer than the blows. */
const GRACE_MS = [1_000, 2_000, 4_000];
const LONGEST_GRACE_MS = Math.max(...GRACE_MS);
const WORKERS = ['one', 'two', 'three'];
const LANES = 12;
const LAST_WORDS = 1_500;
const PAUSE_MS = { from: 300, to: 2_500 };
const LENIENCY = {
  usual: { mostLosses: 2, lateMs: 0 },
  starved: { mostLosses: 1, lateMs: 3_000 },
} as const satisfies Record<string, Leniency>;
const ENV = { FLUX_LEASE: `${LEASE_MS}ms`, FLUX_HEARTBEAT: '1500ms', FLUX_WORKER_CONCURRENCY: '100' };

export interface ChaosOptions {
  readonly seed: number;
  readonly seconds: number;
  /** The machine may be so busy that workers lose what they run for want of time. */
  readonly isStarved?: boolean;
  readonly servers?: OwnServers | undefined;
  log(line: string): void;
}

/** Starts an execution of any kind, and cancels it at a random moment of its life. */
async function one(lab: Lab, random: Random): Promise<Wish> {
  const executionId = randomUUID();
  const path = '/workflows/chaotic/executions';
  const graceMs = oneOf(random, GRACE_MS);
  const input = {
    where: oneOf(random, ['working', 'working', 'working', 'asleep', 'paused']),
    steps: random() < 0.5 ? 3 : 100,
    pauseMs: 10 + random() * 200,
  };
  const [momentMs, forced] = [random() ** 2 * 2_000, random() < 0.03];
  await ask(lab, 'POST', path, { executionId, input });
  // A random moment is the point, not a wait for something.
  await wait(momentMs);
  const body = forced ? { force: true } : { gracePeriod: `${graceMs}ms` };
  const answers = [await ask(lab, 'POST', `${path}/${executionId}/cancel`, body)];
  return { executionId, workflowName: 'chaotic', answers, graceMs, forced };
}

/** Cancels for so many seconds. */
async function cancelFor(seconds: number, lab: Lab, random: Random, log: (line: string) => void) {
  const until = Date.now() + seconds * 1_000;
  const wishes: Wish[] = [];
  const lane = async (): Promise<void> => {
    while (Date.now() < until) {
      wishes.push(await one(lab, random));
      if (wishes.length % 500 === 0) log(`${wishes.length} cancels`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return new Map(wishes.map((wish) => [wish.executionId, wish]));
}

/** The processes that nobody has killed and that have ended, with their last words; others take their places. */
async function replaceDead(lab: Lab): Promise<string[]> {
  const dead: FluxProcess[] = [];
  for (const [index, { process }] of lab.servers.entries()) {
    if (process.isRunning) continue;
    dead.push(process);
    lab.servers[index] = await lab.flux.startServer();
  }
  for (const [name, worker] of lab.workers) {
    if (worker.isRunning) continue;
    dead.push(worker);
    await lab.startWorker(name);
  }
  return dead.map(({ title, stdout, stderr }) => `${title}: ${`${stdout}${stderr}`.slice(-LAST_WORDS)}`);
}

/** Waits for the ends of all that was cancelled. */
async function settle(lab: Lab): Promise<void> {
  const open = 'executions WHERE cancellation IS NOT NULL AND finished_at IS NULL';
  await lab.reaches(0, open, [], LONGEST_GRACE_MS + BOUND_MS);
  await Promise.all(WORKERS.map((name) => lab.workerIs(name, 'running')));
  await lab.allEnd(LONGEST_GRACE_MS + BOUND_MS);
}

/** Cancels at random while one thing breaks after the other, waits for the ends, and tells what was wrong. */
export async function chaos({ seed, seconds, isStarved, servers, log }: ChaosOptions): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'flux-chaos-'));
  const file = join(folder, 'lines');
  writeFileSync(file, '');
  const env = { ...ENV, CHAOS_FILE: file };
  const workflows = builtWorkflows('chaos-workflows');
  const away = new Away();
  try {
    return await Lab.with(
      { replicas: 2, workers: WORKERS, env, workflows, breaksDatabase: true },
      async (lab) => {
        const thawed: Thaw[] = [];
        const faults = new Faults(lab, {
          faults: blowsOf({ servers, away, onThaw: (thaw) => thawed.push(thaw) }),
          pauseMs: (random) => PAUSE_MS.from + random() * (PAUSE_MS.to - PAUSE_MS.from),
          random: randomFrom(seed + 1),
        });
        const wishes = await cancelFor(seconds, lab, randomFrom(seed), log);
        await faults.stop();
        log(`blows: ${[...faults.counts].map(([kind, times]) => `${times} × ${kind}`).join(', ')}`);
        const dead = await replaceDead(lab);
        await settle(lab);
        const leniency = LENIENCY[isStarved ? 'starved' : 'usual'];
        const verdict = [
          ...verdictOf({ told: await lab.told(), wishes, away, thawed, file, leniency }),
          ['processes that ended by themselves', dead] as const,
        ];
        for (const [, lines] of verdict) for (const line of lines.slice(0, 5)) log(line);
        return verdict.map(([says, lines]) => count(says, lines.length));
      },
    );
  } finally {
    await away.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
