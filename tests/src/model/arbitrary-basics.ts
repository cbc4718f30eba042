import fc, { type Arbitrary } from 'fast-check';
import type { Command } from './program.js';

/** Commands that belong together; a shorter list of these is simpler. */
export type Commands = Arbitrary<readonly Command[]>;

export const ms = (most: number): Arbitrary<number> => fc.integer({ min: 1, max: most });

/** One of them, each as often as its weight says. */
export function pick<T>(...choices: ReadonlyArray<readonly [number, Arbitrary<T>]>): Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

export const one = (command: Arbitrary<Command>): Commands => command.map((each) => [each]);

export const inOrder = (...parts: readonly Commands[]): Commands =>
  fc.tuple(...parts).map((each) => each.flat());

export const maybe = (part: Commands): Commands => fc.option(part, { nil: [] });

export const several = (part: Commands, least: number, most: number): Commands =>
  fc.array(part, { minLength: least, maxLength: most, size: 'max' }).map((each) => each.flat());

export const elapse = (most: number): Commands => one(fc.record({ do: fc.constant('elapse'), ms: ms(most) }));
export const anyElapse = pick([4, elapse(60)], [3, elapse(500)], [1, elapse(3_000)]);
