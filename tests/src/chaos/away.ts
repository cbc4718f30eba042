import { setTimeout as wait } from 'node:timers/promises';

const BEAT_MS = 50;
/** A beat that is later than this is a machine that had no time for anybody. */
const LATE_MS = 200;

interface Interval {
  readonly from: number;
  readonly to: number;
}

/** When a server was away, or the machine had no time; milliseconds since 1970. */
export class Away {
  readonly #intervals: Interval[] = [];
  readonly #over = new AbortController();
  readonly #watching = this.#watch();

  /** Notes the time that `act` takes. */
  async during(act: () => Promise<unknown>): Promise<void> {
    const from = Date.now();
    await act();
    this.#intervals.push({ from, to: Date.now() });
  }

  /** How long between the two times. */
  msIn(from: number, to: number): number {
    const inside = this.#intervals
      .map((each) => ({ from: Math.max(each.from, from), to: Math.min(each.to, to) }))
      .filter((each) => each.from < each.to)
      .sort((one, other) => one.from - other.from);
    let [sum, until] = [0, 0];
    for (const each of inside) {
      sum += Math.max(0, each.to - Math.max(each.from, until));
      until = Math.max(until, each.to);
    }
    return sum;
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const from = Date.now();
      await wait(BEAT_MS);
      const to = Date.now();
      if (to - from > LATE_MS) this.#intervals.push({ from, to });
    }
  }
}
