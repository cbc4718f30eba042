import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { executionResource, workflowResource } from '@flux/contracts';
import type { ExecutionResource } from '@flux/contracts';
import type { Child } from './child.js';
import { HttpClient } from './http-client.js';
import type { BENCH_WORKFLOWS, Lab } from './lab.js';

/** The command line's entry. */
export const FLUX = fileURLToPath(new URL('../../apps/cli/bin/flux.js', import.meta.url));
const WORKFLOWS = fileURLToPath(new URL('../workflows', import.meta.url));
const START_TIMEOUT_MS = 60_000;

type BenchWorkflow = (typeof BENCH_WORKFLOWS)[number];

export interface FluxOptions {
  /** Executions the worker may hold at once. */
  readonly concurrency: number;
  /** Requests the client may have under way at once. */
  readonly connections: number;
  /** Where api and worker write CPU profiles when they end. */
  readonly profileDir: string | undefined;
}

/** The api and one worker, each a process of its own, and a client of theirs. */
export class Flux {
  private constructor(
    readonly api: Child,
    readonly worker: Child,
    readonly client: HttpClient,
  ) {}

  /** Resolves when a worker serves the workflows. */
  static async start(lab: Lab, options: FluxOptions): Promise<Flux> {
    const port = await freePort();
    const client = new HttpClient(`http://127.0.0.1:${port}`, options.connections);
    lab.defer(async () => client.close());
    const profile = (name: string): string[] =>
      options.profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profileDir}/${name}`];
    const api = lab.spawn([...profile('api'), FLUX, 'start', 'server'], {
      FLUX_PORT: String(port),
    });
    await until(api, async () => (await client.send('GET', '/health/ready')).status === 200);
    const workerArgs = ['--workflows', WORKFLOWS, '--concurrency', String(options.concurrency)];
    const worker = lab.spawn(
      [...profile('worker'), FLUX, 'start', 'worker', 'bench', ...workerArgs],
      // What still waits when the benchmark is over need not be waited for.
      { FLUX_WORKER_DRAIN: '500ms' },
    );
    await until(worker, async () => {
      const { status, body } = await client.send('GET', '/workflows/bench_one_task');
      return status === 200 && workflowResource.parse(body).workers > 0;
    });
    return new Flux(api, worker, client);
  }

  /** Starts an execution; the answer to an async start, not parsed. */
  async startExecution(workflow: BenchWorkflow, input: unknown = null): Promise<ExecutionResource> {
    const { status, body } = await this.client.send('POST', `/workflows/${workflow}/executions`, { input });
    if (status !== 201) throw new Error(`start was answered ${status}: ${JSON.stringify(body)}`);
    return body as ExecutionResource;
  }

  async readExecution({ workflowName, executionId }: ExecutionResource): Promise<ExecutionResource> {
    const path = `/workflows/${workflowName}/executions/${executionId}?detailed=true`;
    return executionResource.parse((await this.client.send('GET', path)).body);
  }

  /** Reads the execution every few milliseconds until `wanted`; rejects when that takes over a minute. */
  async waitFor(
    execution: ExecutionResource,
    wanted: (present: ExecutionResource) => boolean,
  ): Promise<ExecutionResource> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const present = await this.readExecution(execution);
      if (wanted(present)) return present;
      if (Date.now() > deadline) {
        throw new Error(`execution ${present.executionId} is still ${present.state}, not as expected`);
      }
      await sleep(5);
    }
  }
}

/** True when the body has come to its wait and a worker holds it there. */
export function isWaiting({ state, events = [] }: ExecutionResource): boolean {
  return state === 'RUNNING' && events.some(({ type }) => type === 'timer_started');
}

async function until(child: Child, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await condition().catch(() => false))) {
    if (!child.isRunning || Date.now() > deadline) {
      throw new Error(`not ready: ${child.describe()}`);
    }
    await sleep(50);
  }
}

/** A TCP port of 127.0.0.1 that nothing listened on a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
