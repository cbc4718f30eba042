import { expect, it } from '@jest/globals';
import type { NamedWorkers, WorkerHold, WorkerResource } from '@flux/contracts';
import { bulkCancel, preview } from './testing/bulk-resources.js';
import { json, problem, useFakeServer } from './testing/fake-server.js';
import { fluxAt } from './testing/flux.js';
import { worker } from './testing/resources.js';

const server = useFakeServer();
const flux = fluxAt(server);

const held = (wish: WorkerHold['wish'], reason: string | null = 'disk is full'): WorkerHold => ({
  wish,
  requestedBy: 'cli:ada',
  reason,
  since: new Date(Date.now() - 125_000).toISOString(),
});
const named = (
  byHand: WorkerHold | null,
  workers: WorkerResource[] = [{ ...worker, byHand }],
): NamedWorkers => ({
  name: 'worker-a',
  byHand,
  workers,
});

it.each([
  ['pause', held('pause'), 'takes nothing new: pause by cli:ada 2m ago: disk is full', 'paused'],
  ['drain', held('drain', null), 'takes nothing new: drain by cli:ada 2m ago', 'draining'],
  ['resume', null, 'takes executions', 'running'],
])('flux worker %s asks it and says what the workers do from now on', async (verb, byHand, told, state) => {
  server.on(`POST /workers/worker-a/${verb}`, json(named(byHand)));
  const ran = await flux(['worker', verb, 'worker-a', '--reason', 'disk is full']);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toBe(`worker-a ${told}\n  worker-a@0a1b2c3d  ${state}, 3 running\n`);
  expect(server.received).toMatchObject([{ body: { reason: 'disk is full' }, actor: expect.any(String) }]);
  const ranJson = await flux(['worker', verb, 'worker-a', '--json']);
  expect(JSON.parse(ranJson.stdout)).toEqual(named(byHand));
});

it('a pause of a name without a worker says that the next one obeys it', async () => {
  server.on('POST /workers/worker-a/pause', json(named(held('pause'), [{ ...worker, state: 'stopped' }])));
  const ran = await flux(['worker', 'pause', 'worker-a']);
  expect(ran.stdout).toContain('\n  no worker of that name is up; one that is started obeys it\n');
});

it.each(['pause', 'resume', 'drain', 'cancel-all'])(
  'flux worker %s exits 4 for an unknown name',
  async (verb) => {
    const yes = verb === 'cancel-all' ? ['--yes'] : [];
    server.on(`POST /workers/nobody/${verb}`, problem(404, 'WORKER_NOT_FOUND'));
    const unknown = await flux(['worker', verb, 'nobody', ...yes]);
    expect(unknown).toMatchObject({ code: 4, stdout: '' });
    const id = await flux(['worker', verb, worker.workerId]);
    expect(id).toMatchObject({ code: 4, stdout: '' });
    expect(id.stderr).toMatch(/before the @; 'flux worker list'/);
  },
);

it('flux worker list shows what was asked by hand, by whom, when and why', async () => {
  const drained = { ...worker, workerId: 'worker-b@1', byHand: held('drain', null), running: 0 };
  const lost = { ...worker, workerId: 'worker-c@1', byHand: held('pause'), state: 'lost' as const };
  server.on('GET /workers', json({ items: [{ ...worker, byHand: held('pause') }, drained, lost] }));
  const { stdout } = await flux(['worker', 'list']);
  expect(stdout).toMatch(/^WORKER +STATE .* BY HAND/);
  expect(stdout).toMatch(/\nworker-a@0a1b2c3d +paused .*cli:ada 2m ago: disk is full/);
  expect(stdout).toMatch(/\nworker-b@1 +drained .*cli:ada 2m ago\s/);
  expect(stdout).toMatch(/\nworker-c@1 +lost /);
  server.on('GET /workers', json({ items: [worker] }));
  expect((await flux(['worker', 'list'])).stdout).not.toContain('BY HAND');
});

it('flux worker cancel-all asks, follows the bulk cancel and tells its id', async () => {
  server.on('POST /cancellations', json(preview()));
  const refused = await flux(['worker', 'cancel-all', 'worker-a']);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('this would cancel 3 executions');
  expect(server.received).toMatchObject([{ body: { filter: { worker: 'worker-a' }, dryRun: true } }]);
  const job = bulkCancel(
    { state: 'completed', finishedAt: '2026-11-22T14:00:02.000Z' },
    { waiting: 0, cancelled: 3 },
  );
  server.on('POST /workers/worker-a/cancel-all', json(job, 202));
  const ran = await flux([
    ...['worker', 'cancel-all', 'worker-a', '--yes', '--reason', 'wrong batch', '--force'],
    ...['--grace-period', '3s'],
  ]);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toBe(`3 executions CANCELLED\n  bulk cancel ${job.cancellationId}\n`);
  const { body } = await server.arrived('POST /workers/worker-a/cancel-all');
  expect(body).toEqual({ reason: 'wrong batch', force: true, gracePeriod: '3s' });
});

it('flux execution cancel --worker names what the workers of a name hold', async () => {
  server.on('POST /cancellations', json(preview()));
  await flux(['execution', 'cancel', '--worker', 'worker-a', '--workflow', 'crawl', '--dry-run']);
  expect(server.received).toMatchObject([
    { body: { filter: { worker: 'worker-a', workflowName: 'crawl' } } },
  ]);
});
