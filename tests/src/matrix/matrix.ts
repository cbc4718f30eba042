import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { WorkerResource } from '@flux/contracts';
import { until } from '@flux/testing';
import { builtWorkflows, deploy, type Deployment } from '../support/deployment.js';
import { MachinePace } from '../support/machine-pace.js';
import type { Answer } from '../support/rest.js';
import { RowLock } from '../support/row-lock.js';
import { GRACE_MS, LEASE_MS, type Cell } from './cell.js';
import { DOOMED_CELLS } from './doomed-cells.js';
import { DoomedGroup, type MatrixStage, type StartWorker } from './doomed-group.js';
import { KILLED_CELLS } from './killed-cells.js';
import { ENDING_CELLS, type LockedCell } from './locked-cells.js';
import { Play, type Played } from './play.js';
import { CLAIMED_CELLS, QUEUED_CELLS, RESUMED_CELL } from './queued-cells.js';
import { STEADY_CELLS } from './steady-cells.js';

const WORKFLOWS = builtWorkflows('matrix-workflows');
/** A worker that gets no time on a busy machine is taken for lost, as it should be: then the cell is played again. */
const ROUNDS = 8;

export const CELLS: readonly Cell[] = [
  ...STEADY_CELLS,
  ...ENDING_CELLS,
  ...QUEUED_CELLS,
  RESUMED_CELL,
  ...CLAIMED_CELLS,
  ...KILLED_CELLS,
  ...DOOMED_CELLS,
];

/** Plays all cells side by side in one deployment; those that would disturb others have workers of their own. */
export class Matrix implements MatrixStage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flux-matrix-'));
  readonly #played = new Map<string, Promise<Played>>();
  readonly #plays: Play[] = [];
  readonly #children: Play[] = [];
  readonly #groups: DoomedGroup[] = [];
  #over: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly flux: Deployment,
    readonly pace: MachinePace,
  ) {}

  /** Deploys and begins all cells. */
  static async begin(): Promise<Matrix> {
    const env = {
      FLUX_GRACE_PERIOD: `${GRACE_MS}ms`,
      FLUX_LEASE: `${LEASE_MS}ms`,
      FLUX_HEARTBEAT: '2s',
      FLUX_WORKER_RUNNERS: '1',
    };
    const flux = await deploy([], env, { workflows: WORKFLOWS, startMs: 120_000 });
    const matrix = new Matrix(flux, await MachinePace.begin(flux.sandbox.databaseUrl));
    matrix.#start();
    return matrix;
  }

  #start(): void {
    // The workers start a few at a time: on a small machine they would only keep each other from their start.
    const lanes = [Promise.resolve(), Promise.resolve()];
    const start: StartWorker = (name, audience, extraEnv = {}) => {
      const started = (lanes.shift() ?? Promise.resolve()).then(() =>
        this.flux.startWorker(name, { TEST_MOMENTS: audience, ...extraEnv }),
      );
      lanes.push(
        started.then(
          () => undefined,
          () => undefined,
        ),
      );
      return started;
    };
    const plays = [
      ...this.#doom(start),
      start('steady', 'steady').then(() => this.#steady()),
      start('queued', 'queued', { FLUX_WORKER_CONCURRENCY: '1' }).then(() => this.#queued()),
      start('killed', 'killed').then(() => this.#inTurn(KILLED_CELLS)),
    ];
    this.#over = Promise.allSettled(plays);
    for (const each of plays) each.catch((error: unknown) => this.#failRest(error as Error));
  }

  /** Resolves with how the cell went. */
  async played(cell: Cell): Promise<Played> {
    let over = false;
    void this.#over.then(() => (over = true));
    for (;;) {
      const played = this.#played.get(cell.name);
      if (played) return played;
      if (over) throw new Error(`the cell '${cell.name}' was not played`);
      await wait(20);
    }
  }

  /** Every execution there was, those of cells that had to be played again too, once all is over. */
  async plays(): Promise<readonly Play[]> {
    await this.#over;
    const began = await Promise.all(this.#children.map((child) => child.began()));
    return [...this.#plays, ...this.#children.filter((_, index) => began[index])];
  }

  async workerIs(name: string, state: WorkerResource['state']): Promise<void> {
    const isThat = async (): Promise<boolean> =>
      (await this.flux.rest.workers()).some((worker) => worker.name === name && worker.state === state);
    await until(`worker ${name} to be ${state}`, isThat, 30_000, 100);
  }

  async close(): Promise<void> {
    await this.#over;
    await Promise.all([...this.#groups.map((group) => group.close()), this.pace.close()]);
    await this.flux.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Starts the execution of a cell. */
  async stage({ worker, moment, cleanupWaits, child }: Cell): Promise<Play> {
    const play = new Play(this.flux.rest, this.#folder, worker);
    this.#plays.push(play);
    if (child) this.#children.push(play.child);
    await play.start(moment, cleanupWaits);
    return play;
  }

  /** Cancels the execution, and resolves with how it ended. */
  async cancel(cell: Cell, play: Play): Promise<Played> {
    expect(await play.cancel(cell.request)).toMatchObject({ status: cell.answer });
    await cell.meanwhile?.(play);
    return play.played();
  }

  keep(cell: Cell, played: Promise<Played>): Promise<Played> {
    played.catch(() => undefined);
    this.#played.set(cell.name, played);
    return played;
  }

  #failRest(error: Error): void {
    for (const cell of CELLS) if (!this.#played.has(cell.name)) void this.keep(cell, Promise.reject(error));
  }

  /** Plays a cell until its worker was there all the while; `before` comes before it is started. */
  #play(cell: Cell, act: (play: Play) => Promise<Played>, before?: () => Promise<void>): Promise<Played> {
    const once = async (): Promise<Played> => {
      for (let round = 1; ; round += 1) {
        await before?.();
        const play = await this.stage(cell);
        const played = await act(play).catch((error: unknown) => error as Error);
        if (round < ROUNDS && (await play.losses()) > (cell.losses ?? 0)) {
          await play.dismiss();
          continue;
        }
        if (played instanceof Error) throw played;
        return played;
      }
    };
    return this.keep(cell, once());
  }

  #act(cell: Cell): Promise<Played> {
    return this.#play(cell, async (play) => {
      await cell.reach(play);
      return this.cancel(cell, play);
    });
  }

  async #inTurn(cells: readonly Cell[]): Promise<void> {
    for (const cell of cells) await this.#act(cell).catch(() => undefined);
  }

  async #steady(): Promise<void> {
    const playing = STEADY_CELLS.map((cell) => this.#act(cell));
    for (const cell of ENDING_CELLS) {
      const meets = this.#play(cell, async (play) => {
        await cell.reach(play);
        return this.#meet(cell, play, () => play.open('go'));
      });
      await meets.catch(() => undefined);
    }
    await Promise.allSettled(playing);
  }

  /** The cancel and what `other` sets off are written at the same moment, in the cell's order. */
  async #meet(cell: LockedCell, play: Play, other: () => void): Promise<Played> {
    const lock = await RowLock.take(this.flux.sandbox.databaseUrl, play.executionId);
    let answer: Promise<Answer> | undefined;
    try {
      if (cell.first === 'other') other();
      else answer = play.cancel();
      await lock.waiting(1);
      if (cell.first === 'other') answer = play.cancel();
      else other();
      await lock.waiting(2);
    } finally {
      await lock.release();
    }
    expect(await answer).toMatchObject({ status: cell.answer });
    return play.played();
  }

  /** The one place of its worker is taken while these wait for it. */
  async #queued(): Promise<void> {
    await this.#play(RESUMED_CELL, async (play) => {
      await play.state('PAUSED');
      const holder = await this.#hold();
      if (!this.#played.has(QUEUED_CELLS[0]?.name ?? '')) {
        await Promise.allSettled(QUEUED_CELLS.map((cell) => this.#act(cell)));
      }
      await play.post('resume');
      await RESUMED_CELL.reach(play);
      const played = this.cancel(RESUMED_CELL, play);
      await play.answered();
      holder.open('go');
      return played;
    }).catch(() => undefined);
    for (const cell of CLAIMED_CELLS) {
      let holder: Play | undefined;
      const hold = async (): Promise<void> => void (holder = await this.#hold());
      const claimed = this.#play(
        cell,
        async (play) => {
          await cell.reach(play);
          return this.#meet(cell, play, () => holder?.open('go'));
        },
        hold,
      );
      await claimed.catch(() => undefined);
    }
  }

  async #hold(): Promise<Play> {
    const holder = new Play(this.flux.rest, this.#folder, 'queued');
    this.#plays.push(holder);
    await holder.start('in a task');
    await holder.marked('task begins');
    return holder;
  }

  #doom(start: StartWorker): Promise<void>[] {
    const names = new Set(DOOMED_CELLS.map(({ worker }) => worker));
    return [...names].map((name) => {
      const group = new DoomedGroup(this, name, start);
      this.#groups.push(group);
      return group.play(DOOMED_CELLS.filter(({ worker }) => worker === name));
    });
  }
}
