import fc, { type Arbitrary } from 'fast-check';
import { anyScript, busyScript, ms, parentScript, pick } from './arbitrary-scripts.js';
import {
  MISHAPS,
  OWNERS,
  WORKERS,
  type Command,
  type MessageType,
  type Mishap,
  type Place,
  type Program,
  type WorkerTarget,
} from './program.js';
import type { Script } from './scripted-workflow.js';

/** Commands that belong together; a shorter list of these is simpler. */
type Commands = Arbitrary<readonly Command[]>;

type Named<Do extends Command['do']> = Extract<Command, { readonly do: Do }>;
type Fields<Do extends Command['do']> = {
  readonly [Name in Exclude<keyof Named<Do>, 'do'>]: Arbitrary<Named<Do>[Name]>;
};

const one = <Do extends Command['do']>(what: Do, fields: Fields<Do>): Commands =>
  fc.record({ do: fc.constant(what), ...fields }).map((each) => [each as unknown as Command]);
const all = (...commands: readonly Command[]): Commands => fc.constant(commands);
const inOrder = (...parts: readonly Commands[]): Commands => fc.tuple(...parts).map((each) => each.flat());
const maybe = (part: Commands): Commands => fc.option(part, { nil: [] });
const several = (part: Commands, least: number, most: number): Commands =>
  fc.array(part, { minLength: least, maxLength: most, size: 'max' }).map((each) => each.flat());

const elapse = (most: number): Commands => one('elapse', { ms: ms(most) });
const anyElapse = pick([4, elapse(60)], [3, elapse(500)], [1, elapse(3_000)]);

const of = fc.nat(4);
const start = (script: Arbitrary<Script>): Commands => one('start', { script });
const cancel = one('cancel', {
  of,
  force: fc.constantFrom(false, false, false, false, true),
  syncMs: fc.option(ms(1_500), { freq: 2 }),
});
const cancelLater = one('cancel later', { of, delayMs: ms(400) });
const call = (what: 'undo' | 'pause' | 'resume' | 'status'): Commands => one(what, { of });

/** A cancel of any kind that is taken back at once or a little later, or too late. */
const undone = inOrder(
  pick([3, cancel], [1, cancelLater]),
  maybe(pick([3, elapse(40)], [1, elapse(400)])),
  call('undo'),
);

/** The requests of callers about an execution that is there. */
const asked = pick(
  [6, cancel],
  [1, cancelLater],
  [2, undone],
  [2, call('pause')],
  [2, call('resume')],
  [1, call('undo')],
  [1, call('status')],
);

const owner = fc.constantFrom(...OWNERS);
const worker: Arbitrary<WorkerTarget> = fc.constantFrom(...WORKERS, ...OWNERS);
const place: Arbitrary<Place> = fc.oneof(fc.constant('api' as const), fc.constantFrom(...WORKERS), owner);

/** Everything that may befall messages. */
const MISHAPS_OF_TYPES = Object.entries(MISHAPS).flatMap(([what, types]) =>
  types.map((to) => ({ what: what as Mishap, to })),
);

/** Something befalls the next message of one of the types; of any unless some are named. */
const mishap = (...types: readonly MessageType[]): Commands => {
  const among = MISHAPS_OF_TYPES.filter(({ to }) => types.length === 0 || types.includes(to));
  return fc
    .tuple(fc.constantFrom(...among), ms(4_000))
    .map(([{ what, to }, restMs]) => [{ do: 'mishap', what, to, ...(what === 'delay' && { ms: restMs }) }]);
};

/** A delay of checkpoints for as long as it may take until others are at work. */
const restingCheckpoints: Commands = fc
  .integer({ min: 1_000, max: 6_500 })
  .map((restMs) => [{ do: 'mishap', what: 'delay', to: 'checkpoints', ms: restMs }]);

const restarted = all({ do: 'restart', place: 'worker 0' }, { do: 'restart', place: 'worker 1' });
const restartedApi = all({ do: 'restart', place: 'api' });
const thawed = all({ do: 'thaw', place: 'worker 0' }, { do: 'thaw', place: 'worker 1' });

/** Longer than it takes until others have what a worker owned that is gone. */
const untilTakenOver = one('elapse', { ms: fc.integer({ min: 4_500, max: 8_000 }) });
const outageTime = pick([3, elapse(2_500)], [1, untilTakenOver]);

const killed = (at: Arbitrary<Place>): Commands => one('kill', { place: at });
const frozen = (at: Arbitrary<WorkerTarget>): Commands => one('freeze', { place: at });
const closed = (at: Arbitrary<WorkerTarget>): Commands => one('close', { place: at });
const brokenRunner = (at: Arbitrary<WorkerTarget>): Commands => one('break runner', { place: at });

const muted = (at: Arbitrary<WorkerTarget>): Commands => one('mute', { place: at });

const reset = (at: Arbitrary<Place>): Commands => one('reset link', { place: at });
const cut = (at: Arbitrary<Place>, brokerMs: number, processMs: number): Commands =>
  one('cut link', { place: at, brokerMs: ms(brokerMs), processMs: ms(processMs) });
/** Sometimes so that the broker is the first to know. */
const cutOff = (at: Arbitrary<Place>): Commands =>
  pick(
    [1, reset(at)],
    [1, one('stall link', { place: at, ms: ms(5_000) })],
    [1, cut(at, 2_500, 2_500)],
    [1, cut(at, 60, 2_500)],
  );

const ofStatement = (what: 'crash api' | 'fail database'): Commands =>
  one(what, {
    when: fc.constantFrom('before', 'after'),
    among: fc.constantFrom('all', 'writes', 'writes'),
    skips: fc.nat(8),
  });
const crashed = ofStatement('crash api');
const failed = ofStatement('fail database');

/** Whatever can break, anywhere. */
const fault = pick(
  [6, mishap()],
  [2, killed(place)],
  [2, one('restart', { place: fc.constantFrom(...WORKERS, 'api') })],
  [2, frozen(worker)],
  [2, one('thaw', { place: fc.constantFrom(...WORKERS) })],
  [2, closed(worker)],
  [2, brokenRunner(worker)],
  [1, muted(worker)],
  [2, all({ do: 'restart broker' })],
  [8, cutOff(place)],
  [2, failed],
  [1, crashed],
);

/** Something is away for a while. */
const outage = pick(
  [1, inOrder(killed(place), elapse(2_500), restarted, restartedApi)],
  [1, inOrder(frozen(worker), outageTime, thawed)],
);

/** A blow to the owner of the execution that runs at that moment. */
const blow = pick(
  [2, inOrder(killed(owner), outageTime, restarted)],
  [3, inOrder(frozen(owner), maybe(asked), outageTime, thawed)],
  [4, inOrder(cutOff(owner), maybe(elapse(1_000)))],
  [1, inOrder(closed(owner), elapse(1_000), restarted)],
  [1, brokenRunner(owner)],
  [2, inOrder(muted(owner), cancel, maybe(elapse(1_000)))],
  // The owner's last words are heard when others are at work.
  [2, inOrder(restingCheckpoints, elapse(300), pick([1, killed(owner)], [1, cutOff(owner)]))],
);

/** Nothing breaks: every cancel comes true in its grace period and a little. */
const calm = inOrder(
  start(fc.oneof(anyScript, busyScript)),
  several(pick([2, start(anyScript)], [1, start(parentScript)], [8, asked], [8, anyElapse]), 2, 10),
);

/** Longer than a grace period, and shorter than what a cancel may take. */
const beyondGrace = fc.integer({ min: 700, max: 2_500 });
const isAwayAt = (at: Arbitrary<Place>): Commands => one('stall link', { place: at, ms: beyondGrace });

/** Nobody hears of a cancel for longer than its grace period, or its owner freezes for longer than a lease. */
const unheard = inOrder(
  start(busyScript),
  elapse(150),
  pick(
    [1, inOrder(isAwayAt(pick([1, fc.constant('api' as const)], [2, owner])), cancel)],
    [1, inOrder(killed(worker), killed(worker), cancel, one('elapse', { ms: beyondGrace }), restarted)],
    [1, inOrder(frozen(owner), cancel, untilTakenOver, thawed)],
    [1, inOrder(cancel, elapse(100), frozen(owner), untilTakenOver, thawed)],
  ),
  several(pick([2, asked], [1, anyElapse]), 0, 3),
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
/** The news between parents and children meets an api that dies. */
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
  commands: pick([2, calm], [1, unheard], [3, troubled], [5, misheard], [2, families], [4, mixed]),
});
