import { setTimeout as wait } from 'node:timers/promises';
import type { Lab } from './lab.js';

/** The faults that can happen to a deployment. Each leaves the deployment whole again. */
type Fault = (lab: Lab) => Promise<void>;

const anyWorker = (lab: Lab): string => {
  const names = [...lab.workers.keys()];
  return names[Math.floor(Math.random() * names.length)]!;
};

async function kill(lab: Lab): Promise<void> {
  const name = anyWorker(lab);
  await lab.workers.get(name)?.kill();
  await lab.startWorker(name);
}

/** The freeze is shorter than a lease: the worker comes back to what is still its own. */
async function freeze(lab: Lab): Promise<void> {
  const { pid } = lab.workers.get(anyWorker(lab))!;
  process.kill(pid, 'SIGSTOP');
  await wait(500 + Math.random() * 2_000);
  process.kill(pid, 'SIGCONT');
}

/** The frozen worker is found dead only by its lease. */
async function freezeForGood(lab: Lab): Promise<void> {
  const name = anyWorker(lab);
  const worker = lab.workers.get(name)!;
  process.kill(worker.pid, 'SIGSTOP');
  await lab.startWorker(name);
  await wait(8_000);
  await worker.kill();
}

const restartApi: Fault = (lab) =>
  lab.restartServer(Math.floor(Math.random() * lab.servers.length), 'SIGKILL');
const cut: Fault = (lab) => lab.proxy.cut();

async function outage(lab: Lab): Promise<void> {
  await lab.proxy.stop();
  await wait(1_500);
  await lab.proxy.start();
}

const FAULTS: Readonly<Record<string, Fault>> = { kill, freeze, freezeForGood, restartApi, cut, outage };

/** Breaks one thing after the other, in random order, all kinds equally often, until it is told to stop. */
export class Faults {
  readonly counts = new Map<string, number>();
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(
    private readonly lab: Lab,
    /** The pause between the end of a fault and the next one. */
    private readonly pauseMs: number,
    private readonly kinds: readonly string[] = Object.keys(FAULTS),
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
    for (let hand: string[] = []; !this.#stopped; await wait(this.pauseMs)) {
      if (hand.length === 0) hand = [...this.kinds].sort(() => Math.random() - 0.5);
      const kind = hand.pop()!;
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
      await FAULTS[kind]?.(this.lab);
    }
  }
}
