/** A measured value, and the bound that it must not exceed. */
export interface Figure {
  readonly says: string;
  readonly value: number;
  /** The largest value that keeps the promise. */
  readonly bound: number;
  readonly unit: 'ms' | 'MB' | '%' | 'bytes' | '';
}

/** How large a proof is played. */
export interface Scale {
  readonly full: boolean;
  /** Takes the size of `--small`, or the full one. */
  pick<T>(small: T, full: T): T;
  /** Tells how far it is. */
  log(line: string): void;
}

/** A promise, and how it is put to the test. */
export interface Proof {
  readonly number: number;
  readonly promise: string;
  /** Resolves with the figures, all of them also where some are beyond their bounds. */
  readonly play: (scale: Scale) => Promise<Figure[]>;
}

export const count = (says: string, value: number): Figure => ({ says, value, bound: 0, unit: '' });
export const time = (says: string, values: readonly number[], bound: number): Figure => ({
  says,
  // No value is none that kept the promise.
  value: values.length === 0 ? Number.POSITIVE_INFINITY : Math.round(Math.max(...values)),
  bound,
  unit: 'ms',
});
export const isKept = ({ value, bound }: Figure): boolean => value <= bound;

export function scaleOf(full: boolean, log: (line: string) => void = () => undefined): Scale {
  return { full, log, pick: (small, large) => (full ? large : small) };
}
