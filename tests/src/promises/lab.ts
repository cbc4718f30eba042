import { setTimeout as wait } from 'node:timers/promises';
import { executionPage, workerPage, type EventResource, type ExecutionResource } from '@flux/contracts';
import { TcpProxy } from '@flux/messaging/testing/tcp-proxy';
import { builtWorkflows, deploy, type Deployment, type Server } from '../support/deployment.js';
import type { FluxProcess } from '../support/flux-process.js';
import { historyFaults } from '../support/history.js';
import type { Rest } from '../support/rest.js';
import { toldFaults } from '../support/told.js';

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
    /** Between all of Flux and the broker. */
    readonly proxy: TcpProxy,
  ) {}

  /** `use` gets a lab of its own, which is gone when it is done. */
  static async with<T>(
    { replicas = 1, workers, env = {} }: LabOptions,
    use: (lab: Lab) => Promise<T>,
  ): Promise<T> {
    const broker = new URL(process.env.FLUX_TEST_AMQP_URL ?? '');
    const proxy = new TcpProxy(new URL(broker));
    broker.hostname = '127.0.0.1';
    broker.port = String(await proxy.start());
    const common = { FLUX_AMQP_URL: broker.href, FLUX_WORKER_CONCURRENCY: '1000', ...env };
    let flux: Deployment | undefined;
    try {
      flux = await deploy([], common, { workflows: WORKFLOWS, startMs: START_MS });
      const { server: process, url, rest } = flux;
      const lab = new Lab(flux, [{ process, url, rest }], proxy);
      await flux.sandbox.query(STAMPS);
      for (let replica = 1; replica < replicas; replica += 1) lab.servers.push(await flux.startServer());
      await Promise.all(workers.map((name) => lab.startWorker(name)));
      return await use(lab);
    } finally {
      await flux?.close();
      await proxy.stop();
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

  async number(text: string, params: readonly unknown[] = []): Promise<number> {
    const [row] = await this.sql<{ n: number }>(text, params);
    return Number(row?.n);
  }

  /** Resolves once `text` gives `wanted`, `false` when it did not within `limitMs`. */
  async reaches(
    wanted: number,
    text: string,
    params: readonly unknown[] = [],
    limitMs = 60_000,
  ): Promise<boolean> {
    for (const limit = Date.now() + limitMs; Date.now() < limit; await wait(20)) {
      if ((await this.number(text, params)) === wanted) return true;
    }
    return false;
  }

  /** Starts `size` of a workflow and resolves once the code of all of them has left `stamps` stamps each. */
  async begin(workflowName: string, input: unknown, size: number, stamps = 1): Promise<ExecutionResource[]> {
    const executions = await Promise.all(
      Array.from({ length: size }, () => this.rest.start(workflowName, input)),
    );
    const begun = `SELECT count(*)::int AS n FROM (
      SELECT execution_id FROM stamps WHERE execution_id = ANY($1::uuid[]) GROUP BY 1 HAVING count(*) >= $2) AS begun`;
    if (await this.reaches(size, begun, [idsOf(executions), stamps])) return executions;
    throw new Error(`not all executions of ${workflowName} began`);
  }

  /** How many of them have not ended `limitMs` from now. */
  async stuck(executions: readonly ExecutionResource[], limitMs: number): Promise<number> {
    const open =
      'SELECT count(*)::int AS n FROM executions WHERE id = ANY($1::uuid[]) AND finished_at IS NULL';
    const ids = idsOf(executions);
    return (await this.reaches(0, open, [ids], limitMs)) ? 0 : this.number(open, [ids]);
  }

  async workerIs(name: string, state: string, limitMs = 60_000): Promise<void> {
    for (const limit = Date.now() + limitMs; ; await wait(20)) {
      const { items } = workerPage.parse((await this.rest.request('GET', '/workers')).body);
      if (items.some((worker) => worker.name === name && worker.state === state)) return;
      if (Date.now() > limit) throw new Error(`worker ${name} is not ${state}`);
    }
  }

  /** What the tasks did after the end of their executions. */
  lateStamps(): Promise<number> {
    return this.number(
      `SELECT count(*)::int AS n FROM stamps JOIN executions ON id = execution_id WHERE at > finished_at`,
    );
  }

  /** Every execution with its history. */
  async told(): Promise<Told[]> {
    const told: Told[] = [];
    const rows = await this.sql<Omit<EventResource, 'at'> & { id: string; at: Date }>(
      'SELECT execution_id AS id, seq, type, at, attempt, data FROM execution_events ORDER BY 1, 2',
    );
    const events = new Map<string, EventResource[]>();
    for (const { id, at, ...event } of rows) {
      const own = events.get(id) ?? [];
      own.push({ ...event, at: at.toISOString() });
      events.set(id, own);
    }
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = `/executions?limit=1000${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
      const page = executionPage.parse((await this.rest.request('GET', query)).body);
      for (const execution of page.items) {
        told.push({ execution, events: events.get(execution.executionId) ?? [] });
      }
      cursor = page.nextCursor;
    }
    return told;
  }
}

export interface LabOptions {
  readonly replicas?: number;
  readonly workers: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export const idsOf = (executions: readonly ExecutionResource[]): string[] =>
  executions.map(({ executionId }) => executionId);

/** What is wrong in histories, or told otherwise by the executions themselves. */
export const faultsOf = (told: readonly Told[]): string[] =>
  told.flatMap(({ execution, events }) => [
    ...historyFaults(execution, events),
    ...toldFaults(execution, events),
  ]);

/** How long after the request a cancel was final; milliseconds. */
export const finalAfter = ({ cancellation }: ExecutionResource): number =>
  Date.parse(cancellation?.finalizedAt ?? '') - Date.parse(cancellation?.requestedAt ?? '');

/** Does `act` for each of `items`, `lanes` at a time. */
export async function inLanes<T, R>(
  items: readonly T[],
  lanes: number,
  act: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await act(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  return results;
}
