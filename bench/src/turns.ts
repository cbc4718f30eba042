import { summarize } from './stats.js';

/** Takes some samples, in milliseconds. */
export type Measure = () => Promise<number[]>;

export interface Turns {
  readonly floor: readonly number[];
  readonly flux: readonly number[];
  /** The ratio of medians, Flux's over the floor's: of all samples, and the lowest and highest of one round. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** Lets the floor and Flux take turns, so that whatever else the machine does meets both. */
export async function takeTurns(
  label: string,
  rounds: number,
  measureFloor: Measure,
  measureFlux: Measure,
): Promise<Turns> {
  const turns = { floor: [] as number[], flux: [] as number[] };
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const floor = await measureFloor();
    const flux = await measureFlux();
    turns.floor.push(...floor);
    turns.flux.push(...flux);
    ratios.push(ratioOfMedians(flux, floor));
  }
  return {
    ...turns,
    ratios: {
      [`${label}: ratio of medians, flux / floor`]: ratioOfMedians(turns.flux, turns.floor),
      [`${label}: lowest of a round`]: Math.min(...ratios),
      [`${label}: highest of a round`]: Math.max(...ratios),
    },
  };
}

/** Takes `count` samples one after the other. */
export async function oneAtATime(count: number, sample: () => Promise<number>): Promise<number[]> {
  const samples: number[] = [];
  while (samples.length < count) samples.push(await sample());
  return samples;
}

function ratioOfMedians(samples: readonly number[], base: readonly number[]): number {
  return summarize(samples).p50 / summarize(base).p50;
}
