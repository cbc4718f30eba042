import { setTimeout as wait } from 'node:timers/promises';
import {
  executionResource,
  type EventResource,
  pageOf,
  type ExecutionResource,
  type HistoryEvent,
  type HistoryEventType,
} from '@flux/contracts';
import { type FluxProcess, TcpProxy, until } from '@flux/testing';
import { builtWorkflows, deploy, type Deployment, type Server } from '../support/deployment.js';
import { historyFaults } from '../support/history.js';
import type { Answer, Rest } from '../support/rest.js';
import { toldFaults } from '../support/told.js';
import type { Figure, Proof, Scale } from './proof.js';

const WORKFLOWS = builtWorkflows('promise-workflows');
const STAMPS = `CREATE TABLE stamps (
  execution_id uuid NOT NULL, attempt int NOT NULL, what text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp()
)`;
const START_MS = 60_000;

export interface Told {
  readonly execution: ExecutionResource;
  readonly events: readonly EventResource[];
}

/** Real api and worker processes whose tasks leave stamps in PostgreSQL, and the means to ask and to break them. */
export class Lab {
  readonly workers = new Map<string, FluxProcess>();

  private constructor(
    readonly flux: Deployment,
    /** Every api replica; one that was killed is replaced at its place. */
    readonly servers: Server[],
    /** The proxy between all of Flux and the broker. */
    readonly proxy: TcpProxy,
    /** The proxy between all of Flux and the database, where there is one. */
    readonly databaseProxy: TcpProxy | undefined,
  ) {}

  /** `use` gets a lab of its own, which is gone when it is done. */
  static async with<T>(
    { replicas = 1, workers, env = {}, workflows = WORKFLOWS, breaksDatabase = false }: LabOptions,
    use: (lab: Lab) => Promise<T>,
  ): Promise<T> {
    const proxy = new TcpProxy(process.env.FLUX_TEST_AMQP_URL ?? '');
    const databaseProxy = breaksDatabase ? new TcpProxy(process.env.FLUX_TEST_DATABASE_URL ?? '') : undefined;
    const databaseUrl = await databaseProxy?.start();
    const common = { FLUX_AMQP_URL: await proxy.start(), FLUX_WORKER_CONCURRENCY: '1000', ...env };
    let flux: Deployment | undefined;
    try {
      flux = await deploy([], common, { workflows, startMs: START_MS, databaseUrl });
      const { server: process, url, rest } = flux;
      const lab = new Lab(flux, [{ process, url, rest }], proxy, databaseProxy);
      await flux.sandbox.query(STAMPS);
      for (let replica = 1; replica < replicas; replica += 1) lab.servers.push(await flux.startServer());
      await Promise.all(workers.map((name) => lab.startWorker(name)));
      return await use(lab);
    } finally {
      await flux?.close();
      await Promise.all([proxy.stop(), databaseProxy?.stop()]);
    }
  }

  get rest(): Rest {
    return this.servers[0]!.rest;
  }

  async startWorker(name: string, env: NodeJS.ProcessEnv = {}): Promise<FluxProcess> {
    const worker = await this.flux.startWorker(name, env);
    this.workers.set(name, worker);
    return worker;
  }

  /** Ends a replica as `signal` does and starts another one in its place after `pauseMs`. */
  async restartServer(index: number, signal: NodeJS.Signals, pauseMs = 0): Promise<void> {
    await this.servers[index]?.process.stop(signal);
    await wait(pauseMs);
    this.servers[index] = await this.flux.startServer();
  }

  sql<Row extends object>(text: string, params: readonly unknown[] = []): Promise<Row[]> {
    return this.flux.sandbox.query<Row>(text, params);
  }

  /** The number of rows of `from`, which is what follows FROM in a query. */
  async rows(from: string, params: readonly unknown[] = []): Promise<number> {
    const [row] = await this.sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${from}`, params);
    return Number(row?.n);
  }

  /** Resolves once `from` has `wanted` rows, `false` when it had not within `limitMs`. */
  async reaches(
    wanted: number,
    from: string,
    params: readonly unknown[] = [],
    limitMs = 60_000,
  ): Promise<boolean> {
    for (const limit = Date.now() + limitMs; Date.now() < limit; await wait(20)) {
      if ((await this.rows(from, params)) === wanted) return true;
    }
    return false;
  }

  /** Resolves once every execution has ended, `false` when they had not within `limitMs`. */
  allEnd(limitMs?: number): Promise<boolean> {
    return this.reaches(0, 'executions WHERE finished_at IS NULL', [], limitMs);
  }

  cancelAll(executions: readonly ExecutionResource[], request?: object): Promise<Answer[]> {
    return Promise.all(executions.map((execution) => this.rest.cancel(execution, '', request)));
  }

  /** Starts `size` of a workflow and resolves once the code of all of them has left `stamps` stamps each. */
  async begin(workflowName: string, input: unknown, size: number, stamps = 1): Promise<ExecutionResource[]> {
    const executions = await Promise.all(
      Array.from({ length: size }, () => this.rest.start(workflowName, input)),
    );
    const begun = `(
      SELECT execution_id FROM stamps WHERE execution_id = ANY($1::uuid[]) GROUP BY 1 HAVING count(*) >= $2) AS begun`;
    if (await this.reaches(size, begun, [idsOf(executions), stamps])) return executions;
    throw new Error(`not all executions of ${workflowName} began`);
  }

  /** The number of the executions that have not ended `limitMs` from now. */
  async stuck(executions: readonly ExecutionResource[], limitMs: number): Promise<number> {
    const open = 'executions WHERE id = ANY($1::uuid[]) AND finished_at IS NULL';
    const ids = [idsOf(executions)];
    return (await this.reaches(0, open, ids, limitMs)) ? 0 : this.rows(open, ids);
  }

  async workerIs(name: string, state: string, limitMs = 60_000): Promise<void> {
    const isThat = async (): Promise<boolean> =>
      (await this.rest.workers()).some((worker) => worker.name === name && worker.state === state);
    await until(`worker ${name} to be ${state}`, isThat, limitMs);
  }

  /** The stamps that tasks left after the end of their executions. */
  lateStamps(): Promise<number> {
    return this.rows('stamps JOIN executions ON id = execution_id WHERE at > finished_at');
  }

  /** Every execution with its history. */
  async told(): Promise<Told[]> {
    const rows = await this.sql<
      HistoryEvent<HistoryEventType, { id: string; at: Date; seq: number; attempt: number }>
    >('SELECT execution_id AS id, seq, type, at, attempt, data FROM execution_events ORDER BY 1, 2');
    const events = new Map<string, EventResource[]>();
    for (const { id, at, ...event } of rows) {
      const own = events.get(id) ?? [];
      own.push({ ...event, at: at.toISOString() });
      events.set(id, own);
    }
    const executions = await this.rest.list(
      '/executions?limit=1000&include=input,output',
      pageOf(executionResource),
    );
    return executions.map((execution) => ({ execution, events: events.get(execution.executionId) ?? [] }));
  }
}

export interface LabOptions {
  readonly replicas?: number;
  readonly workers: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** The folder of the workflows; those whose tasks leave stamps unless given. */
  readonly workflows?: string;
  /** Flux reaches its database through a proxy; false unless given. */
  readonly breaksDatabase?: boolean;
}

/** A proof that is played in one lab. */
export const inLab = (
  number: number,
  promise: string,
  options: LabOptions | ((scale: Scale) => LabOptions),
  play: (lab: Lab, scale: Scale) => Promise<Figure[]>,
): Proof => ({
  number,
  promise,
  play: (scale) =>
    Lab.with(typeof options === 'function' ? options(scale) : options, (lab) => play(lab, scale)),
});

export const idsOf = (executions: readonly ExecutionResource[]): string[] =>
  executions.map(({ executionId }) => executionId);

/** The faults in histories, and the differences to what the executions themselves tell. */
export const faultsOf = (told: readonly Told[]): string[] =>
  told.flatMap(({ execution, events }) => [
    ...historyFaults(execution, events),
    ...toldFaults(execution, events),
  ]);

/** How long after the request a cancel was final; milliseconds. */
export const finalAfter = ({ cancellation }: ExecutionResource): number =>
  Date.parse(cancellation?.finalizedAt ?? '') - Date.parse(cancellation?.requestedAt ?? '');

/** Does `act` for each of `items`, `lanes` at a time; the results come in the order of their ends. */
export async function inLanes<T, R>(
  items: readonly T[],
  lanes: number,
  act: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const left = items.values();
  const lane = async (): Promise<void> => {
    for (const item of left) results.push(await act(item));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
