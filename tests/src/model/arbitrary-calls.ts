import fc, { type Arbitrary } from 'fast-check';
import { elapse, inOrder, maybe, ms, one, pick, type Commands } from './arbitrary-basics.js';
import type { Script } from './scripted-workflow.js';

const of = fc.nat(4);
const syncMs: Arbitrary<number | null> = fc.option(ms(1_500), { freq: 2 });

export const start = (script: Arbitrary<Script>): Commands =>
  one(fc.record({ do: fc.constant('start'), script }));

export const cancel = one(
  fc.record({
    do: fc.constant('cancel'),
    of,
    force: fc.constantFrom(false, false, false, false, true),
    syncMs,
  }),
);
const cancelLater = one(fc.record({ do: fc.constant('cancel later'), of, delayMs: ms(400) }));

export const call = (what: 'undo' | 'pause' | 'resume' | 'status'): Commands =>
  one(fc.record({ do: fc.constant(what), of }));

/** A cancel of any kind that is taken back at once or a little later, or too late. */
const undone = inOrder(
  pick([3, cancel], [1, cancelLater]),
  maybe(pick([3, elapse(40)], [1, elapse(400)])),
  call('undo'),
);

/** What callers ask of an execution that is there. */
export const asked = pick(
  [6, cancel],
  [1, cancelLater],
  [2, undone],
  [2, call('pause')],
  [2, call('resume')],
  [1, call('undo')],
  [1, call('status')],
);
