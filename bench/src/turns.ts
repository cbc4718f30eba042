import type { BenchmarkOptions } from './benchmark.js';
import type { Floor } from './floor/floor.js';
import { summarize } from './stats.js';

export interface Turns {
  readonly floor: readonly number[];
  readonly flux: readonly number[];
  /** Flux's median over the floor's; and the lowest and highest such ratio of one round. */
  readonly ratios: Readonly<Record<string, number>>;
}

/**
 * Lets the floor and Flux take turns, so that whatever else the machine does meets both. `measure` takes as many
 * samples of Flux as it is asked for.
 */
export async function takeTurns(
  floor: Floor,
  measure: (count: number) => Promise<number[]>,
  { rounds }: Pick<BenchmarkOptions, 'rounds'>,
  count: number,
): Promise<Turns> {
  const perRound = Math.max(1, Math.round(count / rounds));
  const turns = { floor: [] as number[], flux: [] as number[] };
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const floorSamples = await floor.measure(perRound);
    const fluxSamples = await measure(perRound);
    turns.floor.push(...floorSamples);
    turns.flux.push(...fluxSamples);
    ratios.push(summarize(fluxSamples).p50 / summarize(floorSamples).p50);
  }
  return {
    ...turns,
    ratios: {
      'ratio of medians (flux / floor)': summarize(turns.flux).p50 / summarize(turns.floor).p50,
      'lowest ratio of a round': Math.min(...ratios),
      'highest ratio of a round': Math.max(...ratios),
    },
  };
}
