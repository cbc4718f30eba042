import { setTimeout as wait } from 'node:timers/promises';
import { type FluxProcess, TcpProxy } from '@flux/testing';
import type { Cell, Worker } from './cell.js';
import type { WorkerResource } from '@flux/contracts';
import type { Deployment } from '../support/deployment.js';
import type { Play, Played } from './play.js';

/** Starts a worker of the given name that has the workflows of the audience. */
export type StartWorker = (
  name: string,
  audience: Worker,
  extraEnv?: NodeJS.ProcessEnv,
) => Promise<FluxProcess>;

/** The means that a group needs of the matrix that it is played in. */
export interface MatrixStage {
  readonly flux: Deployment;
  stage(cell: Cell): Promise<Play>;
  cancel(cell: Cell, play: Play): Promise<Played>;
  keep(cell: Cell, played: Promise<Played>): Promise<Played>;
  workerIs(name: string, state: WorkerResource['state']): Promise<void>;
}

interface Staged {
  readonly cell: Cell;
  readonly play: Play;
}

const ROUNDS = 8;
/** The round from which on it is taken as it comes that an owner is lost after the blow. */
const ROUGH_ROUND = 4;
/** The number of owners that each execution of a group is about to lose. */
const EXPECTED_LOSSES: Partial<Record<Worker, number>> = { dying: 1, freezing: 1, stranded: 1 };
/** Longer than the grace period of what runs there. */
const OUTAGE_MS = 2_500;

/** All that a worker runs stands at its moment; then the worker comes to grief, and the cancels come. */
export class DoomedGroup {
  #proxy: TcpProxy | undefined;
  #worker: FluxProcess | undefined;

  constructor(
    private readonly matrix: MatrixStage,
    private readonly name: Worker,
    private readonly start: StartWorker,
  ) {}

  /**
   * Plays the cells. All of them are played again where their worker was lost for want of time, as on a busy machine.
   */
  async play(cells: readonly Cell[]): Promise<void> {
    const proxied = await this.#link();
    for (let round = 1; ; round += 1) {
      this.#worker = await this.start(this.name, this.name, proxied);
      const staged = await Promise.all(
        cells.map(async (cell): Promise<Staged> => {
          const play = await this.matrix.stage(cell);
          const reached = await cell.reach(play).then(
            () => true,
            (error: unknown) => error as Error,
          );
          if (reached instanceof Error && (await play.losses()) === 0) throw reached;
          return { cell, play };
        }),
      );
      const expected = EXPECTED_LOSSES[this.name] ?? 0;
      const heir =
        expected > 0 && this.name !== 'stranded'
          ? await this.start(`${this.name}-heir`, this.name)
          : undefined;
      const calm = (await losses(staged)).every((count) => count === 0);
      if (calm) await this.#strike();
      const playing = staged.map(({ cell, play }) =>
        calm ? this.matrix.cancel(cell, play) : play.dismiss(),
      );
      await Promise.allSettled(playing);
      const lost = (await losses(staged)).map((count) => count > expected);
      if (round === ROUNDS || (calm && (round >= ROUGH_ROUND || !lost.includes(true)))) {
        staged.forEach(({ cell }, index) => {
          void this.matrix.keep(cell, played(playing[index], calm && lost[index]));
        });
        return this.#after();
      }
      await this.#end();
      await heir?.stop();
    }
  }

  async close(): Promise<void> {
    await this.#end();
    await this.#proxy?.stop();
  }

  async #link(): Promise<NodeJS.ProcessEnv> {
    if (this.name !== 'reconnecting' && this.name !== 'stranded') return {};
    this.#proxy = new TcpProxy(this.matrix.flux.sandbox.amqpUrl);
    return { FLUX_AMQP_URL: await this.#proxy.start() };
  }

  async #strike(): Promise<void> {
    const { pid } = this.#worker ?? {};
    if (pid === undefined) return;
    switch (this.name) {
      case 'freezing':
        process.kill(pid, 'SIGSTOP');
        break;
      case 'draining':
        process.kill(pid, 'SIGTERM');
        await this.matrix.workerIs(this.name, 'draining');
        break;
      case 'reconnecting':
        await this.#proxy?.cut();
        break;
      case 'stranded':
        await this.#proxy?.stop();
        void wait(OUTAGE_MS).then(() => this.#proxy?.start());
        break;
      default:
        await this.#worker?.kill();
    }
  }

  /** The frozen worker comes back to a world that has gone on without it. */
  async #after(): Promise<void> {
    if (this.name !== 'freezing' || !this.#worker) return;
    process.kill(this.#worker.pid, 'SIGCONT');
    await this.matrix.workerIs(this.name, 'running');
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    if (!worker?.isRunning) return;
    process.kill(worker.pid, 'SIGCONT');
    await worker.stop();
  }
}

const losses = (staged: readonly Staged[]): Promise<number[]> =>
  Promise.all(staged.map(({ play }) => play.losses()));

async function played(playing: Promise<Played | void> | undefined, lost = false): Promise<Played> {
  const how = await playing;
  if (how === undefined) throw new Error('its worker was lost before its time, again and again');
  return { ...how, lost };
}
