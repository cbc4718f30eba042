import fc, { type Arbitrary } from 'fast-check';
import type { ChildStep, Script, Step } from './scripted-workflow.js';

export const ms = (most: number): Arbitrary<number> => fc.integer({ min: 1, max: most });

/** Gives one of the choices, each as often as its weight says. */
export function pick<T>(...choices: ReadonlyArray<readonly [number, Arbitrary<T>]>): Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

type Own = Exclude<Step, ChildStep>;

const task = (longestMs: number): Arbitrary<Own> =>
  fc.record({ do: fc.constant('task'), ms: ms(longestMs), obeys: fc.boolean() });

const step: Arbitrary<Own> = pick<Own>(
  [4, task(300)],
  [2, fc.record({ do: fc.constant('undoable'), ms: ms(60) })],
  [1, fc.record({ do: fc.constant('flaky'), ms: ms(60) })],
  [2, fc.record({ do: fc.constant('both'), ms: ms(100) })],
  [1, fc.record({ do: fc.constant('shielded'), ms: ms(200) })],
  [1, fc.record({ do: fc.constant('scoped'), ms: ms(100), limitMs: ms(100) })],
  [1, fc.record({ do: fc.constant('sleep'), ms: ms(300) })],
  [1, fc.record({ do: fc.constant('sleep'), ms: fc.constant(5_200) })],
  [1, fc.record({ do: fc.constant('pause') })],
);

const longStep: Arbitrary<Own> = pick<Own>(
  [4, fc.record({ do: fc.constant('busy'), obeys: fc.boolean() })],
  [3, task(6_000)],
);

const cleanup = fc.constantFrom(...(['none', 'none', 'task', 'task', 'task', 'task', 'endless'] as const));

const manners = {
  end: fc.constantFrom(...(['returns', 'returns', 'returns', 'returns', 'throws'] as const)),
  handler: fc.boolean(),
  cleanup,
  then: fc.constantFrom(...(['rethrows', 'rethrows', 'rethrows', 'rethrows', 'returns', 'throws'] as const)),
};

const childStep = (script: Arbitrary<Script>): Arbitrary<ChildStep> =>
  fc.record({
    do: fc.constantFrom('call', 'spawn'),
    script,
    onParentCancel: fc.constantFrom('wait', 'request', 'abandon'),
  });

const shortScript: Arbitrary<Script> = fc.record({ steps: fc.array(step, { maxLength: 2 }), ...manners });

/** Any, mostly over soon. */
export const anyScript: Arbitrary<Script> = fc.record({
  steps: fc.array(pick<Step>([7, step], [1, longStep], [1, childStep(shortScript)]), {
    minLength: 1,
    maxLength: 4,
  }),
  ...manners,
});

/** A script that keeps its owner busy, so that whatever befalls the owner meets the script. */
export const busyScript: Arbitrary<Script> = fc
  .record({ first: fc.array(step, { maxLength: 2 }), long: longStep, ...manners })
  .map(({ first, long, ...rest }) => ({ steps: [...first, long], ...rest }));

/** A script with a child that may be long at work. */
export const parentScript: Arbitrary<Script> = fc
  .record({
    child: childStep(fc.oneof(shortScript, busyScript)),
    after: fc.array(step, { maxLength: 2 }),
    ...manners,
  })
  .map(({ child, after, ...rest }) => ({ steps: [child, ...after], ...rest }));
