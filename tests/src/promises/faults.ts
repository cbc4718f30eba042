import { setTimeout as wait } from 'node:timers/promises';
import type { Lab } from './lab.js';

/** A fault that can happen to a deployment, and leaves it whole again. `random` gives numbers from 0 to below 1. */
export type Fault = (lab: Lab, random: () => number) => Promise<void>;

const anyWorker = (lab: Lab, random: () => number): string => {
  const names = [...lab.workers.keys()];
  return names[Math.floor(random() * names.length)]!;
};

async function kill(lab: Lab, random: () => number): Promise<void> {
  const name = anyWorker(lab, random);
  await lab.workers.get(name)?.kill();
  await lab.startWorker(name);
}

/** The freeze is shorter than a lease: the worker comes back to what is still its own. */
async function freeze(lab: Lab, random: () => number): Promise<void> {
  const { pid } = lab.workers.get(anyWorker(lab, random))!;
  process.kill(pid, 'SIGSTOP');
  await wait(500 + random() * 2_000);
  process.kill(pid, 'SIGCONT');
}

/** The frozen worker is found dead only by its lease. */
async function freezeForGood(lab: Lab, random: () => number): Promise<void> {
  const name = anyWorker(lab, random);
  const worker = lab.workers.get(name)!;
  process.kill(worker.pid, 'SIGSTOP');
  await lab.startWorker(name);
  await wait(8_000);
  await worker.kill();
}

const restartApi: Fault = (lab, random) =>
  lab.restartServer(Math.floor(random() * lab.servers.length), 'SIGKILL');
const cut: Fault = (lab) => lab.proxy.cut();

async function outage(lab: Lab): Promise<void> {
  await lab.proxy.stop();
  await wait(1_500);
  await lab.proxy.start();
}

export const FAULTS = { kill, freeze, freezeForGood, restartApi, cut, outage } as const;

interface FaultsOptions {
  readonly faults: Readonly<Record<string, Fault>>;
  /** The pause between the end of a fault and the next one. */
  readonly pauseMs: (random: () => number) => number;
  readonly random?: () => number;
}

/** Breaks one thing after the other, in random order, all kinds equally often, until it is told to stop. */
export class Faults {
  readonly counts = new Map<string, number>();
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(
    private readonly lab: Lab,
    private readonly options: FaultsOptions,
  ) {
    this.#done = this.#run();
    this.#done.catch(() => undefined);
  }

  /** Resolves once what is broken is whole again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    const { faults, pauseMs, random = Math.random } = this.options;
    for (let hand: string[] = []; !this.#stopped; await wait(pauseMs(random))) {
      if (hand.length === 0) hand = shuffled(Object.keys(faults), random);
      const kind = hand.pop()!;
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
      await faults[kind]?.(this.lab, random);
    }
  }
}

/** In any order, each as likely. */
function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const ranked = items.map((item) => [random(), item] as const);
  return ranked.sort(([one], [other]) => one - other).map(([, item]) => item);
}
