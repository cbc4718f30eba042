import { describe, expect, it } from '@jest/globals';
import {
  ATTEMPT_STATES,
  ATTEMPT_TRANSITIONS,
  ATTEMPT_TRIGGERS,
  attemptTransition,
  type AttemptState,
  type AttemptTrigger,
} from './transitions.js';

/** The effect of each trigger in each state; `a|b`: a where the attempt has a runner of its own, b in a shared one. */
const TABLE = `
                running        signalled      expiring       closing    ended     fenced       over
cancel          signalled      signalled      EXPIRING       ENDED      ENDED     FENCED       OVER
tell            running        signalled      EXPIRING       ENDED      ENDED     FENCED       OVER
deadline        NOT_SIGNALLED  expiring       EXPIRING       ENDED      ENDED     FENCED       OVER
body_end        closing|ended  closing|ended  closing|ended  ENDED      ENDED     fenced|over  OVER
runner_death    ended          ended          ended          ended      ENDED     over         OVER
report          running        signalled      expiring       closing    ended     FENCED       OVER
last_confirm    NOT_ENDED      NOT_ENDED      NOT_ENDED      NOT_ENDED  over      FENCED       OVER
fence           fenced         fenced         fenced         fenced     ENDED     FENCED       OVER
lose_ownership  fenced         fenced         fenced         fenced     over      FENCED       OVER
`;
const [states = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.trim().split(/ +/));
const cells = rows.flatMap(([trigger, ...answers]) =>
  answers.flatMap((answer, column) =>
    [true, false].map((hasOwnRunner) => ({
      trigger: trigger as AttemptTrigger,
      state: states[column] as AttemptState,
      hasOwnRunner,
      expected: answer.split('|').at(hasOwnRunner ? 0 : -1),
    })),
  ),
);
const answerOf = (state: AttemptState, trigger: AttemptTrigger, hasOwnRunner: boolean): string => {
  const transition = attemptTransition(state, trigger, hasOwnRunner);
  return transition.kind === 'move' ? transition.to : transition.reason;
};

describe('the table of an attempt', () => {
  it.each(cells)(
    'answers $trigger in $state with $expected (own runner: $hasOwnRunner)',
    ({ trigger, state, hasOwnRunner, expected }) => {
      expect(answerOf(state, trigger, hasOwnRunner)).toBe(expected);
    },
  );

  it('holds no state and no trigger beyond these', () => {
    expect(states).toEqual(ATTEMPT_STATES);
    expect(rows.map(([trigger]) => trigger)).toEqual(ATTEMPT_TRIGGERS);
    expect(Object.keys(ATTEMPT_TRANSITIONS).sort()).toEqual([...ATTEMPT_TRIGGERS].sort());
    for (const row of Object.values(ATTEMPT_TRANSITIONS)) {
      expect(Object.keys(row).sort()).toEqual([...ATTEMPT_STATES].sort());
    }
  });

  it('never leads back to an earlier state', () => {
    const stage = (state: string): number => ATTEMPT_STATES.indexOf(state as AttemptState);
    for (const { trigger, state, hasOwnRunner } of cells) {
      const answer = answerOf(state, trigger, hasOwnRunner);
      if (stage(answer) >= 0) expect(stage(answer)).toBeGreaterThanOrEqual(stage(state));
    }
  });
});
