import type { Program } from './program.js';

/** The request that tells a process what to play. */
export interface Request {
  readonly seed: number;
  /** How many random programs. */
  readonly programs: number;
  /** The place among the programs of `seed` to begin at: the counterexample of an earlier run. */
  readonly path?: string;
  /** Programs to play before those, by name. */
  readonly fixed?: Readonly<Record<string, Program>>;
  /** How many of a counterexample's simpler variants to try; default 400. */
  readonly mostShrinks?: number;
  readonly mutant?: string;
}

/** A program that something was wrong about, as simple as it could be made. */
export interface Counterexample {
  readonly program: Program;
  readonly faults: readonly string[];
  readonly story: readonly string[];
  /** Absent for a fixed program. */
  readonly path?: string;
  readonly name?: string;
}

/** The outcome of a request. */
export interface Report {
  readonly programs: number;
  readonly cpuSeconds: number;
  readonly virtualSeconds: number;
  /** The events that really happened, and how often. */
  readonly tally: Readonly<Record<string, number>>;
  readonly counterexamples: readonly Counterexample[];
}
