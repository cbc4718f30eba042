import { fileURLToPath } from 'node:url';
import { executionResource, type ExecutionResource } from '@flux/contracts';
import { FLUX, until, type FluxProcess } from '@flux/testing';
import { HttpClient } from './http-client.js';
import type { Lab } from './lab.js';

const WORKFLOWS = fileURLToPath(new URL('../workflows', import.meta.url));
const LIMIT_MS = 60_000;

/** The workflows that the worker serves, of those in `bench/workflows`. */
type BenchWorkflow = `bench_${'first_line' | 'wait' | 'one_task' | 'sleeper' | 'tasks'}`;

export interface FluxOptions {
  /** Executions the worker may hold at once. */
  readonly concurrency: number;
  /** Requests the client may have under way at once. */
  readonly connections: number;
  /** The folder in which api and worker write CPU profiles when they end. */
  readonly profileDir: string | undefined;
}

/** The api and one worker, each a process of its own, and a client of theirs. */
export class Flux {
  private constructor(
    readonly api: FluxProcess,
    readonly worker: FluxProcess,
    readonly client: HttpClient,
  ) {}

  /** Resolves when a worker serves the workflows. */
  static async start(lab: Lab, options: FluxOptions): Promise<Flux> {
    const profile = (name: string): string[] =>
      options.profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profileDir}/${name}`];
    const api = lab.spawnNode([...profile('api'), FLUX, 'start', 'server', '--port', '0']);
    const [url] = await api.waitFor(/http:\/\/127\.0\.0\.1:\d+/, LIMIT_MS);
    const client = new HttpClient(url, options.connections);
    lab.defer(async () => client.close());
    const workerArgs = ['--workflows', WORKFLOWS, '--concurrency', String(options.concurrency)];
    const worker = lab.spawnNode(
      [...profile('worker'), FLUX, 'start', 'worker', 'bench', ...workerArgs],
      // Executions that still wait when the benchmark is over need not be waited for.
      { FLUX_WORKER_DRAIN: '500ms' },
    );
    await worker.waitFor(/ready/i, LIMIT_MS);
    return new Flux(api, worker, client);
  }

  /** Starts an execution; the answer to an async start, not parsed. */
  async startExecution(workflow: BenchWorkflow, input: unknown = null): Promise<ExecutionResource> {
    const { status, body } = await this.client.send('POST', `/workflows/${workflow}/executions`, { input });
    if (status !== 201) throw new Error(`start was answered ${status}: ${JSON.stringify(body)}`);
    return body as ExecutionResource;
  }

  /** Starts `count` executions at once. */
  startMany(count: number, workflow: BenchWorkflow, input?: unknown): Promise<ExecutionResource[]> {
    return Promise.all(Array.from({ length: count }, () => this.startExecution(workflow, input)));
  }

  /** Starts `count` executions that wait, and resolves when a worker holds each of them at its wait. */
  async startWaiting(count: number): Promise<ExecutionResource[]> {
    const executions = await this.startMany(count, 'bench_wait');
    for (const execution of executions) await this.waitFor(execution, isWaiting);
    return executions;
  }

  /** Reads the execution every few milliseconds until `wanted`; rejects when that takes over a minute. */
  async waitFor(
    { workflowName, executionId }: ExecutionResource,
    wanted: (present: ExecutionResource) => boolean,
  ): Promise<ExecutionResource> {
    const path = `/workflows/${workflowName}/executions/${executionId}?detailed=true`;
    const read = async (): Promise<ExecutionResource | false> => {
      const present = executionResource.parse((await this.client.send('GET', path)).body);
      return wanted(present) && present;
    };
    return until(`execution ${executionId} to be as expected`, read, LIMIT_MS, 5);
  }
}

/** True when the body has come to its wait and a worker holds it there. */
function isWaiting({ state, events = [] }: ExecutionResource): boolean {
  return state === 'RUNNING' && events.some(({ type }) => type === 'timer_started');
}
