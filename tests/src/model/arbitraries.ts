import fc, { type Arbitrary } from 'fast-check';
import {
  LOSABLE,
  REDELIVERABLE,
  REPEATABLE,
  type Command,
  type Place,
  type Program,
  type Start,
  type WorkerPlace,
} from './program.js';
import type { ChildStep, Script, Step } from './scripted-workflow.js';

const WORKERS: readonly WorkerPlace[] = ['worker 0', 'worker 1'];
const PLACES: readonly Place[] = [...WORKERS, 'api'];

const ms = (max: number): Arbitrary<number> => fc.integer({ min: 1, max });
const worker = fc.constantFrom(...WORKERS);
const place = fc.constantFrom(...PLACES);
const of = fc.nat(4);

const step: Arbitrary<Exclude<Step, ChildStep>> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('task'), ms: ms(300), obeys: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('undoable'), ms: ms(60) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flaky'), ms: ms(60) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('both'), ms: ms(100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('shielded'), ms: ms(200) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('scoped'), ms: ms(100), limitMs: ms(100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sleep'), ms: ms(300) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sleep'), ms: fc.constant(5_200) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause') }) },
);

const manners = {
  end: fc.oneof(
    { weight: 4, arbitrary: fc.constant('returns' as const) },
    { weight: 1, arbitrary: fc.constant('throws' as const) },
  ),
  handler: fc.boolean(),
  cleanup: fc.oneof(
    { weight: 2, arbitrary: fc.constant('none' as const) },
    { weight: 4, arbitrary: fc.constant('task' as const) },
    { weight: 1, arbitrary: fc.constant('endless' as const) },
  ),
  then: fc.oneof(
    { weight: 4, arbitrary: fc.constant('rethrows' as const) },
    { weight: 1, arbitrary: fc.constant('returns' as const) },
    { weight: 1, arbitrary: fc.constant('throws' as const) },
  ),
};

const childScript: Arbitrary<Script> = fc.record({ steps: fc.array(step, { maxLength: 2 }), ...manners });

const childStep: Arbitrary<ChildStep> = fc.record({
  do: fc.constantFrom('call', 'spawn'),
  script: childScript,
  onParentCancel: fc.constantFrom('wait', 'request', 'abandon'),
});

const script: Arbitrary<Script> = fc.record({
  steps: fc.array(fc.oneof({ weight: 6, arbitrary: step }, { weight: 1, arbitrary: childStep }), {
    minLength: 1,
    maxLength: 4,
  }),
  ...manners,
});

const start: Arbitrary<Start> = fc.record({ do: fc.constant('start'), script });

const elapse: Arbitrary<Command> = fc.record({
  do: fc.constant('elapse'),
  ms: fc.oneof(
    { weight: 4, arbitrary: ms(60) },
    { weight: 3, arbitrary: ms(500) },
    { weight: 1, arbitrary: ms(3_000) },
  ),
});

const asked: Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('cancel'),
      of,
      force: fc.oneof(
        { weight: 4, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
      syncMs: fc.option(ms(1_500), { freq: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel later'), of, delayMs: ms(400) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause'), of }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resume'), of }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('undo', 'status'), of }) },
);

const mishap: Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constant('mishap'), what: fc.constant('drop'), to: fc.constantFrom(...LOSABLE) }),
  fc.record({
    do: fc.constant('mishap'),
    what: fc.constant('duplicate'),
    to: fc.constantFrom(...REPEATABLE),
  }),
  fc.record({
    do: fc.constant('mishap'),
    what: fc.constant('redeliver'),
    to: fc.constantFrom(...REDELIVERABLE),
  }),
);

const fault: Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: mishap },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('kill', 'restart'), place }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('freeze', 'thaw'), place: worker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close'), place: worker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('break runner'), place: worker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart broker') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset link'), place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stall link'), place, ms: ms(2_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('cut link'), place, brokerMs: ms(2_500), processMs: ms(2_500) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fail database'), when: fc.constantFrom('before', 'after') }),
  },
);

/** Something is away for a while. */
const outage: Arbitrary<readonly Command[]> = fc.oneof(
  fc.tuple(place, ms(2_500)).map(([at, away]): Command[] => [
    { do: 'kill', place: at },
    { do: 'elapse', ms: away },
    { do: 'restart', place: at },
  ]),
  fc.tuple(worker, ms(5_000)).map(([at, away]): Command[] => [
    { do: 'freeze', place: at },
    { do: 'elapse', ms: away },
    { do: 'thaw', place: at },
  ]),
);

const commands: Arbitrary<readonly Command[]> = fc.oneof(
  { weight: 3, arbitrary: start.map((each) => [each]) },
  { weight: 6, arbitrary: asked.map((each) => [each]) },
  { weight: 8, arbitrary: elapse.map((each) => [each]) },
  { weight: 5, arbitrary: fault.map((each) => [each]) },
  { weight: 1, arbitrary: outage },
);

/** Programs of all that may happen; what is shrunk away first are its faults' numbers, its picks and its length. */
export const programs: Arbitrary<Program> = fc.record({
  picks: fc.array(fc.nat(5), { maxLength: 80, size: 'max' }),
  settled: fc.boolean(),
  commands: fc
    .tuple(start, fc.array(commands, { minLength: 2, maxLength: 12, size: 'max' }))
    .map(([first, rest]): Command[] => [first, ...rest.flat()]),
});
