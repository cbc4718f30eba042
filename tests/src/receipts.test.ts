import { describe, expect, it } from '@jest/globals';
import { executionReceipt, type ExecutionReceipt, type ExecutionResource } from '@flux/contracts';
import { until } from '@flux/testing';
import { linesOf, temporaryFile } from './support/machine-files.js';
import { useDeployment } from './support/use-deployment.js';

const flux = useDeployment(['worker-a']);
const { cancelled, expectLegal, reach } = flux.rest;

interface Charging {
  readonly execution: ExecutionResource;
  readonly file: string;
}

/** An order in the middle of its charge. */
async function chargingOrder(workflowName: string, charging: string): Promise<Charging> {
  const file = temporaryFile('order');
  const execution = await flux.rest.start(workflowName, { file, charging });
  await until('the charge', () => linesOf(file).includes('charging 1'));
  return { execution, file };
}

/** The receipt as the CLI gives it, in words and whole. */
async function receiptOf({ workflowName, executionId }: ExecutionResource) {
  const asked = ['workflow', 'receipt', workflowName, executionId];
  const [words, whole] = await Promise.all([flux.cli(...asked), flux.cli(...asked, '--json')]);
  expect([words, whole]).toMatchObject([
    { code: 0, stderr: '' },
    { code: 0, stderr: '' },
  ]);
  return { words: words.stdout, receipt: executionReceipt.parse(JSON.parse(whole.stdout)) };
}

const namesOf = (part: ExecutionReceipt['completed'] | ExecutionReceipt['undone']): string[] =>
  part.items.map(({ name }) => name);

describe('the receipt of an execution', () => {
  it.each(['order', 'shared_order'])(
    'of %s, killed in the busy loop of a task, names that task as cut off with unknown effect (elsewhere: the history has no event for a task that began)',
    async (workflowName) => {
      const { execution, file } = await chargingOrder(workflowName, 'busy');
      await flux.rest.untilEvent(execution, 'task_started');
      const before = await receiptOf(execution);
      expect(before.receipt).toMatchObject({
        isOver: false,
        cancellation: null,
        underWay: { count: 1, items: [{ name: 'charge' }] },
      });
      expect(before.words).toContain('it is not over');
      const ended = await cancelled(execution, { reason: 'wrong order', gracePeriod: '200ms' });
      const { words, receipt } = await receiptOf(ended);
      expect(receipt).toMatchObject({
        state: 'CANCELLED',
        isOver: true,
        cancellation: { reason: 'wrong order', forced: true, cleanup: 'timed_out' },
        completed: { count: 1 },
        undone: { count: 0 },
        cutOff: { count: 1, items: [{ name: 'charge', how: 'killed', rollback: true, madeAgain: false }] },
        underWay: { count: 0 },
      });
      expect(words).toMatch(
        /Cut off, with unknown effect \(1\)\n.*charge .*: killed with its .*rollback did not run/,
      );
      expect(linesOf(file)).toEqual(['reserved', 'charging 1']);
    },
    120_000,
  );

  it('that was cut by its cancel has the task that was rejected, and what was undone', async () => {
    const { execution, file } = await chargingOrder('shared_order', 'obedient');
    const ended = await cancelled(execution);
    const { words, receipt } = await receiptOf(ended);
    expect(receipt.cutOff).toMatchObject({
      count: 1,
      items: [{ name: 'charge', how: 'rejected', settled: 'threw', rollback: true }],
    });
    expect(receipt.cancellation).toMatchObject({ forced: false, cleanup: 'succeeded' });
    expect([namesOf(receipt.completed), namesOf(receipt.undone)]).toEqual([['reserve'], ['reserve']]);
    expect(words).toMatch(/Undone \(1\)\n.*reserve/);
    expect(linesOf(file)).toEqual(['reserved', 'charging 1', 'released']);
  }, 120_000);

  it('that another worker completed after the SIGKILL of its owner has the task that the owner lost, and that it was made again', async () => {
    const { execution } = await chargingOrder('shared_order', 'once');
    await flux.rest.untilEvent(execution, 'task_started');
    const owner = flux.worker;
    await flux.startWorker('heir');
    await owner.kill();
    const ended = await expectLegal(await reach(execution, 'COMPLETED'));
    const { words, receipt } = await receiptOf(ended);
    expect(receipt).toMatchObject({
      cancellation: null,
      cutOff: { count: 1, items: [{ name: 'charge', attempt: 1, how: 'owner_lost', madeAgain: true }] },
      lostOwners: { count: 1, items: [{ why: 'lost', attempt: 1 }] },
    });
    expect(namesOf(receipt.completed)).toEqual(['reserve', 'charge']);
    expect(words).toContain('a later attempt has its result');
  }, 120_000);
});
