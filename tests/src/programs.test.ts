import { afterEach, describe, expect, it } from '@jest/globals';
import { executionReceipt, type ExecutionResource } from '@flux/contracts';
import { descendants, isAlive, until } from '@flux/testing';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['owner'], { FLUX_LEASE: '4s', FLUX_HEARTBEAT: '1s' });
const { cancelled } = flux.rest;

const started: number[] = [];
afterEach(() => {
  for (const pid of started.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
});

interface Running {
  readonly execution: ExecutionResource;
  readonly pid: number;
}

async function begin(detached = false): Promise<Running> {
  const file = temporaryFile('program');
  const execution = await flux.rest.start('programs', { file, detached });
  await until('the program', () => linesOf(file).length === 1);
  await flux.rest.untilEvent(execution, 'task_completed');
  const pid = Number(linesOf(file)[0]);
  started.push(pid);
  expect(isAlive(pid)).toBe(true);
  return { execution, pid };
}

describe('a program of an execution', () => {
  it('is dead before CANCELLED, and on the receipt, without its arguments (elsewhere: a program outlives CANCELLED in a shared runner)', async () => {
    const { execution, pid } = await begin();
    const ended = await cancelled(execution);
    expect(isAlive(pid)).toBe(false);
    const asked = ['workflow', 'receipt', ended.workflowName, ended.executionId];
    const [words, whole] = await Promise.all([flux.cli(...asked), flux.cli(...asked, '--json')]);
    expect(executionReceipt.parse(JSON.parse(whole.stdout)).programs).toMatchObject({
      count: 1,
      items: [{ name: 'sleep', pid, how: 'SIGTERM' }],
    });
    expect(words.stdout).toMatch(
      new RegExp(`Programs \\(1\\)\\n.*program sleep \\(pid ${pid}\\) ended by SIGTERM`),
    );
    expect(JSON.stringify(await flux.rest.history(ended))).not.toContain('hush');
  }, 60_000);

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'in a session of its own is dead before others have the execution of a worker that gets %s; a detached one is not',
    async (signal) => {
      const { execution, pid } = await begin();
      const kept = await begin(true);
      const { worker } = flux;
      process.kill(worker.pid, signal);
      const died = until('the end of the program', () => !isAlive(pid), 30_000, 5).then(() => Date.now());
      // Nobody else has the workflow: they are over as soon as they may be.
      const ends = await Promise.all(
        [execution, kept.execution].map((each) => cancelled(each, { gracePeriod: '500ms' })),
      );
      expect(await died).toBeLessThanOrEqual(Date.parse(ends[0]?.cancellation?.finalizedAt ?? ''));
      expect(isAlive(kept.pid)).toBe(true);
      await worker.kill();
      await flux.startWorker('owner');
      expect(isAlive(kept.pid)).toBe(true);
    },
    120_000,
  );

  it('of a worker that was SIGKILLed with its runners is ended when that starts again; other workers’ and detached ones live on', async () => {
    const { execution, pid } = await begin();
    const kept = await begin(true);
    const owner = flux.worker;
    await flux.startWorker('heir', { FLUX_WORKER_NAME: 'heir' });
    const runners = (await descendants(owner.pid)).filter((each) => ![pid, kept.pid].includes(each));
    // Frozen, they cannot end the program before they are killed.
    for (const each of runners) process.kill(each, 'SIGSTOP');
    await owner.kill();
    for (const each of runners) process.kill(each, 'SIGKILL');
    await until('the heir', async () => {
      const { workerId } = await flux.rest.status(execution.workflowName, execution.executionId);
      return workerId?.startsWith('heir@') ?? false;
    });
    const other = await begin();
    expect([pid, kept.pid, other.pid].filter(isAlive)).toEqual([pid, kept.pid, other.pid]);
    await flux.startWorker('owner');
    await until('the end of what was left behind', () => !isAlive(pid), 2_000, 10);
    expect([kept.pid, other.pid].filter(isAlive)).toEqual([kept.pid, other.pid]);
    for (const each of [execution, kept.execution, other.execution]) await cancelled(each);
    expect([kept.pid, other.pid].filter(isAlive)).toEqual([kept.pid]);
  }, 120_000);
});
