import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EXECUTION_STATES, isTerminal, type ExecutionState } from './states.js';
import {
  TRANSITIONS,
  TRIGGERS,
  statesLeadingTo,
  transition,
  type Facts,
  type Trigger,
} from './transitions.js';

const FACTS = [
  'claimedBefore',
  'owned',
  'signalled',
  'timed',
  'awaitsChild',
  'delayed',
  'unsent',
  'wasSleeping',
  'wasPaused',
] as const satisfies readonly (keyof Facts)[];
const factsFrom = (isSet: (index: number) => boolean): Facts =>
  Object.fromEntries(FACTS.map((fact, index) => [fact, isSet(index)])) as unknown as Facts;
const NO_FACTS = factsFrom(() => false);
const allFacts = Array.from({ length: 2 ** FACTS.length }, (_, bits) =>
  factsFrom((index) => ((bits >> index) & 1) === 1),
);
const cells = TRIGGERS.flatMap((trigger) => EXECUTION_STATES.map((state) => ({ trigger, state })));

/** The states that `trigger` can lead to from `state`, over all facts. */
const targets = (state: ExecutionState, trigger: Trigger): ExecutionState[] =>
  EXECUTION_STATES.filter((to) =>
    allFacts.some((facts) => {
      const result = transition(state, trigger, facts);
      return result.kind === 'move' && result.to === to;
    }),
  );

describe('the transition table', () => {
  it.each(cells)('has an answer for $trigger in $state, whatever the facts', ({ trigger, state }) => {
    const answers = new Set(
      allFacts.map((facts) => {
        const result = transition(state, trigger, facts);
        return result.kind === 'move' ? result.to : result.reason;
      }),
    );
    for (const answer of answers) expect(answer).toMatch(/^[A-Z_]+$/);
  });

  it('holds no state and no trigger beyond the declared ones', () => {
    expect(Object.keys(TRANSITIONS).sort()).toEqual([...TRIGGERS].sort());
    for (const trigger of TRIGGERS) {
      expect(Object.keys(TRANSITIONS[trigger]).sort()).toEqual([...EXECUTION_STATES].sort());
    }
  });

  it('never leaves a terminal state', () => {
    for (const { trigger, state } of cells) {
      if (isTerminal(state)) expect(targets(state, trigger).filter((to) => to !== state)).toEqual([]);
    }
  });

  it('answers only a cancel of CANCELLED in a terminal state', () => {
    const accepted = cells.filter(
      ({ trigger, state }) => isTerminal(state) && targets(state, trigger).length > 0,
    );
    expect(accepted).toEqual([{ trigger: 'cancel', state: 'CANCELLED' }]);
  });

  it('makes its guards from the same cells', () => {
    for (const { trigger, state } of cells) {
      const result = transition(state, trigger, NO_FACTS);
      const expected = result.kind === 'move' && result.to !== state ? [result.to] : [];
      const led = EXECUTION_STATES.filter((to) => statesLeadingTo(to, trigger, NO_FACTS).includes(state));
      expect(led).toEqual(expected);
    }
  });
});

describe('a cancel', () => {
  const cancel = (state: ExecutionState, facts: Partial<Facts> = {}) =>
    transition(state, 'cancel', { ...NO_FACTS, ...facts });

  it.each(['SCHEDULED', 'PAUSED'] as const)('ends a %s execution that no worker ever claimed', (state) => {
    expect(cancel(state)).toEqual({ kind: 'move', to: 'CANCELLED' });
  });

  it.each(['SCHEDULED', 'PAUSED'] as const)(
    'of a %s execution that ran goes through CANCELLING, since its body may have something to clean up',
    (state) => {
      expect(cancel(state, { claimedBefore: true })).toEqual({ kind: 'move', to: 'CANCELLING' });
    },
  );

  it.each(['RUNNING', 'SLEEPING', 'CANCELLING'] as const)('of %s is CANCELLING', (state) => {
    expect(cancel(state)).toEqual({ kind: 'move', to: 'CANCELLING' });
  });

  it.each(['COMPLETED', 'FAILED'] as const)('of %s is refused', (state) => {
    expect(cancel(state)).toEqual({ kind: 'refuse', reason: 'ALREADY_FINISHED' });
  });

  it('loses against a body that had finished before the signal reached it', () => {
    expect(transition('CANCELLING', 'complete', NO_FACTS)).toEqual({ kind: 'move', to: 'COMPLETED' });
    expect(transition('CANCELLING', 'fail', NO_FACTS)).toEqual({ kind: 'move', to: 'FAILED' });
  });

  it('wins against a body that returns or throws after the signal', () => {
    const signalled = { ...NO_FACTS, signalled: true };
    expect(transition('CANCELLING', 'complete', signalled)).toEqual({ kind: 'move', to: 'CANCELLED' });
    expect(transition('CANCELLING', 'fail', signalled)).toEqual({ kind: 'move', to: 'CANCELLED' });
  });

  it('expires only where no worker holds the execution', () => {
    expect(transition('CANCELLING', 'expire', NO_FACTS)).toEqual({ kind: 'move', to: 'CANCELLED' });
    expect(transition('CANCELLING', 'expire', { ...NO_FACTS, owned: true }).kind).toBe('refuse');
  });
});

describe('an undo', () => {
  const undo = (state: ExecutionState, facts: Partial<Facts> = {}) =>
    transition(state, 'undo_cancel', { ...NO_FACTS, ...facts });

  it('leaves alone what waits for the delay of its cancel', () => {
    for (const state of ['SCHEDULED', 'RUNNING', 'PAUSED', 'SLEEPING'] as const) {
      expect(undo(state, { delayed: true })).toEqual({ kind: 'move', to: state });
      expect(undo(state)).toEqual({ kind: 'refuse', reason: 'NOT_CANCELLING' });
    }
  });

  it('brings what nobody has been told of back to where it was', () => {
    expect(undo('CANCELLING', { unsent: true })).toEqual({ kind: 'move', to: 'SCHEDULED' });
    expect(undo('CANCELLING', { unsent: true, wasSleeping: true })).toEqual({ kind: 'move', to: 'SLEEPING' });
    expect(undo('CANCELLING', { unsent: true, wasPaused: true })).toEqual({ kind: 'move', to: 'PAUSED' });
  });

  it('comes too late once a worker has been told, and after the end', () => {
    expect(undo('CANCELLING')).toEqual({ kind: 'refuse', reason: 'CANCEL_DELIVERED' });
    expect(undo('CANCELLED')).toEqual({ kind: 'refuse', reason: 'CANCEL_DELIVERED' });
    expect(undo('COMPLETED')).toEqual({ kind: 'refuse', reason: 'ALREADY_FINISHED' });
  });
});

describe('a wake', () => {
  it('ends a sleep, and a pause that has a sleep beside it, but no other', () => {
    const timed = { ...NO_FACTS, timed: true };
    expect(transition('SLEEPING', 'wake', NO_FACTS)).toEqual({ kind: 'move', to: 'SCHEDULED' });
    expect(transition('PAUSED', 'wake', timed)).toEqual({ kind: 'move', to: 'SCHEDULED' });
    expect(transition('PAUSED', 'wake', NO_FACTS)).toEqual({ kind: 'refuse', reason: 'NOT_SLEEPING' });
  });
});

describe('the end of a child', () => {
  const end = (state: ExecutionState, facts: Partial<Facts> = {}) =>
    transition(state, 'finish_child', { ...NO_FACTS, ...facts });

  it.each(['SLEEPING', 'PAUSED'] as const)('brings a %s parent back that waits for it', (state) => {
    expect(end(state, { awaitsChild: true })).toEqual({ kind: 'move', to: 'SCHEDULED' });
    expect(end(state)).toEqual({ kind: 'move', to: state });
  });

  it.each(['SCHEDULED', 'RUNNING', 'CANCELLING'] as const)(
    'is recorded in %s and changes nothing',
    (state) => {
      expect(end(state)).toEqual({ kind: 'move', to: state });
    },
  );

  it.each(['COMPLETED', 'FAILED', 'CANCELLED'] as const)('cannot change a %s parent', (state) => {
    expect(end(state)).toEqual({ kind: 'refuse', reason: 'ALREADY_FINISHED' });
  });
});

describe('a child', () => {
  it('is started by a running parent, also one under a cancel, so that the cancel reaches it', () => {
    expect(transition('RUNNING', 'start_child', NO_FACTS)).toEqual({ kind: 'move', to: 'RUNNING' });
    expect(transition('CANCELLING', 'start_child', NO_FACTS)).toEqual({ kind: 'move', to: 'CANCELLING' });
    expect(transition('CANCELLED', 'start_child', NO_FACTS).kind).toBe('refuse');
  });
});

describe('any order of triggers', () => {
  const step = fc.record({
    trigger: fc.constantFrom<Trigger>(...TRIGGERS),
    facts: fc.constantFrom(...allFacts),
  });

  it('goes from CANCELLING only to a terminal state, unless the cancel is taken back, and to nothing after that', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let state: ExecutionState = 'SCHEDULED';
        let cancelling = false;
        for (const { trigger, facts } of steps) {
          const result = transition(state, trigger, facts);
          if (result.kind === 'refuse') continue;
          if (isTerminal(state)) expect(result.to).toBe(state);
          state = result.to;
          if (trigger === 'undo_cancel') cancelling = false;
          if (cancelling) expect(state === 'CANCELLING' || isTerminal(state)).toBe(true);
          cancelling ||= state === 'CANCELLING';
        }
      }),
      { numRuns: 2000 },
    );
  });
});
