import { beforeAll, expect, it } from '@jest/globals';
import {
  bulkCancelResource,
  bulkItemPage,
  executionPage,
  namedWorkersResource,
  type ExecutionResource,
  type WorkerResource,
} from '@flux/contracts';
import type { FluxProcess } from '@flux/testing';
import type { Server } from './support/deployment.js';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['worker-b'], { FLUX_WORKER_DRAIN: '0s' });
let replica: Server;
let workerA: FluxProcess;
let asked = 0;

beforeAll(async () => {
  [replica, workerA] = await Promise.all([flux.startServer(), flux.startWorker('worker-a')]);
}, 60_000);

const isOn = (name: string, { workerId }: ExecutionResource): boolean =>
  workerId?.startsWith(`${name}@`) ?? false;

/** Asks something of the workers of a name by REST, in turn of either replica. */
async function tell(verb: string, name: string): Promise<void> {
  asked += 1;
  const { rest } = asked % 2 === 0 ? flux : replica;
  expect(await rest.request('POST', `/workers/${name}/${verb}`)).toMatchObject({ status: 200 });
}

/** Asks it by the CLI, which must be done. */
async function ask(verb: string, name: string, ...flags: string[]): Promise<string> {
  const ran = await flux.cli('worker', verb, name, ...flags);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  return ran.stdout;
}

/** Executions that run, started one after the other on either replica. */
async function started(count: number, workflowName: string, input: unknown): Promise<ExecutionResource[]> {
  const all: ExecutionResource[] = [];
  for (let n = 0; n < count; n += 1) {
    const { rest } = n % 2 === 0 ? flux : replica;
    all.push(await rest.started(workflowName, input));
  }
  return all;
}

/** The live worker of a name. */
async function workerCalled(name: string): Promise<WorkerResource | undefined> {
  const workers = await replica.rest.workers();
  return workers.find((worker) => worker.name === name && worker.state === 'running');
}

it('paused, it keeps what it runs and takes nothing new, whichever replica is asked; started again, it stays so', async () => {
  await tell('pause', 'worker-b');
  const [kept] = await started(1, 'tidy', {});
  await tell('resume', 'worker-b');
  expect(kept && isOn('worker-a', kept)).toBe(true);

  const told = await ask('pause', 'worker-a', '--reason', 'disk is full');
  expect(told).toMatch(
    /^worker-a takes nothing new: pause by cli:.*: disk is full\n {2}worker-a@.* 1 running/,
  );
  const others = await started(4, 'tidy', {});
  expect(others.map((one) => isOn('worker-b', one))).toEqual([true, true, true, true]);
  expect(await flux.rest.status('tidy', kept?.executionId ?? '')).toMatchObject({
    state: 'RUNNING',
    workerId: kept?.workerId,
  });
  const before = (await workerCalled('worker-a'))?.byHand;
  const repeat = await replica.rest.request('POST', '/workers/worker-a/pause', { body: { reason: 'again' } });
  expect([repeat.status, namedWorkersResource.parse(repeat.body).byHand]).toEqual([200, before]);
  const { stdout } = await flux.cli('worker', 'list');
  expect(stdout).toMatch(/BY HAND/);
  expect(stdout).toMatch(/worker-a@\S+ +paused .*cli:.*: disk is full/);

  await workerA.stop('SIGTERM');
  await flux.startWorker('worker-a');
  await tell('pause', 'worker-b');
  const waits = await flux.rest.start('tidy', {});
  expect((await workerCalled('worker-a'))?.byHand).toMatchObject({ wish: 'pause', reason: 'disk is full' });
  await flux.rest.expectCancelled([...others, ...(kept ? [kept] : [])]);
  expect(await flux.rest.status('tidy', waits.executionId)).toMatchObject({ state: 'SCHEDULED', attempt: 0 });
  await ask('resume', 'worker-a');
  const runs = await flux.rest.reach(waits, 'RUNNING');
  expect(isOn('worker-a', runs)).toBe(true);
  await flux.rest.expectCancelled([runs]);
  await tell('resume', 'worker-b');
}, 60_000);

it('paused as all others are, it takes what the cleanup of its own waits for', async () => {
  const [compensating] = await started(1, 'compensating', {});
  for (const name of ['worker-a', 'worker-b']) await tell('pause', name);
  if (!compensating) throw new Error('one was started');
  const ended = await flux.rest.cancelled(compensating);
  expect(ended.cancellation).toMatchObject({ cleanup: 'succeeded' });
  const [child] = await flux.rest.list(`/executions?parentExecutionId=${ended.executionId}`, executionPage);
  expect(child).toMatchObject({ state: 'COMPLETED', workerId: compensating.workerId });
  for (const name of ['worker-a', 'worker-b']) await tell('resume', name);
}, 60_000);

it('drained, it hands over what it runs to others, and lives on', async () => {
  await tell('pause', 'worker-b');
  const file = temporaryFile('by-hand');
  const [moved] = await started(1, 'tidy', { file });
  if (!moved) throw new Error('one was started');
  expect(isOn('worker-a', moved)).toBe(true);
  await tell('resume', 'worker-b');
  expect(await ask('drain', 'worker-a', '--reason', 'kernel')).toMatch(
    /^worker-a takes nothing new: drain by/,
  );
  const goesOn = await flux.rest.until(moved, ({ attempt }) => attempt === 2);
  expect(isOn('worker-b', goesOn)).toBe(true);
  await flux.rest.expectCancelled([goesOn]);
  // The body on the drained worker was not cancelled: it stopped where it was.
  expect(linesOf(file)).toEqual(
    ['started 1', 'started 2', 'cleanup-begins', 'cleanup-ends'].map((line) =>
      line.replace(/^\S+/, (verb) => `${verb} ${moved.executionId}`),
    ),
  );
  const handed = (await flux.rest.history(moved)).find(({ type }) => type === 'execution_handed_back');
  expect(handed?.data).toMatchObject({ reason: 'drain' });
  expect(await workerCalled('worker-a')).toMatchObject({ running: 0, byHand: { wish: 'drain' } });
  expect((await flux.cli('worker', 'list')).stdout).toMatch(/worker-a@\S+ +drained /);
  await tell('resume', 'worker-a');
  await tell('pause', 'worker-b');
  const [again] = await started(1, 'tidy', {});
  expect(again && isOn('worker-a', again)).toBe(true);
  await tell('resume', 'worker-b');
  await flux.rest.expectCancelled(again ? [again] : []);
}, 60_000);

it('cancel-all cancels what it holds, as a bulk cancel, and nothing else', async () => {
  await tell('pause', 'worker-a');
  const held = await started(3, 'tidy', {});
  await tell('resume', 'worker-a');
  await tell('pause', 'worker-b');
  const [other] = await started(1, 'tidy', {});
  const told = await ask('cancel-all', 'worker-b', '--yes', '--json', '--reason', 'wrong batch');
  const job = bulkCancelResource.parse(JSON.parse(told));
  expect(job).toMatchObject({
    filter: { worker: 'worker-b' },
    reason: 'wrong batch',
    counts: { total: 3, cancelled: 3 },
  });
  const path = `/cancellations/${job.cancellationId}/executions`;
  const items = await flux.rest.list(path, bulkItemPage);
  expect(new Map(items.map(({ executionId, outcome }) => [executionId, outcome]))).toEqual(
    new Map(held.map(({ executionId }) => [executionId, 'cancelled'])),
  );
  for (const one of held) {
    const { cancellation } = await flux.rest.reach(one, 'CANCELLED');
    expect(cancellation).toMatchObject({ cause: 'bulk', reason: 'wrong batch', cleanup: 'succeeded' });
  }
  expect(await flux.rest.status('tidy', other?.executionId ?? '')).toMatchObject({ state: 'RUNNING' });
  await flux.rest.expectCancelled(other ? [other] : []);
  await tell('resume', 'worker-b');
}, 60_000);
