import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { bulkCancelResource, executionResource } from '@flux/contracts';
import { until } from '@flux/testing';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { pathOf, type Answer, type ExecutionRef } from './support/rest.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['worker-a']);
const { cancelled, expectLegal, reach, started, typesOf } = flux.rest;

const undo = (execution: ExecutionRef, query = ''): Promise<Answer> =>
  flux.rest.request('DELETE', `${pathOf(execution)}/cancel${query}`, {
    headers: { 'flux-actor': 'cli:bob' },
  });

describe('a cancel with a delay', () => {
  it('lets the execution go on, then cancels it', async () => {
    const execution = await started('sleeper', {}, 'RUNNING');
    const answer = await flux.rest.cancel(execution, '', { delay: '1s', reason: 'soon' });
    expect(answer).toMatchObject({
      status: 202,
      body: {
        state: 'RUNNING',
        cancellation: null,
        pendingCancel: { requestedBy: 'anonymous', reason: 'soon' },
      },
    });
    const { dueAt = '' } = executionResource.parse(answer.body).pendingCancel ?? {};
    const ended = await reach(execution, 'CANCELLED');
    expect(ended.pendingCancel).toBeUndefined();
    expect(ended.cancellation).toMatchObject({ reason: 'soon', cause: 'request' });
    expect(Date.parse(ended.cancellation?.requestedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(dueAt));
    const history = await flux.rest.history(await expectLegal(ended));
    expect(history.find(({ type }) => type === 'cancel_delayed')?.data).toMatchObject({ dueAt });
  });

  it('is taken back within it, on the command line too, and a cancel without one comes at once', async () => {
    const execution = await started('sleeper', {}, 'RUNNING');
    const { executionId: id } = execution;
    const delayed = await flux.cli('workflow', 'cancel', 'sleeper', id, '--delay', '1h');
    expect(delayed.stdout).toContain(`flux workflow uncancel sleeper ${id}`);
    const undone = await flux.cli('workflow', 'uncancel', 'sleeper', id, '--reason', 'needed');
    expect(undone.code).toBe(0);
    expect((await flux.rest.status('sleeper', id)).pendingCancel).toBeUndefined();
    expect(await undo(execution)).toMatchObject({ status: 409, body: { code: 'EXECUTION_NOT_CANCELLING' } });
    await flux.rest.cancel(execution, '', { delay: '1h' });
    await cancelled(execution);
    expect(await undo(execution)).toMatchObject({ status: 409, body: { code: 'CANCEL_ALREADY_DELIVERED' } });
    const late = await flux.cli('workflow', 'uncancel', 'sleeper', id);
    expect(late.code).toBe(3);
  }, 60_000);
});

describe('an undo', () => {
  it('tells the truth in a race with delivery: after a 200 no clean-up runs, after a 409 it does', async () => {
    const race = async (index: number): Promise<number> => {
      const file = temporaryFile(`race-${index}`);
      const execution = await started('tidy_parked', { file, where: 'pause' }, 'PAUSED');
      await flux.rest.cancel(execution);
      await wait(index);
      const answer = await undo(execution);
      if (answer.status === 200) {
        expect(answer.body).toMatchObject({ state: 'PAUSED', cancellation: null, waiting: { for: 'pause' } });
        await wait(300);
        expect(linesOf(file)).toEqual(['before']);
        expect(await typesOf(execution)).not.toContain('cancel_delivered');
        await flux.rest.cancel(execution);
      } else {
        expect(answer).toMatchObject({ status: 409, body: { code: 'CANCEL_ALREADY_DELIVERED' } });
      }
      const ended = await reach(execution, 'CANCELLED');
      expect(linesOf(file)).toEqual(['before', 'cleanup']);
      await expectLegal(ended);
      return answer.status;
    };
    await Promise.all(Array.from({ length: 16 }, (_, index) => race(index)));
    // The cancel of an execution that a worker has not begun, being held up, can be taken back; its late claim comes
    // to nothing.
    const file = temporaryFile('held-up');
    const execution = await started('tidy_parked', { file, where: 'pause' }, 'PAUSED');
    process.kill(flux.worker.pid, 'SIGSTOP');
    await flux.rest.cancel(execution);
    expect(await undo(execution)).toMatchObject({ status: 200 });
    process.kill(flux.worker.pid, 'SIGCONT');
    await started('one_task', {}, 'COMPLETED');
    expect(linesOf(file)).toEqual(['before']);
    expect((await flux.rest.status('tidy_parked', execution.executionId)).state).toBe('PAUSED');
  }, 60_000);

  it('is refused for what has ended, what nobody cancels and what is not known', async () => {
    const done = await started('one_task', {}, 'COMPLETED');
    expect(await undo(done)).toMatchObject({
      status: 409,
      body: { code: 'EXECUTION_ALREADY_FINISHED', state: 'COMPLETED' },
    });
    const unknown = { ...done, executionId: '01926a3e-0000-7000-8000-000000000001' };
    expect(await undo(unknown)).toMatchObject({ status: 404, body: { code: 'EXECUTION_NOT_FOUND' } });
    const held = await started('stubborn', {}, 'RUNNING');
    await flux.rest.cancel(held, '', { gracePeriod: '500ms' });
    expect(await undo(held)).toMatchObject({ status: 409, body: { code: 'CANCEL_ALREADY_DELIVERED' } });
    await reach(held, 'CANCELLED');
  });

  it('brings a sleep back, of one and of many, and one that fell due meanwhile wakes at once', async () => {
    const file = temporaryFile('nap');
    const dozing = await Promise.all(
      Array.from({ length: 3 }, () =>
        started('dozing', { for: '1h' }, 'SLEEPING', { labels: { undo: 'many' } }),
      ),
    );
    const nap = await started('napping', { file, for: '6s' }, 'SLEEPING');
    await flux.worker.stop();
    const grace = { gracePeriod: '1h' };
    expect(await flux.rest.cancel(nap, '', grace)).toMatchObject({
      status: 202,
      body: { state: 'CANCELLING' },
    });
    const body = { filter: { labels: { undo: 'many' } }, ...grace };
    const job = bulkCancelResource.parse((await flux.rest.request('POST', '/cancellations', { body })).body);
    const path = `/cancellations/${job.cancellationId}`;
    const progress = async () => bulkCancelResource.parse((await flux.rest.request('GET', path)).body);
    await until('the requests', async () => (await progress()).counts.requested === 3);
    expect(await flux.rest.request('DELETE', `${path}?undo=true&reason=oops`)).toMatchObject({ status: 200 });
    await until('the end of the job', async () => (await progress()).finishedAt);
    expect(await progress()).toMatchObject({ state: 'stopped', counts: { total: 3, undone: 3 } });
    for (const execution of dozing) {
      const present = await flux.rest.status('dozing', execution.executionId);
      expect(present).toMatchObject({ state: 'SLEEPING', cancellation: null, waiting: execution.waiting });
      expect(await typesOf(execution)).toContain('cancel_undone');
    }
    await wait(Math.max(0, Date.parse(nap.waiting?.until ?? '') - Date.now()) + 50);
    expect(await undo(nap, '?reason=needed')).toMatchObject({ status: 200, body: { cancellation: null } });
    await flux.startWorker('worker-b');
    const ended = await reach(nap, 'COMPLETED');
    expect(linesOf(file)).toEqual(['before', 'after']);
    const undone = (await flux.rest.history(ended)).find(({ type }) => type === 'cancel_undone');
    expect(undone?.data).toEqual({ requestedBy: 'cli:bob', reason: 'needed', state: 'SLEEPING' });
  }, 60_000);
});
