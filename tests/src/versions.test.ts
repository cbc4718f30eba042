import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { executionPage, workflowResource, type ExecutionResource } from '@flux/contracts';
import { type FluxProcess, until } from '@flux/testing';
import { builtWorkflows } from './support/deployment.js';
import { ofType } from './support/history.js';
import { temporaryFile } from './support/machine-files.js';
import { useDeployment } from './support/use-deployment.js';

const WORKFLOWS = builtWorkflows('version-workflows');
const LIMIT_MS = 120_000;

const flux = useDeployment([], {}, { workflows: WORKFLOWS });
const { expectLegal, reach } = flux.rest;

const startWorker = (name: string, version?: string, change?: string): Promise<FluxProcess> =>
  flux.startWorker(name, {
    ...(version !== undefined && { DEPLOYED_VERSION: version }),
    ...(change !== undefined && { DEPLOYED_CHANGE: change }),
  });

/** The execution once it waits for a worker; nobody has to be told of that, so it is looked at. */
async function waiting({ workflowName, executionId }: ExecutionResource): Promise<ExecutionResource> {
  return until(`${executionId} to wait for a version`, async () => {
    const present = await flux.rest.status(workflowName, executionId);
    return present.waiting?.for === 'version' && present;
  });
}

/** The execution stands in the task that its first attempt stays in. */
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

const completed = async (execution: ExecutionResource): Promise<ExecutionResource> =>
  expectLegal(await reach(execution, 'COMPLETED'));

/** Resumes executions of both versions: each ends on its own. */
async function expectToEndWhereTheyBegan(executions: readonly ExecutionResource[]): Promise<void> {
  for (const one of executions) expect((await flux.rest.act(one, 'resume')).status).toBe(200);
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
  const taken = async (): Promise<boolean> => (await start({ v1: true })) === 201;
  await until('an input of version 1 to be taken', taken, 30_000, 100);
}

describe('a rolling deployment', () => {
  it(
    'keeps each execution on its version, says where no worker has that, and checks inputs by the newest',
    async () => {
      const v1 = await startWorker('v1', '1');
      const file = temporaryFile('rolled');
      const early = await Promise.all([1, 2, 3].map(() => flux.rest.started('rolled', {}, 'PAUSED')));
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
      const late = await Promise.all(
        Array.from({ length: 8 }, () => flux.rest.started('rolled', {}, 'PAUSED')),
      );
      await expectToEndWhereTheyBegan([...early, ...late]);

      await v1.kill();
      expect(await waiting(staying)).toMatchObject({
        state: 'SCHEDULED',
        version: '1',
        workerId: null,
        waiting: { for: 'version', pause: null, until: null },
      });
      const list = await flux.rest.list('/executions?state=SCHEDULED', executionPage);
      expect(list.map(({ waiting }) => waiting?.for)).toEqual(['version', 'version', 'version']);
      const { executionId } = staying;
      const status = await flux.cli('workflow', 'status', 'rolled', executionId);
      expect(status.stdout).toMatch(/waits +for a worker that has rolled version 1/);

      // Nobody runs the cleanup in all the time that there is: no worker has the version.
      const { cancellation } = await flux.rest.cancelled(killed, { gracePeriod: '300ms' });
      expect(cancellation).toMatchObject({ cleanup: 'not_run', outcome: 'cancelled' });
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
      await reach(fresh, 'RUNNING');
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
        ofType(await flux.rest.history(one), 'value_recorded').map(({ data }) => data);
      expect(await patches(fresh)).toMatchObject([{ callId: '$patched.check#0', value: true }]);
      expect(await patches(passed)).toMatchObject([{ callId: '$patched.check#0', value: false }]);
      await Promise.all([changed.stop(), versioned.stop()]);
    },
    LIMIT_MS,
  );
});
