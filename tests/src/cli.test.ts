import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { executionPage, executionResource, workerPage, workflowPage } from '@flux/contracts';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['worker-a']);
const { reach, started } = flux.rest;

describe('flux workflow cancel', () => {
  it('<workflow_name> <execution_id> asks for it and exits 0', async () => {
    const execution = await started('tidy');
    const ran = await flux.cli('workflow', 'cancel', 'tidy', execution.executionId, '--reason', 'wrong file');
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/CANCELLING|CANCELLED/);
    const ended = await reach(execution, 'CANCELLED');
    expect(ended.cancellation).toMatchObject({
      reason: 'wrong file',
      requestedBy: expect.stringMatching(/^cli:./),
    });
  });

  it('--sync waits for the end and exits 0', async () => {
    const execution = await started('tidy');
    const ran = await flux.cli('workflow', 'cancel', 'tidy', execution.executionId, '--sync');
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('CANCELLED');
    expect(await flux.rest.status('tidy', execution.executionId)).toMatchObject({ state: 'CANCELLED' });
  });

  it('--sync exits 2 when it is still cancelling at the timeout', async () => {
    const execution = await started('stubborn');
    const ran = await flux.cli(
      ...['workflow', 'cancel', 'stubborn', execution.executionId, '--sync', '--timeout', '300ms'],
      ...['--grace-period', '2s'],
    );
    expect(ran.code).toBe(2);
    await reach(execution, 'CANCELLED');
  });

  it('--force --json prints the execution as REST shows it', async () => {
    const execution = await started('stubborn');
    const ran = await flux.cli(
      ...['workflow', 'cancel', 'stubborn', execution.executionId, '--sync', '--force', '--json'],
    );
    expect(ran.code).toBe(0);
    expect(executionResource.parse(JSON.parse(ran.stdout))).toEqual(
      await flux.rest.status('stubborn', execution.executionId),
    );
  });

  it('exits 3 for a finished execution and 4 for an unknown one, with code and hint on stderr (elsewhere: the CLI prints the error and exits 0, no error for an unknown id)', async () => {
    const execution = await flux.rest.start('one_task', {});
    await reach(execution, 'COMPLETED');
    const finished = await flux.cli('workflow', 'cancel', 'one_task', execution.executionId);
    expect(finished).toMatchObject({ code: 3, stdout: '' });
    expect(finished.stderr).toMatch(/EXECUTION_ALREADY_FINISHED[^]*Hint/i);
    const unknown = await flux.cli('workflow', 'cancel', 'one_task', randomUUID());
    expect(unknown).toMatchObject({ code: 4, stdout: '' });
    expect(unknown.stderr).toMatch(/EXECUTION_NOT_FOUND[^]*Hint/i);
  });
});

describe('the other commands', () => {
  it('run, status and watch tell the same story', async () => {
    const ran = await flux.cli('workflow', 'run', 'one_task', '{"value":"cli"}', '--mode', 'sync', '--json');
    expect(ran.code).toBe(0);
    const execution = executionResource.parse(JSON.parse(ran.stdout));
    expect(execution).toMatchObject({ state: 'COMPLETED', output: { marked: 'cli' } });
    const status = await flux.cli('workflow', 'status', 'one_task', execution.executionId, '--detailed');
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(status.stdout).toContain('COMPLETED');
    const watched = await flux.cli('workflow', 'watch', 'one_task', execution.executionId);
    expect(watched.code).toBe(0);
    expect(watched.stdout).toContain('COMPLETED');
  });

  it('run --id is idempotent and --label is kept', async () => {
    const id = randomUUID();
    for (let time = 0; time < 2; time += 1) {
      const ran = await flux.cli(
        ...['workflow', 'run', 'one_task', '{}', '--id', id, '--label', 'team=media', '--json'],
      );
      expect(ran.code).toBe(0);
      expect(JSON.parse(ran.stdout)).toMatchObject({ executionId: id, labels: { team: 'media' } });
    }
  });

  it('an input that does not fit exits 1 and names the field', async () => {
    const ran = await flux.cli('workflow', 'run', 'one_task', '{"value": 42}');
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(/INVALID_INPUT/);
    expect(ran.stderr).toMatch(/value/);
  });

  it('the lists print what REST lists', async () => {
    const workflows = await flux.cli('workflow', 'list', '--json');
    expect(workflowPage.parse(JSON.parse(workflows.stdout)).items.map((one) => one.workflowName)).toContain(
      'tidy',
    );
    expect((await flux.cli('workflow', 'show', 'tidy')).code).toBe(0);
    expect((await flux.cli('workflow', 'show', 'nobody_knows')).code).toBe(4);
    const workers = await flux.cli('worker', 'list', '--json');
    expect(workerPage.parse(JSON.parse(workers.stdout)).items[0]).toMatchObject({ name: 'worker-a' });
    const executions = await flux.cli('execution', 'list', '--state', 'COMPLETED', '--limit', '1', '--json');
    expect(executionPage.parse(JSON.parse(executions.stdout)).items).toHaveLength(1);
    for (const topic of ['workflow', 'worker', 'execution']) {
      const people = await flux.cli(topic, 'list');
      expect(people).toMatchObject({ code: 0, stderr: '' });
      expect(people.stdout.split('\n').length).toBeGreaterThan(1);
    }
  });

  it('Ctrl-C stops the waiting, says so, and leaves the execution alone', async () => {
    const execution = await flux.rest.start('sleeper', {});
    const watching = flux.sandbox.spawnFlux(['workflow', 'watch', 'sleeper', execution.executionId], {
      FLUX_SERVER_URL: flux.url,
    });
    await watching.waitFor(/RUNNING|started/i);
    expect(await watching.stop('SIGINT')).toEqual({ code: 130, signal: null });
    expect(`${watching.stdout}${watching.stderr}`).toMatch(/goes on/);
    expect(await flux.rest.status('sleeper', execution.executionId)).toMatchObject({
      state: 'RUNNING',
      cancellation: null,
    });
    await flux.rest.cancel(execution);
  });
});
