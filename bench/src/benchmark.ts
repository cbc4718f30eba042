import type { Report } from './report.js';

/** The options that the command line asks for. */
export interface BenchmarkOptions {
  /** How often Flux and the floor take turns. */
  readonly rounds: number;
  /** Samples of each kind, over all rounds; each benchmark has its own default. */
  readonly count: number | undefined;
  readonly inFlight: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** The folder in which api and worker write CPU profiles; `undefined`: they are not profiled. */
  readonly profileDir: string | undefined;
}

/** Registers what is to be undone after the benchmark, however that ends; the newest goes first. */
export type Defer = (undo: () => Promise<unknown>) => void;

/** Measures one thing. */
export type Benchmark = (options: BenchmarkOptions, defer: Defer) => Promise<Report>;
