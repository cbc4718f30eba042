import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { parseMessage, tooDeepAt, type HistoryEntry } from '@flux/contracts';
import { task, workflow, type AnyWorkflow, type ExecutionContext } from '@flux/sdk';
import fc from 'fast-check';
import { MessageBatch } from '../wire/message-batch.js';
import type { FromRunner } from '../wire/protocol.js';
import { eventsOf, unpacked } from '../testing/unpacked.js';
import { RunnerExecutions } from './runner-executions.js';
import { RunnerPrograms } from './runner-programs.js';

/** More of them: `FLUX_VALUES_RUNS=20000 npm run test:unit -- doors`, which holds the event loop's time too. */
const RUNS = Number(process.env.FLUX_VALUES_RUNS ?? 300);
const LONGEST_HOLD_MS = process.env.FLUX_VALUES_RUNS === undefined ? Infinity : 100;
const LIMIT_BYTES = 64 * 1024;
/** What a checkpoint may have beside a value of the largest size: an error with all that is kept of it, and its types. */
const BESIDE_BYTES = 200 * 1024;
const PATIENCE_MS = 20_000;
const ID = '01920000-0000-7000-8000-000000000001';

class Price {
  readonly #cents = 5;
  get cents(): number {
    return this.#cents;
  }
}

function nest(levels: number, around: (inner: unknown) => unknown): unknown {
  let value: unknown = 0;
  for (let level = 0; level < levels; level += 1) value = around(value);
  return value;
}

const throwing = (): never => {
  throw new Error('not now');
};

/** Values that ought not to reach a supervisor, made anew each time. */
const ODD: Readonly<Record<string, (size: number) => unknown>> = {
  lists: (size) => nest(size, (inner) => [inner]),
  objects: (size) => nest(size, (inner) => ({ a: inner })),
  maps: (size) => nest(size, (inner) => new Map([[inner, inner]].slice(0, 1).map(([key]) => [1, key]))),
  causes: (size) => nest(size, (cause) => new Error('x', { cause })),
  aggregates: (size) =>
    new AggregateError(
      Array.from({ length: size }, () => new Error('x')),
      'all',
    ),
  bomb: () => nest(50, (inner) => [inner, inner]),
  circle: () => {
    const circle: Record<string, unknown> = {};
    circle.self = new Map([[circle, [circle]]]);
    return circle;
  },
  own_cause: () => {
    const error = new Error('mine');
    return Object.assign(error, { cause: error });
  },
  text: (size) => '\ud83d\0'.repeat(size * 10),
  bytes: (size) => new Uint8Array(size * 100),
  big: (size) => 2n ** BigInt(size),
  sparse: (size) => Object.assign([], { [size]: 1 }),
  match: () => /b(?<c>.)/.exec('abc'),
  keys: (size) => Object.fromEntries(Array.from({ length: size }, (_, key) => [`k${key}`, key])),
  prototype_keys: () => JSON.parse('{"__proto__":{"a":1},"constructor":[2],"toString":3}') as unknown,
  getter: () => Object.defineProperty({}, 'a', { enumerable: true, get: throwing }),
  message: () => Object.defineProperty(new Error('x'), 'message', { get: throwing }),
  name: () => Object.assign(new Error('x'), { name: { toString: throwing } }),
  proxy: () => new Proxy({}, { ownKeys: throwing, get: throwing, getPrototypeOf: throwing }),
  revoked: () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    return proxy;
  },
  endless: () => {
    const handler: ProxyHandler<object> = {
      ownKeys: () => ['a'],
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }),
      get: (_, key) => (key === 'a' ? new Proxy({}, handler) : undefined),
    };
    return new Proxy({}, handler);
  },
  says_deep: (size) => ({ toJSON: () => nest(size, (inner) => [inner]) }),
  says_bomb: () => ({ toJSON: () => nest(50, (inner) => [inner, inner]) }),
  says_nothing: () => ({ toJSON: () => undefined }),
  says_itself: () =>
    Object.assign(new Price(), {
      toJSON(): unknown {
        return this;
      },
    }),
  says_no: () => ({ toJSON: throwing }),
  instance: () => new Price(),
  boxed: () => [Object(1), Object('a'), Object(1n), Object(Symbol('x'))],
  functions: () => [throwing, Symbol('x'), class {}],
  promise: () => [new Promise(() => undefined)],
  weak: () => [new WeakMap(), new WeakRef({}), globalThis, process],
  dates: () => [new Date(NaN), new Date(8.64e15), Object.create(Date.prototype)],
  numbers: () => [NaN, -0, Infinity, -Infinity, 5e-324],
};

const size = fc.oneof(
  { weight: 3, arbitrary: fc.nat(10) },
  { weight: 3, arbitrary: fc.constantFrom(199, 200, 201) },
  { weight: 1, arbitrary: fc.constantFrom(2000, 9000) },
);
const odd = fc
  .tuple(fc.constantFrom(...Object.keys(ODD)), size)
  .map(([kind, of]) => ({ toString: () => `${kind} ${of}`, make: () => ODD[kind]?.(of) }));
const ordinary = fc
  .anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
  })
  .map((value) => ({ toString: () => fc.stringify(value), make: () => value }));
const AROUND: Readonly<Record<string, (value: unknown) => unknown>> = {
  nothing: (value) => value,
  field: (value) => ({ before: 1n, value }),
  list: (value) => [value, value],
  map: (value) => new Map([[value, new Set([value])]]),
  error: (value) => Object.assign(new Error('with it', { cause: value }), { value }),
};
const around = fc.constantFrom(...Object.keys(AROUND));

const rejecting = async (value: unknown): Promise<never> => {
  throw value as Error;
};

type Body = (ctx: ExecutionContext, value: never, seen: unknown[]) => unknown;

/** The ways by which a value leaves the code of a user. What the body gets back goes to `seen`. */
const DOORS: Readonly<Record<string, Body>> = {
  output: (_ctx, value) => value,
  thrown: (_ctx, value) => rejecting(value),
  result: async (ctx, value, seen) => void seen.push(await ctx.run(task('made', () => value))),
  failure: async (ctx, value, seen) =>
    void seen.push(await ctx.run(task('failing', () => rejecting(value))).catch(told)),
  fallback: async (ctx, value, seen) => {
    const failing = () => rejecting(value);
    seen.push(await ctx.run(task('failing', failing, { fallback: () => value })).catch(told));
  },
  rollback: async (ctx, value) => {
    await ctx.run(task('undoable', () => 1, { rollback: () => rejecting(value) }));
    throw new Error('undo it');
  },
  progress: (ctx, value) => ctx.run(task('progressing', (own) => void own.progress(value))),
  child: async (ctx, value) => void (await ctx.start('other', value)),
  label: async (ctx, value) => void (await ctx.start('other', {}, { labels: { value } })),
  pause: (ctx, value) => ctx.pause(value),
  log: (ctx, value) => {
    ctx.log.info(value, value);
    ctx.log.info('of it', { value });
  },
  scope: async (ctx, value) => {
    const scope = ctx.scope(() => ctx.sleep('1h'));
    scope.cancel(value);
    await scope;
  },
};

/** An error by what a body may look at. */
function told(error: unknown): unknown {
  const { name, message, stack, cause, errors, ...own } = error as Error & { errors?: unknown };
  return {
    name,
    message,
    stack,
    cause: cause && told(cause),
    errors: Array.isArray(errors) && errors.map(told),
    own,
  };
}

/** Runs a workflow in a runner whose supervisor confirms everything; what the supervisor was sent, up to the end. */
async function play(flow: AnyWorkflow, history: readonly HistoryEntry[]): Promise<FromRunner[]> {
  const sent: FromRunner[] = [];
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const outbox = new MessageBatch<FromRunner>((messages) => {
    // This is what a port or a pipe does to them.
    sent.push(...structuredClone(messages));
    const events = messages.flatMap((message) => (message.kind === 'event' ? [message.event.type] : []));
    if (events.includes('finished') || events.includes('parked')) end();
    // An answer never comes in the turn in which something is sent.
    else setImmediate(() => runner.handle({ kind: 'confirmed', handle: 1, count: events.length }));
  });
  const workflows = new Map([['w', flow]]);
  const runner = new RunnerExecutions({
    programs: new RunnerPrograms({}, outbox),
    workflows,
    outbox,
    maxPayloadBytes: LIMIT_BYTES,
    clock: undefined,
    whereabouts: undefined,
  });
  const start = { executionId: ID, attempt: 1, input: null, history, cancel: null };
  runner.handle({ kind: 'start', handle: 1, workflowName: 'w', start, more: false });
  const patience = new AbortController();
  const isOver = await Promise.race([
    ended.then(() => true),
    wait(PATIENCE_MS, false, { signal: patience.signal }),
  ]);
  patience.abort();
  expect(isOver).toBe(true);
  return sent;
}

/** Does with each message what supervisor and api do: measure, encode, decode and check it. */
function assertHarmless(sent: readonly FromRunner[]): void {
  for (const each of sent) {
    const from = process.cpuUsage();
    const message = each.kind === 'event' ? { ...each, event: unpacked(each.event) } : each;
    const text = JSON.stringify(message);
    const back = JSON.parse(text) as FromRunner;
    expect(JSON.stringify(back)).toBe(text);
    expect(text.length).toBeLessThan(6 * LIMIT_BYTES + BESIDE_BYTES);
    expect(tooDeepAt(back, 450)).toBeUndefined();
    if (back.kind === 'event') {
      const items = [{ executionId: ID, attempt: 1, seq: 1, events: [back.event] }];
      expect(parseMessage('checkpoints', { workerId: 'w', items })).toMatchObject({ ok: true });
    }
    const { user, system } = process.cpuUsage(from);
    expect((user + system) / 1000).toBeLessThan(LONGEST_HOLD_MS);
  }
  const types = eventsOf(sent).map(({ type }) => type);
  expect(types.filter((type) => type === 'finished' || type === 'parked')).toHaveLength(1);
}

/** The calls among those messages, as the next attempt gets them. */
const recorded = (sent: readonly FromRunner[]): HistoryEntry[] =>
  eventsOf(sent)
    .filter((event) => 'callId' in event && event.type !== 'parked')
    .map((event) => JSON.parse(JSON.stringify(event)) as HistoryEntry);

test(
  'whatever leaves the code of a user by any door ends no more than its execution, and is the same in a replay (elsewhere: a deep value kills the supervisor, or blocks what stands behind it for ever)',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(DOORS)),
        fc.oneof({ weight: 3, arbitrary: odd }, { weight: 1, arbitrary: ordinary }),
        around,
        async (door, { make }, how) => {
          const seen: unknown[] = [];
          const value = AROUND[how]?.(make());
          const flow = workflow('w', async (ctx) => DOORS[door]?.(ctx, value as never, seen));
          const sent = await play(flow, []);
          assertHarmless(sent);
          assertHarmless(await play(flow, recorded(sent)));
          expect(seen.map((each) => fc.stringify(each)).slice(1)).toEqual(
            seen.map((each) => fc.stringify(each)).slice(0, -1),
          );
        },
      ),
      { numRuns: RUNS },
    );
  },
  60_000 + RUNS * 1000,
);
