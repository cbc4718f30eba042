import type { Program } from './program.js';
import type { Trace } from './trace.js';

/** What a process is to play. */
export interface Request {
  readonly seed: number;
  /** How many random programs. */
  readonly programs: number;
  /** Where in what `seed` gives to begin: the counterexample of an earlier run. */
  readonly path?: string;
  /** Programs to play before those, by name. */
  readonly fixed?: Readonly<Record<string, Program>>;
  /** How many of a counterexample's simpler variants to try; default 400. */
  readonly mostShrinks?: number;
  readonly mutant?: string;
  /** Write down what each program has the database do. */
  readonly traced?: boolean;
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

/** What came of it. */
export interface Report {
  readonly programs: number;
  readonly cpuSeconds: number;
  readonly virtualSeconds: number;
  /** What really happened, and how often. */
  readonly tally: Readonly<Record<string, number>>;
  readonly counterexamples: readonly Counterexample[];
  /** Of each program, where that was asked for. */
  readonly traces: readonly Trace[];
}
