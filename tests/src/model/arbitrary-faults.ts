import fc, { type Arbitrary } from 'fast-check';
import { elapse, inOrder, maybe, ms, one, pick, type Commands } from './arbitrary-basics.js';
import { asked } from './arbitrary-calls.js';
import {
  MISHAPS,
  OWNERS,
  WORKERS,
  type Command,
  type FixedPlace,
  type MessageType,
  type Mishap,
  type Place,
  type WorkerTarget,
} from './program.js';

const FIXED_PLACES: readonly FixedPlace[] = [...WORKERS, 'api'];

export const owner = fc.constantFrom(...OWNERS);
export const worker: Arbitrary<WorkerTarget> = fc.constantFrom(...WORKERS, ...OWNERS);
const place: Arbitrary<Place> = fc.oneof(fc.constant('api' as const), fc.constantFrom(...WORKERS), owner);

const all = (...commands: readonly Command[]): Commands => fc.constant(commands);

/** Everything that may befall messages. */
const MISHAPS_OF_TYPES = Object.entries(MISHAPS).flatMap(([what, types]) =>
  types.map((to) => ({ what: what as Mishap, to })),
);

/** Something befalls the next message of one of the types; of any unless some are named. */
export const mishap = (...types: readonly MessageType[]): Commands => {
  const among = MISHAPS_OF_TYPES.filter(({ to }) => types.length === 0 || types.includes(to));
  return fc
    .tuple(fc.constantFrom(...among), ms(4_000))
    .map(([{ what, to }, restMs]) => [{ do: 'mishap', what, to, ...(what === 'delay' && { ms: restMs }) }]);
};

/** For as long as it may take until others are at work. */
export const restingCheckpoints: Commands = fc
  .integer({ min: 1_000, max: 6_500 })
  .map((restMs) => [{ do: 'mishap', what: 'delay', to: 'checkpoints', ms: restMs }]);

export const restarted = all({ do: 'restart', place: 'worker 0' }, { do: 'restart', place: 'worker 1' });
export const restartedApi = all({ do: 'restart', place: 'api' });
export const thawed = all({ do: 'thaw', place: 'worker 0' }, { do: 'thaw', place: 'worker 1' });

/** Longer than it takes until others have what a worker owned that is gone. */
export const untilTakenOver = one(
  fc.record({ do: fc.constant('elapse'), ms: fc.integer({ min: 4_500, max: 8_000 }) }),
);
const outageTime = pick([3, elapse(2_500)], [1, untilTakenOver]);

export const killed = (at: Arbitrary<Place>): Commands =>
  one(fc.record({ do: fc.constant('kill'), place: at }));
export const frozen = (at: Arbitrary<WorkerTarget>): Commands =>
  one(fc.record({ do: fc.constant('freeze'), place: at }));
const closed = (at: Arbitrary<WorkerTarget>): Commands =>
  one(fc.record({ do: fc.constant('close'), place: at }));
const brokenRunner = (at: Arbitrary<WorkerTarget>): Commands =>
  one(fc.record({ do: fc.constant('break runner'), place: at }));

export const reset = (at: Arbitrary<Place>): Commands =>
  one(fc.record({ do: fc.constant('reset link'), place: at }));
const cut = (at: Arbitrary<Place>, brokerMs: number, processMs: number): Commands =>
  one(
    fc.record({
      do: fc.constant('cut link'),
      place: at,
      brokerMs: ms(brokerMs),
      processMs: ms(processMs),
    }),
  );
/** Sometimes so that the broker is the first to know. */
export const cutOff = (at: Arbitrary<Place>): Commands =>
  pick(
    [1, reset(at)],
    [1, one(fc.record({ do: fc.constant('stall link'), place: at, ms: ms(5_000) }))],
    [1, cut(at, 2_500, 2_500)],
    [1, cut(at, 60, 2_500)],
  );

const ofStatement = (what: 'crash api' | 'fail database'): Commands =>
  one(
    fc.record({
      do: fc.constant(what),
      when: fc.constantFrom('before', 'after'),
      among: fc.constantFrom('all', 'writes', 'writes'),
      skips: fc.nat(8),
    }),
  );
export const crashed = ofStatement('crash api');
export const failed = ofStatement('fail database');

/** Whatever can break, anywhere. */
export const fault = pick(
  [6, mishap()],
  [2, killed(place)],
  [2, one(fc.record({ do: fc.constant('restart'), place: fc.constantFrom(...FIXED_PLACES) }))],
  [2, frozen(worker)],
  [2, one(fc.record({ do: fc.constant('thaw'), place: fc.constantFrom(...WORKERS) }))],
  [2, closed(worker)],
  [2, brokenRunner(worker)],
  [2, all({ do: 'restart broker' })],
  [8, cutOff(place)],
  [2, failed],
  [1, crashed],
);

/** Something is away for a while. */
export const outage = pick(
  [1, inOrder(killed(place), elapse(2_500), restarted, restartedApi)],
  [1, inOrder(frozen(worker), outageTime, thawed)],
);

/** What befalls the owner of what runs at that moment. */
export const blow = pick(
  [2, inOrder(killed(owner), outageTime, restarted)],
  [3, inOrder(frozen(owner), maybe(asked), outageTime, thawed)],
  [4, inOrder(cutOff(owner), maybe(elapse(1_000)))],
  [1, inOrder(closed(owner), elapse(1_000), restarted)],
  [1, brokenRunner(owner)],
  // What it told last is heard when others are at work.
  [2, inOrder(restingCheckpoints, elapse(300), pick([1, killed(owner)], [1, cutOff(owner)]))],
);
