import { EventEmitter, once } from 'node:events';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { createTopology, type CheckpointEvent, type MessageBody } from '@flux/contracts';
import { BusUnavailableError, type Bus } from '@flux/messaging';
import { pino } from 'pino';
import { Checkpoints } from './checkpoints.js';
import { ChildrenHeard } from './children-heard.js';
import type { HeldExecution } from './held-execution.js';

type Message = MessageBody<'checkpoints'>;

const topology = createTopology('test');
const log = pino({ level: 'silent' });

function held(executionId: string): HeldExecution {
  return {
    executionId,
    attempt: 1,
    workflowName: 'w',
    runner: undefined,
    handle: 1,
    childrenHeard: new ChildrenHeard(0),
    seq: 0,
    phase: 'running',
    signalled: false,
    expired: false,
    fenced: false,
  };
}

const at = (time: number): CheckpointEvent => ({ type: 'cancel_delivered', at: time });
/** `executionId: seq: times` of each item. */
const shape = (message: Message): string[] =>
  message.items.map(
    ({ executionId, seq, events }) => `${executionId}: ${seq}: ${events.map((event) => event.at).join()}`,
  );

describe('checkpoints', () => {
  let messages: Message[] = [];
  /** How many publishes fail from now on, each after its message has arrived. */
  let failures = 0;
  /** Resolves when the broker answers what it has got. */
  let answers: Promise<void>;
  const arrivals = new EventEmitter();
  let checkpoints: Checkpoints;

  beforeEach(() => {
    messages = [];
    failures = 0;
    answers = Promise.resolve();
    const publish: Bus['publish'] = async (_address, _type, body) => {
      messages.push(body as Message);
      arrivals.emit('message');
      await answers;
      failures -= 1;
      if (failures >= 0) throw new BusUnavailableError('the connection was lost before the confirm');
    };
    const bus = { publish, state: 'connected' } as Partial<Bus> as Bus;
    checkpoints = new Checkpoints(bus, topology, 'w@1', log);
  });

  const append = (execution: HeldExecution, time: number, told: unknown[] = []): void =>
    checkpoints.append(execution, at(time), () => void told.push(time));

  /** Resolves once the broker has got a message; it answers that when the result is called. */
  const firstArrives = async (): Promise<() => void> => {
    let answer = (): void => undefined;
    answers = new Promise((resolve) => (answer = resolve));
    await once(arrivals, 'message');
    return answer;
  };

  test('of one turn travel together, and what gathers meanwhile in the next message', async () => {
    const execution = held('a');
    const told: unknown[] = [];
    append(execution, 1, told);
    append(execution, 2, told);
    const confirm = await firstArrives();
    append(execution, 3, told);
    append(execution, 4, told);
    expect(told).toEqual([]);
    confirm();
    await checkpoints.flushed();
    expect(messages.map(shape)).toEqual([['a: 1: 1,2'], ['a: 2: 3,4']]);
    expect(told).toEqual([1, 2, 3, 4]);
  });

  test('an unconfirmed message is sent again, unchanged and before the next', async () => {
    const execution = held('a');
    failures = 2;
    const told: unknown[] = [];
    append(execution, 1, told);
    const refuse = await firstArrives();
    append(execution, 2, told);
    expect(told).toEqual([]);
    refuse();
    await checkpoints.flushed();
    expect(messages.map(shape)).toEqual([['a: 1: 1'], ['a: 1: 1'], ['a: 1: 1'], ['a: 2: 2']]);
    expect(told).toEqual([1, 2]);
  });

  test('dropped ones are neither sent nor confirmed', async () => {
    failures = 1000;
    const told: unknown[] = [];
    append(held('a'), 1, told);
    const refuse = await firstArrives();
    append(held('a'), 2, told);
    checkpoints.drop();
    refuse();
    await checkpoints.flushed();
    failures = 0;
    append(held('a'), 3, told);
    await checkpoints.flushed();
    expect(told).toEqual([3]);
    expect(messages.flatMap(shape).at(-1)).toBe('a: 1: 3');
  });

  test('a large load is split', async () => {
    for (let index = 0; index < 4 * 600; index += 1) append(held(`execution-${index}`), index);
    await checkpoints.flushed();
    expect(messages.flatMap(({ items }) => items)).toHaveLength(2400);
    expect(Math.max(...messages.map(({ items }) => items.length))).toBeLessThanOrEqual(500);
  });
});
