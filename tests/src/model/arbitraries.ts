import fc, { type Arbitrary } from 'fast-check';
import { anyElapse, elapse, inOrder, maybe, pick, several, type Commands } from './arbitrary-basics.js';
import { asked, call, cancel, start } from './arbitrary-calls.js';
import {
  blow,
  crashed,
  cutOff,
  failed,
  fault,
  frozen,
  killed,
  mishap,
  outage,
  owner,
  reset,
  restarted,
  restartedApi,
  restingCheckpoints,
  thawed,
  untilTakenOver,
  worker,
} from './arbitrary-faults.js';
import { anyScript, busyScript, parentScript } from './arbitrary-scripts.js';
import type { MessageType, Program } from './program.js';

/** Nothing breaks: every cancel comes true in its grace period and a little. */
const calm = inOrder(
  start(fc.oneof(anyScript, busyScript)),
  several(pick([2, start(anyScript)], [1, start(parentScript)], [8, asked], [8, anyElapse]), 2, 10),
);

/** Whatever breaks is what owns something at that moment. */
const troubled = inOrder(
  start(busyScript),
  elapse(150),
  several(pick([1, start(busyScript)], [2, asked], [2, anyElapse], [4, blow]), 1, 5),
);

const mishaps = (...types: readonly MessageType[]): Commands => several(mishap(...types), 1, 3);

/** Something befalls messages, and then comes what sends such ones. */
const messageLost = pick(
  [5, inOrder(mishaps('cancel'), cancel, cancel)],
  [6, inOrder(mishaps('run', 'claim', 'reply'), start(busyScript))],
  [3, inOrder(mishaps('checkpoints'), start(anyScript))],
  [2, inOrder(mishap('checkpoints'), elapse(300))],
  [2, inOrder(restingCheckpoints, start(busyScript), elapse(100), killed(owner), untilTakenOver, restarted)],
  [3, inOrder(mishaps('pause'), call('pause'), elapse(60))],
  [4, inOrder(mishaps('child'), start(parentScript), elapse(500))],
  [2, inOrder(mishaps('heartbeat'), elapse(2_500))],
  [2, inOrder(mishaps('register'), reset(worker))],
  [3, inOrder(mishaps('fence', 'offer'), frozen(owner), untilTakenOver, thawed)],
  [
    3,
    inOrder(
      mishap('fence'),
      restingCheckpoints,
      start(busyScript),
      elapse(100),
      cutOff(owner),
      untilTakenOver,
    ),
  ],
);
const misheard = inOrder(
  start(busyScript),
  elapse(150),
  several(pick([2, asked], [2, anyElapse], [7, messageLost]), 2, 6),
);

/** The api dies of something, or is away while something ends. */
const apiLost = pick(
  [2, inOrder(crashed, maybe(asked), elapse(1_500), restartedApi)],
  [1, inOrder(killed(fc.constant('api')), elapse(2_500), restartedApi)],
  [1, inOrder(failed, maybe(asked))],
);
/** What parents and children are told of each other meets an api that dies. */
const families = inOrder(
  pick(
    [1, inOrder(start(parentScript), elapse(200))],
    [1, inOrder(pick([1, crashed], [1, failed]), start(parentScript), elapse(1_000), restartedApi)],
  ),
  several(pick([2, asked], [2, anyElapse], [3, apiLost], [1, blow]), 1, 5),
);

const mixed = inOrder(
  start(anyScript),
  several(pick([3, start(anyScript)], [6, asked], [8, anyElapse], [5, fault], [1, outage]), 2, 12),
);

const picks: Arbitrary<number[]> = fc.array(fc.nat(5), { maxLength: 80, size: 'max' });

/** Programs of all that may happen; what is shrunk away first are its faults' numbers, its picks and its length. */
export const programs: Arbitrary<Program> = fc.record({
  picks: pick([1, fc.constant<number[]>([])], [3, picks]),
  settled: fc.boolean(),
  commands: pick([2, calm], [3, troubled], [5, misheard], [2, families], [4, mixed]),
});
