import { beforeEach, describe, expect, it } from '@jest/globals';
import { workflow } from '@flux/sdk';
import type { ExecutionStart } from '../runtime/index.js';
import { MessageBatch } from '../wire/message-batch.js';
import { OwnershipClock } from '../wire/ownership-clock.js';
import type { FromRunner } from '../wire/protocol.js';
import { RunnerExecutions } from './runner-executions.js';
import { RunnerPrograms } from './runner-programs.js';

const start: ExecutionStart = { executionId: 'one', attempt: 1, input: null, history: [], cancel: null };
const given = { kind: 'start', handle: 1, workflowName: 'hello', start } as const;
const refused = [
  { kind: 'overdue' },
  { kind: 'event', handle: 1, event: { type: 'finished', error: { name: 'OwnershipLostError' } } },
];

/** The supervisor takes an execution that was given to a runner for one that runs, until the runner says otherwise. */
describe('RunnerExecutions, when its worker may own nothing any more', () => {
  const clock = new OwnershipClock();
  let outbox: MessageBatch<FromRunner>;
  let runner: RunnerExecutions;
  let told: FromRunner[];
  let begun: number;

  beforeEach(() => {
    told = [];
    begun = 0;
    clock.set(Number.POSITIVE_INFINITY);
    const hello = workflow('hello', async () => void (begun += 1));
    outbox = new MessageBatch((messages) => void told.push(...messages));
    const workflows = new Map([['hello', hello]]);
    const programs = new RunnerPrograms({}, outbox);
    runner = new RunnerExecutions({
      programs,
      workflows,
      outbox,
      maxPayloadBytes: 1_000,
      clock,
      whereabouts: undefined,
    });
  });

  const hear = (): FromRunner[] => {
    outbox.flush();
    return told;
  };

  it('refuses what it is given, though nothing else runs here', () => {
    clock.set(-1);
    runner.handle({ ...given, more: false });
    expect(hear()).toMatchObject(refused);
    clock.set(1_000);
    runner.handle({ kind: 'history', handle: 1, entries: [], more: false });
    expect(begun).toBe(0);
    expect(hear()).toHaveLength(2);
  });

  it.each([
    { kind: 'history', handle: 1, entries: [], more: false },
    { kind: 'stop', handle: 1 },
    { kind: 'pause', handle: 2 },
  ] as const)('refuses what waits for its history, whatever comes then: $kind', (message) => {
    runner.handle({ ...given, more: true });
    clock.set(-1);
    runner.handle(message);
    expect(hear()).toMatchObject(refused);
    expect(begun).toBe(0);
  });

  it('says nothing for what has ended', async () => {
    runner.handle({ ...given, more: false });
    while (!hear().some((message) => message.kind === 'event' && message.event.type === 'finished'))
      await new Promise((resolve) => setImmediate(resolve));
    const before = told.length;
    clock.set(-1);
    runner.handle({ kind: 'stop', handle: 1 });
    expect(begun).toBe(1);
    expect(hear()).toHaveLength(before);
  });
});
