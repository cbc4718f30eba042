import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { executionPage, workflowResource, type ExecutionResource } from '@flux/contracts';
import { builtWorkflows, deploy, PATIENCE_MS, type Deployment } from './support/deployment.js';
import type { FluxProcess } from './support/flux-process.js';
import { historyFaults } from './support/history.js';
import { temporaryFile } from './support/machine-files.js';

const WORKFLOWS = builtWorkflows('version-workflows');
const LIMIT_MS = 120_000;

let flux: Deployment;

beforeAll(async () => {
  flux = await deploy([], {}, { workflows: WORKFLOWS });
}, 60_000);

afterAll(() => flux.close(), 60_000);

const startWorker = (name: string, version?: string, change?: string): Promise<FluxProcess> =>
  flux.startWorker(name, {
    ...(version !== undefined && { DEPLOYED_VERSION: version }),
    ...(change !== undefined && { DEPLOYED_CHANGE: change }),
  });

const reach = (execution: ExecutionResource, state: ExecutionResource['state']): Promise<ExecutionResource> =>
  flux.rest.until(execution, (present) => present.state === state, PATIENCE_MS);

/** The execution once it waits for a worker; nobody has to be told of that, so it is looked at. */
async function waiting(execution: ExecutionResource): Promise<ExecutionResource> {
  for (const limit = Date.now() + PATIENCE_MS; ; await wait(100)) {
    const present = await flux.rest.status(execution.workflowName, execution.executionId);
    if (present.waiting?.for === 'version') return present;
    if (Date.now() > limit) throw new Error(`does not wait for a version: ${JSON.stringify(present)}`);
  }
}

/** It stands in the task that its first attempt stays in. */
async function started(workflowName: string, input: unknown, tasks: number): Promise<ExecutionResource> {
  const execution = await flux.rest.start(workflowName, input);
  await flux.rest.untilHistory(
    execution,
    (events) => events.filter(({ type }) => type === 'task_completed').length === tasks,
  );
  return flux.rest.status(workflowName, execution.executionId);
}

const known = async (workflowName: string) =>
  workflowResource.parse((await flux.rest.request('GET', `/workflows/${workflowName}`)).body);

async function completed(execution: ExecutionResource): Promise<ExecutionResource> {
  const ended = await reach(execution, 'COMPLETED');
  expect(historyFaults(ended, await flux.rest.history(ended))).toEqual([]);
  return ended;
}

/** Resumes executions of both versions: each ends on its own. */
async function expectToEndWhereTheyBegan(executions: readonly ExecutionResource[]): Promise<void> {
  for (const { executionId } of executions) {
    const path = `/workflows/rolled/executions/${executionId}/resume`;
    expect((await flux.rest.request('POST', path)).status).toBe(200);
  }
  const versions = new Set<string | null>();
  for (const one of executions) {
    const { version, output } = await completed(one);
    versions.add(version);
    expect(output).toEqual({ begun: version, ended: version });
  }
  expect(versions).toEqual(new Set(['1', '2']));
}

/** The worker of version 1 registered last, but version 2 is the one that came last; until its worker goes. */
async function expectNewestToCheckInputs(v2: FluxProcess): Promise<void> {
  expect(await known('picky')).toMatchObject({ version: '2', workers: 2 });
  const start = async (input: unknown): Promise<number> =>
    (await flux.rest.request('POST', '/workflows/picky/executions', { body: { input } })).status;
  expect([await start({ v2: true }), await start({ v1: true })]).toEqual([201, 422]);
  await v2.stop();
  expect(await known('picky')).toMatchObject({ version: '1', workers: 1 });
  for (const limit = Date.now() + PATIENCE_MS; (await start({ v1: true })) !== 201; await wait(100)) {
    expect(Date.now()).toBeLessThan(limit);
  }
}

describe('a rolling deployment', () => {
  it(
    'keeps each execution on its version, says where no worker has that, and checks inputs by the newest',
    async () => {
      const v1 = await startWorker('v1', '1');
      const file = temporaryFile('rolled');
      const early = await Promise.all([1, 2, 3].map(() => flux.rest.start('rolled', {})));
      for (const one of early) await reach(one, 'PAUSED');
      const staying = await started('rolled', { stays: true }, 1);
      const cancelled = await started('rolled', { stays: true, file }, 1);
      const killed = await started('rolled', { stays: true, file }, 1);
      expect(staying).toMatchObject({ state: 'RUNNING', version: '1', waiting: null });

      const v2 = await startWorker('v2', '2');
      expect(await known('rolled')).toMatchObject({
        version: '2',
        workers: 2,
        versions: [
          { version: '2', workers: 1 },
          { version: '1', workers: 1 },
        ],
      });
      const late = await Promise.all(Array.from({ length: 8 }, () => flux.rest.start('rolled', {})));
      for (const one of late) await reach(one, 'PAUSED');
      await expectToEndWhereTheyBegan([...early, ...late]);

      await v1.kill();
      expect(await waiting(staying)).toMatchObject({
        state: 'SCHEDULED',
        version: '1',
        workerId: null,
        waiting: { for: 'version', pause: null, until: null },
      });
      const list = executionPage.parse((await flux.rest.request('GET', '/executions?state=SCHEDULED')).body);
      expect(list.items.map(({ waiting }) => waiting?.for)).toEqual(['version', 'version', 'version']);
      const { executionId } = staying;
      const status = flux.sandbox.spawnFlux(['workflow', 'status', 'rolled', executionId], {
        FLUX_SERVER_URL: flux.url,
      });
      await status.exited;
      expect(status.stdout).toMatch(/waits +for a worker that has rolled version 1/);

      // Nobody can run its cleanup by the deadline.
      const answer = await flux.rest.cancel(killed, '?mode=sync', { gracePeriod: '300ms' });
      expect(answer).toMatchObject({
        status: 200,
        body: { state: 'CANCELLED', cancellation: { cleanup: 'not_run', outcome: 'cancelled' } },
      });
      await flux.rest.cancel(cancelled, '', { gracePeriod: '30s' });
      expect(await waiting(cancelled)).toMatchObject({ state: 'CANCELLING' });

      const again = await startWorker('v1-again', '1');
      expect(await completed(staying)).toMatchObject({ attempt: 2, output: { begun: '1', ended: '1' } });
      expect(await reach(cancelled, 'CANCELLED')).toMatchObject({ cancellation: { cleanup: 'succeeded' } });
      expect((await readFile(file, 'utf8')).trim()).toBe('cleanup');
      await expectNewestToCheckInputs(v2);
      await again.stop();
    },
    LIMIT_MS,
  );
});

describe('a workflow without a version', () => {
  it(
    'stays with workers without one, and ctx.patched leads each execution the way its record allows',
    async () => {
      const old = await startWorker('old');
      const fresh = await started('changed', { stayAt: 'first' }, 0);
      const passed = await started('changed', { stayAt: 'third' }, 2);
      await flux.rest.until(fresh, ({ state }) => state === 'RUNNING');
      const versioned = await startWorker('versioned', '3', 'check');
      await old.kill();
      for (const one of [fresh, passed]) {
        expect(await waiting(one)).toMatchObject({ state: 'SCHEDULED', version: null });
      }
      const changed = await startWorker('changed', undefined, 'check');
      expect(await completed(fresh)).toMatchObject({
        attempt: 2,
        output: ['first', 'check', 'second', 'third'],
      });
      expect(await completed(passed)).toMatchObject({ attempt: 2, output: ['first', 'second', 'third'] });
      const patches = async (one: ExecutionResource) =>
        (await flux.rest.history(one))
          .filter(({ type }) => type === 'value_recorded')
          .map(({ data }) => data);
      expect(await patches(fresh)).toMatchObject([{ callId: '$patched.check#0', value: true }]);
      expect(await patches(passed)).toMatchObject([{ callId: '$patched.check#0', value: false }]);
      await Promise.all([changed.stop(), versioned.stop()]);
    },
    LIMIT_MS,
  );
});
