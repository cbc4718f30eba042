import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  checkpointPartition,
  createTopology,
  MESSAGE_LIMIT_BYTES,
  type CheckpointEvent,
  type MessageBody,
} from '@flux/contracts';
import { BusUnavailableError, type Bus } from '@flux/messaging';
import { pino } from 'pino';
import { Checkpoints } from './checkpoints.js';
import { Attempt } from '../attempts/attempt.js';

type Message = MessageBody<'checkpoints'>;

const topology = createTopology('test');
const log = pino({ level: 'silent' });

function attemptOf(executionId: string): Attempt {
  return new Attempt({
    executionId,
    attempt: 1,
    workflowName: 'w',
    runner: undefined,
    handle: 1,
    childrenHeard: 0,
    isSignalled: false,
  });
}

const at = (time: number): CheckpointEvent => ({ type: 'cancel_delivered', at: time });
/** `executionId: seq: times` of each item. */
const shape = (message: Message): string[] =>
  message.items.map(
    ({ executionId, seq, events }) =>
      `${executionId}: ${seq}: ${events.map((event) => ('at' in event ? event.at : event.type)).join()}`,
  );

describe('checkpoints', () => {
  let messages: Message[] = [];
  /** The number of publishes that fail from now on, each after its message has arrived. */
  let failures = 0;
  /** Resolves when the broker answers what it has got. */
  let answers: Promise<void>;
  let pieces: Array<MessageBody<'put_piece'>> = [];
  /** Resolves when the api answers the pieces that it has got. */
  let uploads: Promise<void>;
  const arrivals = new EventEmitter();
  let checkpoints: Checkpoints;

  beforeEach(() => {
    messages = [];
    failures = 0;
    answers = Promise.resolve();
    pieces = [];
    uploads = Promise.resolve();
    const publish: Bus['publish'] = async (_address, _type, body) => {
      messages.push(JSON.parse(JSON.stringify(body)) as Message);
      arrivals.emit('message');
      await answers;
      failures -= 1;
      if (failures >= 0) throw new BusUnavailableError('the connection was lost before the confirm');
    };
    const request: Bus['request'] = async (_address, _type, body) => {
      pieces.push(body as MessageBody<'put_piece'>);
      arrivals.emit('piece');
      await uploads;
    };
    const bus = { publish, request, state: 'connected' } as Partial<Bus> as Bus;
    checkpoints = new Checkpoints({ bus, topology, workerId: 'w@1', log });
  });

  const append = (attempt: Attempt, time: number, told: unknown[] = []): void =>
    checkpoints.append(attempt, at(time), () => void told.push(time));

  /** Resolves once the broker has got a message; it answers that when the result is called. */
  const firstArrives = async (): Promise<() => void> => {
    let answer = (): void => undefined;
    answers = new Promise((resolve) => (answer = resolve));
    await once(arrivals, 'message');
    return answer;
  };

  test('of one turn travel together, and what gathers meanwhile in the next message', async () => {
    const attempt = attemptOf('a');
    const told: unknown[] = [];
    append(attempt, 1, told);
    append(attempt, 2, told);
    const confirm = await firstArrives();
    append(attempt, 3, told);
    append(attempt, 4, told);
    expect(told).toEqual([]);
    confirm();
    await checkpoints.flushed();
    expect(messages.map(shape)).toEqual([['a: 1: 1,2'], ['a: 2: 3,4']]);
    expect(told).toEqual([1, 2, 3, 4]);
  });

  test('an unconfirmed message is sent again, unchanged and before the next', async () => {
    const attempt = attemptOf('a');
    failures = 2;
    const told: unknown[] = [];
    append(attempt, 1, told);
    const refuse = await firstArrives();
    append(attempt, 2, told);
    expect(told).toEqual([]);
    refuse();
    await checkpoints.flushed();
    expect(messages.map(shape)).toEqual([['a: 1: 1'], ['a: 1: 1'], ['a: 1: 1'], ['a: 2: 2']]);
    expect(told).toEqual([1, 2]);
  });

  test('dropped ones are neither sent nor confirmed', async () => {
    failures = 1000;
    const told: unknown[] = [];
    append(attemptOf('a'), 1, told);
    const refuse = await firstArrives();
    append(attemptOf('a'), 2, told);
    checkpoints.drop();
    refuse();
    await checkpoints.flushed();
    failures = 0;
    append(attemptOf('a'), 3, told);
    await checkpoints.flushed();
    expect(told).toEqual([3]);
    expect(messages.flatMap(shape).at(-1)).toBe('a: 1: 3');
  });

  test('a large load is split', async () => {
    for (let index = 0; index < 4 * 600; index += 1) append(attemptOf(`execution-${index}`), index);
    await checkpoints.flushed();
    expect(messages.flatMap(({ items }) => items)).toHaveLength(2400);
    expect(Math.max(...messages.map(({ items }) => items.length))).toBeLessThanOrEqual(500);
  });

  const recorded = (value: unknown): CheckpointEvent => ({
    type: 'value_recorded',
    callId: 'now#0',
    name: 'now',
    value,
    at: 0,
  });

  test('a large event is uploaded before, a few pieces at a time, and only events of its own attempt wait', async () => {
    const [attempt, neighbour] = [attemptOf('a'), attemptOf('e')];
    expect(checkpointPartition('a')).toBe(checkpointPartition('e'));
    let store = (): void => undefined;
    uploads = new Promise((resolve) => (store = resolve));
    const event = recorded(randomBytes(600_000).toString('hex'));
    const told: unknown[] = [];
    append(attempt, 1, told);
    checkpoints.append(attempt, event, () => told.push('large'));
    append(attempt, 2, told);
    while (pieces.length < 4) await once(arrivals, 'piece');
    append(neighbour, 3, told);
    while (told.length < 2) await once(arrivals, 'message').then(() => new Promise(setImmediate));
    expect(messages.flatMap(shape)).toEqual(['a: 1: 1', 'e: 1: 3']);
    expect(pieces).toHaveLength(4);
    store();
    await checkpoints.flushed();
    expect(messages.flatMap(shape).slice(2)).toEqual(['a: 2: stored,2']);
    expect(told).toEqual([1, 3, 'large', 2]);
    const packed = pieces.sort((a, b) => a.index - b.index).map(({ data }) => Buffer.from(data, 'base64'));
    expect(JSON.parse(gunzipSync(Buffer.concat(packed)).toString())).toEqual(event);
    expect(Math.max(...pieces.map((piece) => JSON.stringify(piece).length))).toBeLessThan(100 * 1024);
  });

  test('what nothing needs after a cancel does not hold the cleanup up: its upload ends, and it is confirmed in its place', async () => {
    const attempt = attemptOf('a');
    let store = (): void => undefined;
    uploads = new Promise((resolve) => (store = resolve));
    const told: unknown[] = [];
    const large = (name: string, isMoot: boolean): void => {
      const text = JSON.stringify(recorded(randomBytes(600_000).toString('hex')));
      const json = new Uint8Array(Buffer.from(text));
      checkpoints.append(attempt, { type: 'value_recorded', signalled: false, isMoot, json }, () =>
        told.push(name),
      );
    };
    append(attempt, 1, told);
    for (const name of ['moot', 'moot too']) large(name, true);
    append(attempt, 2, told);
    while (pieces.length < 4) await once(arrivals, 'piece');
    const callId = 'tidy#0';
    const tidied = { name: 'tidy', tries: 1, inCleanup: true, startedAt: 0, at: 3, output: null };
    checkpoints.append(attempt, { type: 'task_completed', callId, ...tidied }, () => told.push('tidied'));
    while (told.length < 5) await once(arrivals, 'message').then(() => new Promise(setImmediate));
    expect(messages.flatMap(shape)).toEqual(['a: 1: 1', 'a: 2: 2,3']);
    expect(told).toEqual([1, 'moot', 'moot too', 2, 'tidied']);
    store();
    await checkpoints.flushed();
    expect(pieces.length).toBeLessThan(12);
  });

  test('what is left out after a cancel has its place taken by what is to be recorded instead', async () => {
    const attempt = attemptOf('a');
    uploads = new Promise(() => undefined);
    const told: unknown[] = [];
    const instead = { ...recorded(1), type: 'task_interrupted' } as never;
    const json = new Uint8Array(Buffer.from(JSON.stringify(recorded(randomBytes(100_000).toString('hex')))));
    checkpoints.append(
      attempt,
      { type: 'task_completed', signalled: false, isMoot: true, instead, json },
      () => told.push('cut off'),
    );
    const tidied = { callId: 'tidy#0', name: 'tidy', tries: 1, startedAt: 0, at: 3, output: null };
    checkpoints.append(attempt, { type: 'task_completed', ...tidied, inCleanup: true }, () =>
      told.push('tidied'),
    );
    while (told.length < 2) await once(arrivals, 'message').then(() => new Promise(setImmediate));
    const types = messages.flatMap(({ items }) =>
      items.flatMap(({ events }) => events.map(({ type }) => type)),
    );
    expect(types).toEqual(['task_interrupted', 'task_completed']);
  });

  test('results of one attempt are cut by bytes, in their order', async () => {
    const attempt = attemptOf('a');
    const values = Array.from({ length: 300 }, (_, index) => `${index}`.padEnd(4_000, 'ä'));
    for (const value of values) checkpoints.append(attempt, recorded(value), () => undefined);
    await checkpoints.flushed();
    const items = messages.flatMap((message) => message.items);
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, index) => index + 1));
    expect(items.flatMap(({ events }) => events)).toEqual(values.map(recorded));
    const bytes = messages.map((message) => Buffer.byteLength(JSON.stringify(message)));
    expect(Math.max(...bytes)).toBeLessThan(MESSAGE_LIMIT_BYTES);
  });

  test('what JSON cannot say is refused, and nothing else is lost', async () => {
    const attempt = attemptOf('a');
    let deep: unknown = null;
    for (let level = 0; level < 20_000; level += 1) deep = [deep];
    append(attempt, 1);
    expect(() => checkpoints.append(attempt, recorded(deep), () => undefined)).toThrow(RangeError);
    append(attempt, 2);
    await checkpoints.flushed();
    expect(messages.flatMap(shape)).toEqual(['a: 1: 1,2']);
  });
});
