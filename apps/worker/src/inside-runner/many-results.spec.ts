import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CheckpointEvent } from '@flux/contracts';
import { task, workflow, type AnyWorkflow, type ExecutionContext, type TaskContext } from '@flux/sdk';
import { MessageBatch } from '../wire/message-batch.js';
import { eventsOf } from '../testing/unpacked.js';
import { isPacked } from '../wire/packed-event.js';
import type { FromRunner } from '../wire/protocol.js';
import { RunnerExecutions } from './runner-executions.js';
import { RunnerPrograms } from './runner-programs.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A supervisor that takes what a runner tells, and answers as the test has it. */
describe('RunnerExecutions, with many results at once', () => {
  let begun: number;
  let told: FromRunner[];
  let runner: RunnerExecutions;

  const small = task('small', (_ctx: TaskContext, index: number) => {
    begun += 1;
    return Promise.resolve(index);
  });
  const large = task('large', () => Promise.resolve('ä'.repeat(200_000)));
  /** Takes the time that its size would. */
  const slow = task('slow', (_ctx: TaskContext, _index: number) => {
    const began = performance.now();
    while (performance.now() - began < 4);
    return Promise.resolve('done');
  });
  const indexes = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
  const two = async (ctx: ExecutionContext): Promise<number> => {
    const lists = await Promise.all([ctx.map(small, indexes(700)), ctx.map(small, indexes(900))]);
    return lists.flat().length;
  };
  const workflows = new Map<string, AnyWorkflow>([
    ['two', workflow('two', two)],
    ['large', workflow('large', (ctx: ExecutionContext) => ctx.run(large))],
    ['slow', workflow('slow', async (ctx: ExecutionContext) => (await ctx.map(slow, indexes(100))).length)],
  ]);

  beforeEach(() => {
    begun = 0;
    told = [];
    const outbox = new MessageBatch<FromRunner>((messages) => void told.push(...messages));
    runner = new RunnerExecutions({
      programs: new RunnerPrograms({}, outbox),
      workflows,
      outbox,
      maxPayloadBytes: 1024 ** 2,
      clock: undefined,
      whereabouts: undefined,
    });
  });

  const start = (workflowName: string): void => {
    const given = { executionId: 'one', attempt: 1, input: null, history: [], cancel: null };
    runner.handle({ kind: 'start', handle: 1, workflowName, start: given, more: false });
  };
  const events = (): CheckpointEvent[] => eventsOf(told);

  it('begins no more tasks of maps than it can hear to be safe, and all of them in the end', async () => {
    start('two');
    for (let before = -1; before !== begun;) {
      before = begun;
      for (let turns = 0; turns < 10; turns += 1) await turn();
    }
    expect(begun).toBeGreaterThanOrEqual(256);
    expect(begun).toBeLessThan(400);
    for (let confirmed = 0; !events().some(({ type }) => type === 'finished');) {
      const count = events().length - confirmed;
      confirmed += count;
      runner.handle({ kind: 'confirmed', handle: 1, count });
      await turn();
    }
    expect(begun).toBe(1_600);
    expect(events().at(-1)).toMatchObject({ outcome: 'completed', output: 1_600 });
  });

  it('hears a cancel between results that take long, not behind them', async () => {
    start('slow');
    await turn();
    await turn();
    runner.handle({
      kind: 'cancel',
      handle: 1,
      request: { requestedBy: 'ada', reason: null, cause: 'request', remainingMs: 5_000 },
    });
    while (!events().some(({ type }) => type === 'finished')) await turn();
    const types = events().map(({ type }) => type);
    expect(events().at(-1)).toMatchObject({ type: 'finished', outcome: 'cancelled' });
    expect(types.filter((type) => type === 'task_completed').length).toBeLessThan(50);
  });

  it('tells a large result as its text, which is the event', async () => {
    start('large');
    for (let turns = 0; events().length === 0; turns += 1) await turn();
    const [message] = told.filter(({ kind }) => kind === 'event');
    expect(message?.kind === 'event' && isPacked(message.event)).toBe(true);
    expect(events()[0]).toMatchObject({
      type: 'task_completed',
      callId: 'large#0',
      output: 'ä'.repeat(200_000),
    });
  });
});
